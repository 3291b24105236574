import type { Command } from './command.js';

/** Every command there is. Each loads what it needs when it is called. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    about: 'run the collector (the default)',
    load: () => import('./serve.js'),
  },
  {
    name: 'check-config',
    about: 'check the configuration and print what is in effect, secrets masked',
    options: ['json'],
    load: () => import('./check-config.js'),
  },
  {
    name: 'healthcheck',
    about: "ask the running collector's /healthz; exit code 0 when it answers",
    load: () => import('./healthcheck.js'),
  },
  {
    name: 'queue status',
    about: 'what is queued for each sink, how old it is, and how full the queue is',
    options: ['json'],
    load: () => import('./queue-status.js'),
  },
  {
    name: 'queue forget',
    argument: 'SINK',
    about: 'give up what is queued for a sink that OUTPUTS no longer names',
    load: () => import('./queue-forget.js'),
  },
  {
    name: 'dead-letters list',
    about: 'what sinks and ingestion have refused, by file and reason',
    options: ['json'],
    load: () => import('./dead-letters-list.js'),
  },
  {
    name: 'dead-letters replay',
    argument: 'NAME',
    about:
      'deliver the dead letters of a sink again, or validate those of "rejected" again; with --wait, show how far it is until it is done',
    options: ['wait'],
    load: () => import('./dead-letters-replay.js'),
  },
  {
    name: 'dead-letters purge',
    argument: 'NAME',
    about: 'delete the dead letters of a sink, or those of "rejected"; --yes answers the question',
    options: ['yes'],
    load: () => import('./dead-letters-purge.js'),
  },
  {
    name: 'schemas check',
    argument: 'FILE',
    about:
      'check a schema, a folder of them, or events (JSON, or NDJSON in a file of that name) against EVENT_SCHEMAS',
    options: ['json'],
    load: () => import('./schemas-check.js'),
  },
  {
    name: 'tail',
    about: 'show events as they are accepted, of one type or one source if so asked',
    options: ['json'],
    values: ['type', 'source'],
    load: () => import('./tail.js'),
  },
];
