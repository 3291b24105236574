import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPTIONS_CLASSES } from '../program-configuration.js';
import { knownNames } from './check-names.js';
import { editDistance, nearMiss } from './near-miss.js';

const ours = knownNames(OPTIONS_CLASSES);

/** What Kubernetes tells every container of a namespace about a service in it. */
function serviceLinks(service: string, port: number): string[] {
  return [
    `${service}_SERVICE_HOST`,
    `${service}_SERVICE_PORT`,
    `${service}_SERVICE_PORT_HTTP`,
    `${service}_PORT`,
    `${service}_PORT_${port}_TCP`,
    `${service}_PORT_${port}_TCP_PROTO`,
    `${service}_PORT_${port}_TCP_PORT`,
    `${service}_PORT_${port}_TCP_ADDR`,
  ];
}

describe('editDistance', () => {
  it.each([
    ['QUEUE_PATH', 'QUEUE_PATH', 0],
    ['', 'AB', 2],
    ['KAFKA_BROKER', 'KAFKA_BROKERS', 1],
    ['OUTPTUS', 'OUTPUTS', 1],
    ['METRIC_ENABLE', 'METRICS_ENABLED', 2],
    ['LGO_LEVLE', 'LOG_LEVEL', 2],
    ['SERVER_PORT', 'SERVER_ADDR', 4],
  ])('is from %j to %j: %i', (from, to, edits) => {
    expect(editDistance(from, to)).toBe(edits);
    expect(editDistance(to, from)).toBe(edits);
  });

  it('is never more than the edits that were made', () => {
    const letter = fc.constantFrom('A', 'B', 'C', '_');
    const edit = fc.record({
      kind: fc.constantFrom('insert', 'delete', 'substitute'),
      at: fc.nat(12),
      letter,
    });
    fc.assert(
      fc.property(fc.string({ unit: letter, maxLength: 10 }), fc.array(edit), (name, edits) => {
        const edited = edits.reduce((text, { kind, at, letter: added }) => {
          const tail = text.slice(kind === 'insert' ? at : at + 1);
          return text.slice(0, at) + (kind === 'delete' ? '' : added) + tail;
        }, name);
        expect(editDistance(name, edited)).toBeLessThanOrEqual(edits.length);
      }),
    );
  });
});

describe('nearMiss', () => {
  it.each([
    ['METRICS_ENABLE', 'METRICS_ENABLED'],
    ['KAFKA_BROKER', 'KAFKA_BROKERS'],
    ['OUTPUT', 'OUTPUTS'],
    ['OTUPUT', 'OUTPUTS'],
    ['PGDSN', 'PG_DSN'],
    ['QUEUE_MAX_MIB', 'QUEUE_MAX_MB'],
    ['log_level', 'LOG_LEVEL'],
    ['Log_Levle', 'LOG_LEVEL'],
    ['NODE_ENVV', 'NODE_ENV'],
  ])('takes %s for a misspelt %s', (name, meant) => {
    expect(nearMiss(name, ours)).toBe(meant);
  });

  it('names the nearest of several', () => {
    expect(nearMiss('AXXD', new Set(['ABCD', 'AXCD', 'AYYD']))).toBe('AXCD');
  });

  it.each([...ours])('leaves %s alone', (name) => {
    expect(nearMiss(name, ours)).toBeUndefined();
  });

  it('leaves a name alone that is three edits away', () => {
    expect(nearMiss('METRICS_ENA', ours)).toBeUndefined();
    expect(nearMiss('OUT', ours)).toBeUndefined();
  });

  it('allows one edit to a name of fewer than six letters', () => {
    expect(nearMiss('ROLES', ours)).toBe('ROLE');
    expect(nearMiss('BTOS', ours)).toBe('BOTS');
    expect(nearMiss('HOME', new Set(['ROLE']))).toBeUndefined();
    expect(nearMiss('NODE', new Set(['ROLE']))).toBeUndefined();
    expect(nearMiss('HOST', new Set(['BOTS']))).toBeUndefined();
    expect(nearMiss('ABXX', new Set(['ABCDE']))).toBeUndefined();
    expect(nearMiss('ABCDXX', new Set(['ABCDEF']))).toBe('ABCDEF');
  });

  it.each([
    [
      'a shell',
      `PATH HOME HOST HOSTNAME PWD OLDPWD LANG LANGUAGE LC_ALL LC_CTYPE SHLVL SHELL TERM USER LOGNAME MAIL TZ TMPDIR
      EDITOR PAGER DISPLAY COLORTERM LS_COLORS _ XDG_RUNTIME_DIR XDG_SESSION_ID SSH_CLIENT SSH_TTY SSH_AUTH_SOCK DEBUG CI
      HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy`,
    ],
    [
      'certificates',
      'SSL_CERT_DIR SSL_CERT_FILE SSLKEYLOGFILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE OPENSSL_CONF',
    ],
    [
      'npm and node',
      `NODE NODE_ENV NODE_OPTIONS NODE_PATH NODE_VERSION NODE_EXTRA_CA_CERTS NODE_NO_WARNINGS YARN_VERSION INIT_CWD COLOR UV_THREADPOOL_SIZE
      npm_command npm_execpath npm_node_execpath npm_lifecycle_event npm_lifecycle_script npm_package_json npm_package_name
      npm_package_version npm_config_cache npm_config_globalconfig npm_config_global_prefix npm_config_init_module
      npm_config_local_prefix npm_config_loglevel npm_config_node_gyp npm_config_noproxy npm_config_npm_version npm_config_prefix
      npm_config_user_agent npm_config_userconfig NVM_DIR NVM_BIN VITEST VITEST_MODE
      VITEST_POOL_ID VITEST_WORKER_ID JEST_WORKER_ID TEST MODE DEV PROD BASE_URL`,
    ],
    [
      'systemd and Kubernetes',
      `INVOCATION_ID JOURNAL_STREAM NOTIFY_SOCKET LISTEN_FDS MAINPID POD_NAME POD_IP POD_NAMESPACE NODE_NAME NODE_IP
      HOST_IP KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_SERVICE_PORT_HTTPS KUBERNETES_PORT
      KUBERNETES_PORT_443_TCP KUBERNETES_PORT_443_TCP_ADDR`,
    ],
    [
      'the containers beside it',
      `PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE PGDATA PGSSLMODE PG_MAJOR PG_VERSION POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB
      KAFKA_NODE_ID KAFKA_BROKER_ID KAFKA_LISTENERS KAFKA_HEAP_OPTS KAFKA_OPTS KAFKA_PROCESS_ROLES KAFKA_LOG_DIRS
      KAFKA_ADVERTISED_LISTENERS KAFKA_CONTROLLER_QUORUM_VOTERS CLUSTER_ID GF_SERVER_HTTP_PORT GF_SECURITY_ADMIN_PASSWORD
      GF_LOG_LEVEL OTEL_SERVICE_NAME`,
    ],
    [
      "Kubernetes' service links",
      [
        ...serviceLinks('KAFKA', 9092),
        ...serviceLinks('PG', 5432),
        ...serviceLinks('POSTGRES', 5432),
        ...serviceLinks('METRICS', 9090),
        ...serviceLinks('SERVER', 80),
        ...serviceLinks('QUEUE', 80),
        ...serviceLinks('LOG', 80),
        ...serviceLinks('GOTRACK', 19890),
      ].join(' '),
    ],
  ])('takes nothing in the environment of %s for a misspelt name of ours', (_of, names) => {
    const hits = names.split(/\s+/).map((name) => [name, nearMiss(name, ours)]);
    expect(hits.filter(([, meant]) => meant !== undefined)).toEqual([]);
  });
});
