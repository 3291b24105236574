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

/** Of the one that leads the brokers of a cluster, and holds no topic. */
export function controllerProperties(controller: string, dataDirectory: string): Properties {
  return {
    ...common({ addresses: {}, controller, dataDirectory }),
    'process.roles': 'controller',
    'node.id': '1',
    listeners: listenersOf({ [CONTROLLER]: controller }),
  };
}

/** Of one of several brokers with a controller beside them, for topics with a copy on each. */
export function memberProperties(
  id: number,
  settings: Omit<NodeSettings, 'addresses'> & { readonly address: string },
): Properties {
  const addresses = { PLAIN: settings.address };
  return {
    ...common({ ...settings, addresses }),
    'process.roles': 'broker',
    'node.id': String(id),
    listeners: listenersOf(addresses),
    'offsets.topic.num.partitions': '4',
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
    ...('PLAIN' in addresses && { 'inter.broker.listener.name': 'PLAIN' }),
    // One that was killed is missed soon, and one that a busy machine lets wait is not.
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '500',
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
