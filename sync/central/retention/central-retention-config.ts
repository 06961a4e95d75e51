import { type Static, Type } from '@sinclair/typebox';
import { patternFault } from '../../../gateway/channel-pattern.ts';

const patterns = (description: string, example: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 256, description, examples: [[example]] }),
  );

/** One of `rules`. */
export const RetentionRuleConfig = Type.Object(
  {
    gateways: patterns('gateways that it is for, `*` for any characters; without it, all', 'car*'),
    channels: patterns('channels that it is for, `*` within a segment and `**` across; without it, all', 'car/can/**'),
    class: Type.Optional(
      Type.Union([Type.Literal('critical'), Type.Literal('standard'), Type.Literal('bulk')], {
        description: 'class of channels that it is for; without it, any',
      }),
    ),
    days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 36_500,
        description: 'whole days after which samples that came are retired; without it they are kept for ever',
        examples: [365],
      }),
    ),
  },
  { additionalProperties: false },
);
export type RetentionRuleConfig = Static<typeof RetentionRuleConfig>;

/** One of `limits`. */
export const RetentionLimitConfig = Type.Object(
  {
    gateways: patterns('gateways that it is for, all of them together; without it, all that there are', 'car*'),
    maxGigabytes: Type.Number({
      minimum: 0.001,
      maximum: 10_000_000,
      description: 'most that their packs may take, GB; beyond it whole days are retired, the oldest first',
      examples: [2000],
    }),
  },
  { additionalProperties: false },
);
export type RetentionLimitConfig = Static<typeof RetentionLimitConfig>;

/** The file of `caisson central --retention`: what of the past a central keeps. */
export const CentralRetentionConfig = Type.Object(
  {
    rules: Type.Optional(
      Type.Array(RetentionRuleConfig, {
        maxItems: 256,
        description:
          'the first that fits a channel counts; one that none fits is kept for ever, or until a limit takes it',
      }),
    ),
    limits: Type.Optional(
      Type.Array(RetentionLimitConfig, {
        maxItems: 64,
        description: 'what there may be of it; channels of a rule without `days` stay all the same',
      }),
    ),
  },
  { additionalProperties: false },
);
export type CentralRetentionConfig = Static<typeof CentralRetentionConfig>;

/** What no schema says: patterns that mean nothing. */
export function* centralRetentionFaults({
  rules = [],
  limits = [],
}: CentralRetentionConfig): Generator<{ readonly path: readonly (string | number)[]; readonly problem: string }> {
  for (const [index, { gateways = [] }] of limits.entries()) {
    for (const [at, pattern] of gateways.entries()) {
      const problem = patternFault(pattern);
      if (problem !== undefined) yield { path: ['limits', index, 'gateways', at], problem };
    }
  }
  for (const [index, rule] of rules.entries()) {
    for (const key of ['gateways', 'channels'] as const) {
      for (const [at, pattern] of (rule[key] ?? []).entries()) {
        const problem = patternFault(pattern);
        if (problem !== undefined) yield { path: ['rules', index, key, at], problem };
      }
    }
  }
}
