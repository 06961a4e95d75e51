import { type Static, Type } from '@sinclair/typebox';
import { patternFault } from '../../gateway/channel-pattern.ts';
import { isZone } from '../line/time-windows.ts';
import { HandOverConfig } from '../relay/hand-over-config.ts';

const PATTERNS_MAX = 256;

const patterns = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { maxItems: PATTERNS_MAX, examples: [['car/engine/**']], description }),
  );

/** One of `destinations`: a central that pulls from this box. */
export const DestinationConfig = Type.Object(
  {
    receiptKey: Type.Optional(
      Type.String({
        pattern: '^ed25519:[A-Za-z0-9_-]{43}$',
        'x-pattern': '`ed25519:` and 43 letters, as `caisson central` says it at its start',
        description:
          'key that its receipts are signed with; without it, its word is believed before samples are given up',
        examples: ['ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'],
      }),
    ),
    courierKey: Type.Optional(
      Type.String({
        pattern: '^x25519:[A-Za-z0-9_-]{43}$',
        'x-pattern': '`x25519:` and 43 letters, as `caisson central` says it at its start',
        description: 'key that `caisson courier write` encrypts to, so that only this central can read what is carried',
        examples: ['x25519:hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo'],
      }),
    ),
    region: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 63,
        description:
          'where it keeps what it gets; without it, channels that may go to some regions only do not go there',
        examples: ['eu'],
      }),
    ),
    order: Type.Optional(
      Type.Union([Type.Literal('oldest'), Type.Literal('newest')], {
        default: 'oldest',
        description: 'which samples are sent first where there is a backlog',
      }),
    ),
    config: Type.Optional(
      Type.Union([Type.Literal('refuse'), Type.Literal('enrolled'), Type.Literal('declared')], {
        default: 'refuse',
        description:
          'who of that name may see and change this config, but for `gateway`, `grpc`, `central`, `destinations` and secrets: `refuse` nobody, `enrolled` a central with that certificate, `declared` also one that only says its name, over loopback',
      }),
    ),
    relay: Type.Optional(HandOverConfig),
    only: patterns('channels that go there, `*` within a segment and `**` across; without it, all'),
    except: patterns('channels that do not'),
  },
  { additionalProperties: false },
);
export type DestinationConfig = Static<typeof DestinationConfig>;

/** Name of a central, as it gives itself with `caisson central --name`. */
const DESTINATION_NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$';

/** Section `destinations`: the centrals that pull from this box, by the name each has. */
export const DestinationsConfig = Type.Record(Type.String({ pattern: DESTINATION_NAME }), DestinationConfig, {
  additionalProperties: false,
  'x-pattern': 'letters, digits, `.`, `-` and `_`, first a letter or digit, 63 at most',
  examples: [{ hq: { region: 'eu', except: ['driver/**'] } }],
  description: 'centrals that pull from this box, each under its name; to others go channels without residency only',
});
export type DestinationsConfig = Static<typeof DestinationsConfig>;

/** What no schema says: patterns that mean nothing. */
export function* destinationFaults(
  destinations: DestinationsConfig,
): Generator<{ readonly path: readonly (string | number)[]; readonly problem: string }> {
  for (const [name, { only = [], except = [], relay, courierKey }] of Object.entries(destinations)) {
    if (relay !== undefined && courierKey === undefined) {
      yield {
        path: [name, 'relay'],
        problem: 'a relay carries what is encrypted to a `courierKey`, and there is none',
      };
    }
    if (relay?.zone !== undefined && !isZone(relay.zone)) {
      const problem = `${JSON.stringify(relay.zone)} is no zone known here, expected one like Europe/Berlin`;
      yield { path: [name, 'relay', 'zone'], problem };
    }
    for (const [key, list] of Object.entries({ only, except })) {
      for (const [index, pattern] of list.entries()) {
        const problem = patternFault(pattern);
        if (problem !== undefined) yield { path: [name, key, index], problem };
      }
    }
  }
}
