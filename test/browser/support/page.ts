import type { SitePage } from './site.js';

const NONCE = 'bm9uY2U';

/** Makes calls work before the client has loaded. */
export const QUEUE = `<script nonce="${NONCE}">
  window.gotrack = window.gotrack || function () { (gotrack.q = gotrack.q || []).push(arguments); };
</script>`;

interface PageParts {
  readonly title?: string;
  readonly head?: string;
  readonly body?: string;
  /** Attributes of the client's tag; undefined for a page without it. */
  readonly client?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A page with the client's tag and the policy of docs/integration/csp.md; all that this does not name is blocked. */
export function pageWithClient(
  collectorUrl: string,
  { title = 'A page', head = '', body = '', client = '', headers = {} }: PageParts = {},
): SitePage {
  return {
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<link rel="icon" href="data:,">${head}
<script async nonce="${NONCE}" src="${collectorUrl}/pixel.js" ${client}></script>
</head><body>${body}</body></html>`,
    headers: { 'Content-Security-Policy': policyFor(collectorUrl), ...headers },
  };
}

/** An inline script that the page's policy allows. */
export function inline(script: string): string {
  return `<script nonce="${NONCE}">${script}</script>`;
}

export function policyFor(collectorUrl: string): string {
  return [
    `default-src 'none'`,
    `script-src 'nonce-${NONCE}'`,
    `connect-src ${collectorUrl}`,
    `img-src ${collectorUrl} data:`,
  ].join('; ');
}
