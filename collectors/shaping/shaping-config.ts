import { type Static, Type } from '@sinclair/typebox';
import { patternFault } from '../../gateway/channel-pattern.ts';

/** Rules of one source. */
export const KEEP_RULES_MAX = 256;

const KeepRule = Type.Object(
  {
    channels: Type.String({
      minLength: 1,
      description: 'names of the channels it is for: `*` stands for any characters of a segment, `**` for any segments',
      examples: ['car/imu/**'],
    }),
    every: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 1_000_000, description: 'of so many samples the first is kept' }),
    ),
    rateHzMax: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1_000_000,
        description: 'samples a second that are kept at most, by their own times',
      }),
    ),
    deadband: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'a sample is kept when it differs from the last one kept by more than this; 0: by anything',
      }),
    ),
    heartbeatS: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 86_400,
        description: 'with `deadband`: a sample is kept all the same when the last one kept is so old, seconds',
      }),
    ),
    minMaxMs: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: 3_600_000,
        description:
          'of each stretch of so many milliseconds the least and the greatest are kept, each with its own time',
      }),
    ),
  },
  { additionalProperties: false },
);
export type KeepRule = Static<typeof KeepRule>;

/** Keys that a source of any kind may have: what of its samples is kept. */
export const ShapingConfig = Type.Object(
  {
    keep: Type.Optional(
      Type.Array(KeepRule, {
        maxItems: KEEP_RULES_MAX,
        description:
          'channels of which not every sample is kept; the first rule that fits a channel counts. What is left out is counted ' +
          'by reason, and is no loss',
        examples: [[{ channels: 'car/imu/**', every: 10 }]],
      }),
    ),
    samplesPerSecondMax: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000_000,
        description:
          'samples a second that the source may bring after `keep`, averaged over ten seconds; a text counts as one for each 16 ' +
          'bytes. What is beyond is left out, counted and told',
        examples: [50_000],
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'what of its samples is kept; for a source of any kind',
  },
);
export type ShapingConfig = Static<typeof ShapingConfig>;

/** True where a source does not keep every sample. */
export function isShaped({ keep = [], samplesPerSecondMax }: ShapingConfig): boolean {
  return keep.length > 0 || samplesPerSecondMax !== undefined;
}

/** What a schema cannot say of {@link ShapingConfig}. */
export interface ShapingFault {
  /** Keys from the source to what is at fault. */
  readonly path: readonly (string | number)[];
  readonly problem: string;
  readonly hint?: string;
}

/** Ways of leaving samples out: a rule has exactly one. */
const WAYS = ['every', 'rateHzMax', 'deadband', 'minMaxMs'] as const;

export function* shapingFaults({ keep = [] }: ShapingConfig): Generator<ShapingFault> {
  for (const [index, rule] of keep.entries()) {
    const path = ['keep', index];
    const ways = WAYS.filter((way) => rule[way] !== undefined);
    if (ways.length === 0) yield { path, problem: `needs one of the keys ${WAYS.join(', ')}` };
    for (const way of ways.slice(1)) {
      yield { path: [...path, way], problem: `${ways[0]} is there too`, hint: 'a rule leaves out in one way' };
    }
    if (rule.heartbeatS !== undefined && rule.deadband === undefined) {
      yield { path: [...path, 'heartbeatS'], problem: 'stands without deadband', hint: 'add `deadband: 0`' };
    }
    const fault = patternFault(rule.channels);
    if (fault !== undefined) yield { path: [...path, 'channels'], problem: `${fault}, got ${rule.channels}` };
    const same = keep.findIndex(({ channels }) => channels === rule.channels);
    if (same < index) {
      yield { path: [...path, 'channels'], problem: `keep.${same} is for the same channels`, hint: 'the first counts' };
    }
  }
}
