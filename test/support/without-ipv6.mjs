/** Preloaded, makes each bind to an IPv6 address fail as on a host whose kernel has no IPv6. */
const EAFNOSUPPORT = -97;
process.binding('tcp_wrap').TCP.prototype.bind6 = () => EAFNOSUPPORT;
