import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { CHANNEL_NAME_BYTES_MAX } from '../../gateway/limits.ts';
import { LineConfig, type LineSettings } from '../line-protocol/line-config.ts';
import { ServerTlsWithClients } from '../tls/tls-config.ts';

const TimestampSchema = Type.Union(
  [
    Type.Literal('arrival', { description: 'samples are stamped when the message arrives, in box time' }),
    Type.Object(
      {
        field: Type.String({ minLength: 1, description: 'path of the field with the time, levels joined by `/`' }),
        unit: Type.Union(
          [Type.Literal('s'), Type.Literal('ms'), Type.Literal('us'), Type.Literal('ns'), Type.Literal('iso')],
          { description: 'unit since 1970-01-01 UTC, or `iso` for ISO 8601 with a zone' },
        ),
      },
      { additionalProperties: false, description: "samples carry the device's own UTC time" },
    ),
  ],
  { default: 'arrival', description: 'where the time of the samples comes from; packed frames carry their own' },
);

/** How the messages of some topics are read: of the broker's clients, and of other brokers. */
export const TopicRuleSchema = Type.Object(
  {
    filter: Type.String({ minLength: 1, description: 'MQTT topic filter; `+` is one level, `#` all that follow' }),
    payload: Type.Optional(
      Type.Union(
        [
          Type.Literal('auto'),
          Type.Literal('json'),
          Type.Literal('number'),
          Type.Literal('packed'),
          Type.Literal('line'),
          Type.Literal('cbor'),
          Type.Literal('msgpack'),
        ],
        {
          default: 'auto',
          description:
            'what the payload is; `auto` tells packed frames, tagged CBOR, JSON, numbers, booleans and text apart',
        },
      ),
    ),
    channel: Type.Optional(
      Type.String({
        minLength: 1,
        default: '{topic}',
        description:
          'channel name; `{topic}` is the topic, `{1}`, `{2}` what the first, second `+` stood for, `{#}` what `#` stood for',
      }),
    ),
    unit: Type.Optional(Type.String({ default: '', description: 'unit of the number channels of this rule' })),
    timestamp: Type.Optional(TimestampSchema),
    line: Type.Optional(LineConfig),
  },
  { additionalProperties: false, description: 'how the messages of some topics are read' },
);

export const SparkplugSchema = Type.Object(
  {
    hostId: Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: '^[^/+#$]+$',
      'x-pattern': 'one level of a topic',
      description: 'name of this host; edge nodes wait for `spBv1.0/STATE/<hostId>`',
    }),
  },
  { additionalProperties: false, description: 'host of Sparkplug B 3.0: topics below `spBv1.0` are read as such' },
);

const UserSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'MQTT user name' }),
    password: Type.String({
      minLength: 1,
      writeOnly: true,
      description: 'its password; best given from the environment or by a file',
    }),
  },
  { additionalProperties: false },
);

/** Limits of what a peer sends, whichever end opened the connection. */
export const PEER_LIMITS = {
  packetBytesMax: Type.Optional(
    Type.Integer({
      minimum: 1024,
      maximum: 16 * 1024 * 1024,
      default: 256 * 1024,
      description: 'largest MQTT packet, bytes; a larger PUBLISH is not kept in memory: it is counted and skipped',
    }),
  ),
  topicBytesMax: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: CHANNEL_NAME_BYTES_MAX,
      default: CHANNEL_NAME_BYTES_MAX,
      description: 'longest topic, bytes of UTF-8',
    }),
  ),
  topicLevelsMax: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, default: 32, description: 'levels of a topic' }),
  ),
  inflightMax: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_535,
      default: 1024,
      description: 'messages of one peer that may wait for their commit; beyond it the peer is not read on',
    }),
  ),
};

const { packetBytesMax, ...TOPIC_LIMITS } = PEER_LIMITS;

const LimitsSchema = Type.Object(
  {
    packetBytesMax,
    clientsMax: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 256, description: 'connections at a time' }),
    ),
    ...TOPIC_LIMITS,
    stallSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 3600,
        default: 60,
        description: 'a client that reads nothing for so long, while more waits for it than may, is closed, s',
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'limits of the broker' },
);

/** Section `mqtt` of a source: an MQTT 3.1 and 3.1.1 broker inside the gateway. */
export const MqttConfig = Type.Object(
  {
    listen: Type.Optional(
      Type.String({
        minLength: 1,
        default: '127.0.0.1',
        description: 'address to listen on; anything wider than loopback needs `users` or `tls.clientCa`',
      }),
    ),
    port: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 65_535, default: 1883, description: 'TCP port; 0 takes any free one' }),
    ),
    tls: Type.Optional(ServerTlsWithClients),
    prefix: Type.Optional(
      Type.String({ default: '', description: 'put before every channel name; empty: topics are the names' }),
    ),
    users: Type.Optional(
      Type.Array(UserSchema, { default: [], description: 'who may connect; empty: everyone who reaches the port' }),
    ),
    topics: Type.Optional(
      Type.Array(TopicRuleSchema, {
        default: [],
        description: 'rules, the first that matches counts; a topic without one is read as `auto` under its own name',
      }),
    ),
    private: Type.Optional(
      Type.Array(Type.String({ minLength: 1, description: 'MQTT topic filter' }), {
        default: [],
        description: 'topics that only the gateway reads: stored, and given to no subscriber',
      }),
    ),
    repeats: Type.Optional(
      Type.Union([Type.Literal('reconnect'), Type.Literal('flagged')], {
        default: 'reconnect',
        description:
          'which messages may be repeats of ones already stored: only those with the DUP flag (`flagged`), or also those that ' +
          'open a connection after a lost one (`reconnect`), because mqtt.js does not set the flag',
      }),
    ),
    sparkplug: Type.Optional(SparkplugSchema),
    limits: Type.Optional(LimitsSchema),
  },
  { additionalProperties: false, description: 'embedded MQTT broker' },
);

/** The section as it may be written: everything has a default. */
export type MqttConfig = Static<typeof MqttConfig>;

export type TopicRule = Required<Omit<Static<typeof TopicRuleSchema>, 'line'>> & { readonly line: LineSettings };
export type MqttLimits = Required<Static<typeof LimitsSchema>>;
export type Timestamp = Static<typeof TimestampSchema>;
export type TimeUnit = Exclude<Timestamp, 'arrival'>['unit'];

/** The section with every default filled in. */
export type MqttSettings = Required<Omit<MqttConfig, 'topics' | 'limits' | 'sparkplug' | 'tls'>> &
  Pick<MqttConfig, 'sparkplug' | 'tls'> & {
    readonly topics: readonly TopicRule[];
    readonly limits: MqttLimits;
  };

/** Fills in the defaults of a section that fits {@link MqttConfig}. */
export function mqttSettings(config: MqttConfig): MqttSettings {
  return Value.Default(MqttConfig, structuredClone(config)) as MqttSettings;
}
