// Writes the URL of each module that a process loads, a line each, to the file that LOADED_MODULES names: `node --import <this file> …`.
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const { LOADED_MODULES: path } = process.env;

registerHooks({
  load(url, context, nextLoad) {
    appendFileSync(path, `${url}\n`);
    return nextLoad(url, context);
  },
});
