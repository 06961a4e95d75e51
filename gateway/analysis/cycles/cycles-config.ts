import { type Static, Type } from '@sinclair/typebox';
import { normalName } from '../../channel.ts';
import { patternFault } from '../../channel-pattern.ts';

/** Kinds of cycles of one gateway, and patterns of one of them. */
export const CYCLES_MAX = 16;
const PATTERNS_MAX = 256;

/** How long the sums of a cycle wait for samples of its time, seconds. */
export const SETTLE_SECONDS = 2;

const SHARED = {
  channel: Type.String({
    minLength: 1,
    description: 'name of the channel that tells where a cycle begins and ends',
    examples: ['car/lap'],
  }),
  minSeconds: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 86_400,
      default: 0,
      description: 'a cycle does not end before it has lasted so long, seconds',
    }),
  ),
  settleSeconds: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 3600,
      default: SETTLE_SECONDS,
      description:
        'how long after its end the sums of a cycle wait for samples of its time that are still on their way, seconds; what comes later is counted and left out',
    }),
  ),
  summary: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      maxItems: PATTERNS_MAX,
      examples: [['car/engine/**']],
      description:
        'channels whose count, extremes and mean are kept with each cycle, `*` within a segment and `**` across; without it, all; of 1,024 channels at most',
    }),
  ),
};

const EDGE = {
  threshold: Type.Number({ description: 'in the unit of the channel' }),
  hysteresis: Type.Optional(
    Type.Number({
      minimum: 0,
      default: 0,
      description: 'how far the channel must go back behind the threshold before it can cross it again',
    }),
  ),
};

const CycleConfig = Type.Union([
  Type.Object(
    {
      trigger: Type.Union([Type.Literal('value'), Type.Literal('sample')], {
        description:
          '`value`: a cycle lasts as long as the channel keeps its value, which numbers it (a lap counter, a batch number) or, of a text channel, ' +
          'is its label. `sample`: every sample ends one and begins the next (a beacon), counted on over restarts',
      }),
      ...SHARED,
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      trigger: Type.Union(
        [Type.Literal('rising'), Type.Literal('falling'), Type.Literal('above'), Type.Literal('below')],
        {
          description:
            '`rising`, `falling`: to cross the threshold that way ends a cycle and begins the next. `above`, `below`: a cycle lasts as long as the channel is there. Cycles are counted, on over restarts',
        },
      ),
      ...SHARED,
      ...EDGE,
    },
    { additionalProperties: false },
  ),
]);
export type CycleConfig = Static<typeof CycleConfig>;

/** Section `cycles`: which stretches of work repeat. */
export const CyclesConfig = Type.Record(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$' }), CycleConfig, {
  additionalProperties: false,
  'x-pattern': 'letters, digits, `-` and `_`, first a letter or digit, 63 at most',
  examples: [{ lap: { trigger: 'value', channel: 'car/lap' } }],
  description: `stretches of work that repeat, such as laps, hauls and batches, each kind under its name, ${CYCLES_MAX} at most`,
});
export type CyclesConfig = Static<typeof CyclesConfig>;

/** What a schema cannot say of {@link CyclesConfig}. */
export interface CyclesFault {
  /** Keys from the section to what is at fault. */
  readonly path: readonly (string | number)[];
  readonly problem: string;
  readonly hint?: string;
}

export function* cyclesFaults(cycles: CyclesConfig): Generator<CyclesFault> {
  for (const [index, [name, { channel, summary = [] }]] of Object.entries(cycles).entries()) {
    if (index >= CYCLES_MAX) yield { path: [name], problem: `expected ${CYCLES_MAX} kinds of cycles at most` };
    const normal = normalName(channel);
    if (normal !== channel) {
      const problem = `${JSON.stringify(channel)} is not the name of a channel`;
      yield { path: [name, 'channel'], problem, hint: `did you mean ${normal}?` };
    }
    if (normal.startsWith('caisson/')) {
      const problem = `${channel} is of the gateway itself, expected a channel of a source`;
      yield { path: [name, 'channel'], problem };
    }
    for (const [at, pattern] of summary.entries()) {
      const problem = patternFault(pattern);
      if (problem !== undefined) yield { path: [name, 'summary', at], problem };
    }
  }
}
