import { type Static, Type } from '@sinclair/typebox';
import { LINE_NAME } from '../destinations/caller.ts';
import { isZone, WindowText } from '../line/time-windows.ts';

/** One of `gateways.NAME.lines`: a way to a gateway, and what may be used of it. */
export const LineConfig = Type.Object(
  {
    name: Type.String({
      pattern: LINE_NAME,
      'x-pattern': 'small letters, digits, `.`, `-` and `_`, 32 at most',
      description: 'as status, metrics and bills have it',
      examples: ['lan'],
    }),
    address: Type.Optional(
      Type.String({
        pattern: '^(\\[[^\\]]+\\]|[^:\\[\\]\\s]+):\\d{1,5}$',
        'x-pattern': 'HOST:PORT',
        description: 'where the gateway is dialled',
        examples: ['10.0.0.5:7443'],
      }),
    ),
    reverse: Type.Optional(
      Type.Boolean({ description: 'the gateway dials in (`central.dial` of its config) instead; needs certificates' }),
    ),
    metered: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'bytes cost money: silence is asked for life every 2 min instead of 20 s, health every minute instead of 5 s',
      }),
    ),
    capBytesPerS: Type.Optional(
      Type.Integer({ minimum: 1024, maximum: 1e9, description: 'at most so fast', examples: [50_000] }),
    ),
    budgetBytesPerDay: Type.Optional(
      Type.Integer({
        minimum: 1e6,
        maximum: 1e13,
        description: 'of a day of UTC, on the wire, both ways, without headers of TCP and IP',
        examples: [200_000_000],
      }),
    ),
    windows: Type.Optional(
      Type.Array(WindowText, {
        minItems: 1,
        maxItems: 32,
        description:
          'when it may be used; one that ends before it begins ends on the next day; without it, at any time',
        examples: [['22:00-06:00', 'sat,sun 00:00-24:00']],
      }),
    ),
    zone: Type.Optional(
      Type.String({ default: 'UTC', description: 'whose hours those are', examples: ['Europe/Berlin'] }),
    ),
  },
  { additionalProperties: false },
);
export type LineConfig = Static<typeof LineConfig>;

/** One of `gateways`. */
export const PulledGatewayConfig = Type.Object(
  {
    lines: Type.Array(LineConfig, {
      minItems: 1,
      maxItems: 8,
      description: 'ways to it, the best first; one is used at a time',
    }),
    owner: Type.Optional(
      Type.String({ minLength: 1, maxLength: 63, description: 'who pays, for `caisson usage`', examples: ['team'] }),
    ),
  },
  { additionalProperties: false },
);
export type PulledGatewayConfig = Static<typeof PulledGatewayConfig>;

const GATEWAY_NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$';

/** The file of `caisson central --gateways`: whom it pulls from, over which lines. */
export const GatewaysConfig = Type.Object(
  {
    gateways: Type.Record(Type.String({ pattern: GATEWAY_NAME }), PulledGatewayConfig, {
      additionalProperties: false,
      'x-pattern': 'letters, digits, `.`, `-` and `_`, first a letter or digit, 63 at most',
      description: 'gateways, or other centrals, by the name each has; nobody else is taken for it',
    }),
  },
  { additionalProperties: false },
);
export type GatewaysConfig = Static<typeof GatewaysConfig>;

/** What no schema says. @param hasCertificates whether central knows by certificates who dials in */
export function* gatewaysFaults(
  { gateways }: GatewaysConfig,
  hasCertificates: boolean,
): Generator<{ readonly path: readonly (string | number)[]; readonly problem: string; readonly hint?: string }> {
  for (const [gateway, { lines }] of Object.entries(gateways)) {
    const names = new Set<string>();
    let reverse = 0;
    for (const [index, line] of lines.entries()) {
      const path = ['gateways', gateway, 'lines', index];
      if (names.has(line.name)) yield { path: [...path, 'name'], problem: `another line is called ${line.name}` };
      names.add(line.name);
      const isReverse = line.reverse === true;
      if (isReverse === (line.address !== undefined)) {
        yield { path, problem: 'expected either an address or `reverse: true`' };
      }
      if (isReverse && !hasCertificates) {
        yield {
          path: [...path, 'reverse'],
          problem:
            'nobody can dial in here: a gateway that does shows by its certificate who it is, and this central has none',
          hint: 'give --authority, or --identity where another central is the authority',
        };
      }
      reverse += isReverse ? 1 : 0;
      if (isReverse && reverse > 1) yield { path, problem: 'a gateway has one reverse line' };
      if (line.zone !== undefined && !isZone(line.zone)) {
        yield {
          path: [...path, 'zone'],
          problem: `${JSON.stringify(line.zone)} is no zone known here, expected one like Europe/Berlin`,
        };
      }
    }
  }
}
