import { type Static, Type } from '@sinclair/typebox';
import { patternFault } from '../../gateway/channel-pattern.ts';

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
