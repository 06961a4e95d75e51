import { type Static, Type } from '@sinclair/typebox';
import { channelPattern, patternFault } from '../../gateway/channel-pattern.ts';

/** Section `usage`: whose the channels of this box are, for its bill. */
export const UsageConfig = Type.Object(
  {
    owners: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$' }),
        Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 256 }),
        {
          additionalProperties: false,
          'x-pattern': 'letters, digits, blanks, `.`, `-` and `_`, first a letter or digit, 63 at most',
          description: 'channels of each owner, `*` within a segment and `**` across; the first that fits counts',
          examples: [{ 'engine maker': ['car/engine/**'], team: ['car/**'] }],
        },
      ),
    ),
  },
  { additionalProperties: false, default: {}, description: 'whose the channels are, for `caisson usage`' },
);
export type UsageConfig = Static<typeof UsageConfig>;

/** Whose samples are: of a gateway, and of channels that fit one of the patterns. */
export interface OwnerRule {
  readonly owner: string;
  /** Empty: of any. */
  readonly gateway: string;
  /** Empty: all. */
  readonly channels: readonly string[];
}

/** What no schema says: patterns that mean nothing. */
export function* usageFaults({
  owners = {},
}: UsageConfig): Generator<{ readonly path: readonly (string | number)[]; readonly problem: string }> {
  for (const [owner, patterns] of Object.entries(owners)) {
    for (const [index, pattern] of patterns.entries()) {
      const problem = patternFault(pattern);
      if (problem !== undefined) yield { path: ['owners', owner, index], problem };
    }
  }
}

/** The rules of a box. */
export function ownerRules({ owners = {} }: UsageConfig): OwnerRule[] {
  return Object.entries(owners).map(([owner, channels]) => ({ owner, gateway: '', channels }));
}

/** Tells whose a channel is by the first rule that fits; empty where none does. */
export function ownerOf(rules: readonly OwnerRule[]): (gateway: string, channel: string) => string {
  const compiled = rules.map(({ channels, ...rule }) => ({ ...rule, fits: channels.map(channelPattern) }));
  return (gateway, channel) => {
    const rule = compiled.find((each) => {
      const isOfGateway = each.gateway === '' || each.gateway === gateway;
      return isOfGateway && (each.fits.length === 0 || each.fits.some((fits) => fits(channel)));
    });
    return rule?.owner ?? '';
  };
}
