import { randomBytes } from 'node:crypto';

/** Who may log in to the broker, by every mechanism. */
export const KAFKA_USER = { name: 'gotrack', password: randomBytes(9).toString('hex') };

export const LISTENERS = {
  PLAIN: 'PLAINTEXT',
  PROXIED: 'PLAINTEXT',
  LOGIN: 'SASL_PLAINTEXT',
  TLS: 'SSL',
  SECURE: 'SASL_SSL',
} as const;
/** Kafka finds it in capitals only. */
export const CONTROLLER = 'CONTROLLER';
export type Listener = keyof typeof LISTENERS;

type Properties = Readonly<Record<string, string>>;

export interface NodeSettings {
  /** `host:port` of each listener that it has. */
  readonly addresses: Readonly<Partial<Record<Listener, string>>>;
  readonly controller: string;
  readonly dataDirectory: string;
  /** Path of the key and certificate of its TLS listeners. */
  readonly keystore?: string | undefined;
  readonly createsTopics?: boolean | undefined;
  readonly proxyPort?: number | undefined;
}

/** Of a broker that is the cluster's controller as well. */
export function leaderProperties(settings: NodeSettings): Properties {
  const { addresses, controller, keystore, proxyPort } = settings;
  const advertised = { ...addresses };
  if (proxyPort !== undefined) {
    advertised.PROXIED = `127.0.0.1:${proxyPort}`;
  }
  return {
    ...common(settings),
    'process.roles': 'broker,controller',
    'node.id': '1',
    // There may be no second one.
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    listeners: listenersOf({ ...addresses, [CONTROLLER]: controller }),
    'advertised.listeners': listenersOf(advertised),
    ...login('LOGIN'),
    ...login('SECURE'),
    ...(keystore !== undefined && {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': keystore,
    }),
  };
}

/** Of a second broker. */
export function followerProperties(settings: NodeSettings): Properties {
  return {
    ...common(settings),
    'process.roles': 'broker',
    'node.id': '2',
    listeners: listenersOf(settings.addresses),
    ...login('LOGIN'),
  };
}

export interface QuorumSettings {
  readonly id: number;
  readonly address: string;
  readonly dataDirectory: string;
  /** `id@host:port` of all nodes. */
  readonly voters: readonly string[];
}

/** Of one of several nodes, each of them a broker and one of the controllers, for topics with a copy on each. */
export function quorumProperties({
  id,
  address,
  dataDirectory,
  voters,
}: QuorumSettings): Properties {
  const controller = voters[id - 1]?.split('@')[1] ?? '';
  return {
    ...common({ addresses: { PLAIN: address }, controller, dataDirectory }),
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': voters.join(),
    listeners: listenersOf({ PLAIN: address, [CONTROLLER]: controller }),
    'advertised.listeners': listenersOf({ PLAIN: address }),
    // Longer than a busy machine lets one of them wait.
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '500',
    'offsets.topic.num.partitions': '4',
    'group.initial.rebalance.delay.ms': '0',
  };
}

function common({ addresses, controller, dataDirectory, createsTopics }: NodeSettings): Properties {
  return {
    'controller.quorum.voters': `1@${controller}`,
    'controller.listener.names': CONTROLLER,
    'listener.security.protocol.map': [
      ...(Object.keys(addresses) as Listener[]).map((name) => `${name}:${LISTENERS[name]}`),
      `${CONTROLLER}:PLAINTEXT`,
    ].join(),
    'inter.broker.listener.name': 'PLAIN',
    // One that was killed is missed soon, and may come back.
    'broker.session.timeout.ms': '1000',
    'broker.heartbeat.interval.ms': '250',
    'group.initial.rebalance.delay.ms': '0',
    'log.dirs': dataDirectory,
    'auto.create.topics.enable': String(createsTopics ?? false),
    // Who does not log in may do everything, and so may the others until a test names their rights.
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    'allow.everyone.if.no.acl.found': 'true',
  };
}

function listenersOf(addresses: Readonly<Record<string, string>>): string {
  return Object.entries(addresses)
    .map(([name, address]) => `${name}://${address}`)
    .join();
}

function login(listener: Listener): Properties {
  const { name, password } = KAFKA_USER;
  const modules = 'org.apache.kafka.common.security';
  const jaas = {
    plain: `${modules}.plain.PlainLoginModule required user_${name}="${password}";`,
    'scram-sha-256': `${modules}.scram.ScramLoginModule required;`,
    'scram-sha-512': `${modules}.scram.ScramLoginModule required;`,
  };
  return {
    [`listener.name.${listener.toLowerCase()}.sasl.enabled.mechanisms`]:
      'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...Object.fromEntries(
      Object.entries(jaas).map(([mechanism, value]) => [
        `listener.name.${listener.toLowerCase()}.${mechanism}.sasl.jaas.config`,
        value,
      ]),
    ),
  };
}
