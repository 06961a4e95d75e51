import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { CaissonError } from '../../../gateway/errors.ts';
import { ClientTls } from '../../tls/tls-config.ts';
import { PEER_LIMITS, SparkplugSchema, type TopicRule, TopicRuleSchema } from '../config.ts';
import { TopicRules } from '../topic-rules.ts';
import { Subscriptions } from './subscriptions.ts';

const PORT = 1883;

const LimitsSchema = Type.Object(PEER_LIMITS, {
  additionalProperties: false,
  default: {},
  description: 'limits of what the broker sends',
});

/** Section `mqtt-client` of a source: subscriptions at an MQTT broker elsewhere. */
export const MqttClientConfig = Type.Object(
  {
    host: Type.String({
      minLength: 1,
      description: 'name or address of the broker',
      examples: ['broker.plant.example'],
    }),
    port: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65_535, default: PORT, description: 'its TCP port; with TLS mostly 8883' }),
    ),
    tls: Type.Optional(ClientTls),
    clientId: Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[A-Za-z0-9._-]+$',
      'x-pattern': 'letters, digits, `.`, `_` and `-`',
      description:
        'name of this client, under which the broker keeps what comes while it is away; no other client of the broker may have it',
      examples: ['caisson-pit-1'],
    }),
    user: Type.Optional(Type.String({ minLength: 1, description: 'user name, where the broker asks for one' })),
    password: Type.Optional(
      Type.String({
        minLength: 1,
        writeOnly: true,
        description: 'its password; best given from the environment or by a file',
      }),
    ),
    version: Type.Optional(
      Type.Union([Type.Literal('3.1.1'), Type.Literal(5)], {
        default: '3.1.1',
        description: 'version of MQTT to speak',
      }),
    ),
    qos: Type.Optional(
      Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)], {
        default: 1,
        description: 'quality of service to subscribe with; at 0 the broker keeps nothing and repeats nothing',
      }),
    ),
    sessionSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 0xffff_ffff,
        default: 7 * 86_400,
        description: 'how long a broker of MQTT 5 is asked to keep what comes while this client is away, s',
      }),
    ),
    keepAliveSeconds: Type.Optional(
      Type.Integer({
        minimum: 5,
        maximum: 65_535,
        default: 30,
        description: 'a connection is given up after one and a half times that silence, s',
      }),
    ),
    prefix: Type.Optional(
      Type.String({ default: '', description: 'put before every channel name; empty: topics are the names' }),
    ),
    topics: Type.Optional(
      Type.Array(TopicRuleSchema, {
        default: [],
        description: 'rules, the first that matches counts; a topic without one is read as `auto` under its own name',
      }),
    ),
    subscribe: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        description: 'topic filters to subscribe to; empty: those of the rules',
      }),
    ),
    retained: Type.Optional(
      Type.Union([Type.Literal('skip'), Type.Literal('take')], {
        default: 'skip',
        description:
          'what the broker kept as last values and sends at each subscription: no new data (`skip`), or samples (`take`)',
      }),
    ),
    status: Type.Optional(
      Type.String({
        minLength: 1,
        pattern: '^[^+#$][^+#]*$',
        'x-pattern': 'a topic without wildcards',
        description: 'topic to which `online`, `offline` or, by the broker, `lost` is published and retained',
      }),
    ),
    sparkplug: Type.Optional(SparkplugSchema),
    limits: Type.Optional(LimitsSchema),
  },
  { additionalProperties: false, description: 'client of an MQTT broker elsewhere' },
);

/** The section as it may be written. */
export type MqttClientConfig = Static<typeof MqttClientConfig>;
export type MqttClientLimits = Required<Static<typeof LimitsSchema>>;

type Optional = 'tls' | 'user' | 'password' | 'status' | 'sparkplug';

/** The section with every default filled in. */
export type MqttClientSettings = Required<Omit<MqttClientConfig, 'topics' | 'limits' | Optional>> &
  Pick<MqttClientConfig, Optional> & {
    readonly topics: readonly TopicRule[];
    readonly limits: MqttClientLimits;
  };

/** Fills in the defaults of a section that fits {@link MqttClientConfig}. */
export function mqttClientSettings(config: MqttClientConfig): MqttClientSettings {
  return Value.Default(MqttClientConfig, structuredClone(config)) as MqttClientSettings;
}

/**
 * What the schema cannot say.
 * @throws CaissonError `config-invalid`
 */
export function checkMqttClient(settings: MqttClientSettings): void {
  const { topics, subscribe, prefix, sparkplug, status, user, password, tls } = settings;
  new TopicRules(topics, prefix);
  new Subscriptions(settings);
  if (sparkplug !== undefined && (topics.length > 0 || subscribe.length > 0 || status !== undefined)) {
    throw invalid(
      'sparkplug stands beside topics, subscribe or status',
      'make them two sources: a Sparkplug host has a session that is not kept, and a will of its own',
    );
  }
  if ((tls?.cert === undefined) !== (tls?.key === undefined))
    throw invalid('one of tls.cert and tls.key', 'add the other');
  if (password !== undefined && user === undefined) throw invalid('password without user', 'add user');
}

function invalid(message: string, hint: string): CaissonError {
  return new CaissonError('config-invalid', `mqtt-client: ${message}`, { hint });
}
