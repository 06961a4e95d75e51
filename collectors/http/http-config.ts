import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { LINE_KEYS, type LineSettings } from '../line-protocol/line-config.ts';
import { ServerTls } from '../tls/tls-config.ts';

const UserSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'user name, for Basic and for `u` and `p` in the address' }),
    password: Type.String({
      minLength: 1,
      writeOnly: true,
      description: 'its password; best given from the environment or by a file',
    }),
  },
  { additionalProperties: false },
);

const TokenSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'who has it' }),
    token: Type.String({
      minLength: 1,
      writeOnly: true,
      description: 'what stands behind `Authorization: Token`; best given from the environment or by a file',
    }),
  },
  { additionalProperties: false },
);

const LimitsSchema = Type.Object(
  {
    bodyBytesMax: Type.Optional(
      Type.Integer({
        minimum: 1024,
        maximum: 32 * 1024 * 1024,
        default: 8 * 1024 * 1024,
        description: 'largest body, bytes, as sent and also when it is unpacked; beyond: 413',
      }),
    ),
    clientsMax: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: 64, description: 'connections at a time; beyond: closed' }),
    ),
    requestSecondsMax: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 3600,
        default: 30,
        description: 'time that a request may take to arrive, s; beyond: 408',
      }),
    ),
    idleSecondsMax: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 3600,
        default: 75,
        description: 'time that a connection is kept without a request, s',
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'limits of the server' },
);

/** Section `http` of a source: a server that takes InfluxDB line protocol. */
export const HttpConfig = Type.Object(
  {
    listen: Type.Optional(
      Type.String({
        minLength: 1,
        default: '127.0.0.1',
        description: 'address to listen on; anything wider than loopback needs `users` or `tokens`',
      }),
    ),
    port: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 65_535, default: 8086, description: 'TCP port; 0 takes any free one' }),
    ),
    tls: Type.Optional(ServerTls),
    prefix: Type.Optional(Type.String({ default: '', description: 'put before every channel name' })),
    ...LINE_KEYS,
    users: Type.Optional(Type.Array(UserSchema, { default: [], description: 'who may write, by name and password' })),
    tokens: Type.Optional(
      Type.Array(TokenSchema, { default: [], description: 'who may write, by token; with no user either: everyone' }),
    ),
    limits: Type.Optional(LimitsSchema),
  },
  { additionalProperties: false, description: 'InfluxDB line protocol over HTTP' },
);

/** The section as it may be written: everything has a default. */
export type HttpConfig = Static<typeof HttpConfig>;
export type HttpLimits = Required<Static<typeof LimitsSchema>>;

/** The section with every default filled in. */
export type HttpSettings = Required<Omit<HttpConfig, 'limits' | 'tls' | keyof LineSettings>> &
  Pick<HttpConfig, 'tls'> &
  LineSettings & { readonly limits: HttpLimits };

/** Fills in the defaults of a section that fits {@link HttpConfig}. */
export function httpSettings(config: HttpConfig): HttpSettings {
  return Value.Default(HttpConfig, structuredClone(config)) as HttpSettings;
}
