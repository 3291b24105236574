import { dirname } from 'node:path';

export default {
  output: 'export',
  // Where node_modules is.
  turbopack: { root: dirname(import.meta.dirname) },
};
