/** Whether an `Accept-Encoding` header (RFC 9110, 12.5.3) asks for gzip, by name. */
export function acceptsGzip(header: string | undefined): boolean {
  return (header ?? '').split(',').some((part) => {
    const [coding = '', ...parameters] = part.split(';').map((word) => word.trim().toLowerCase());
    const refused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    return coding === 'gzip' && !refused;
  });
}
