import { type Static, type TObject, Type } from '@sinclair/typebox';

/** Without a limit of its own, so much of its disk is the store's. */
const DISK_SHARE = 0.8;

const gigabytes = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0.001, maximum: 1_000_000, examples: [20], description }));

const days = (description: string, example: number) =>
  Type.Optional(Type.Number({ minimum: 0.001, maximum: 36_500, examples: [example], description }));

function classLimits(description: string): TObject<{
  maxGigabytes: ReturnType<typeof gigabytes>;
  rawDays: ReturnType<typeof days>;
  maxDays: ReturnType<typeof days>;
}> {
  return Type.Object(
    {
      maxGigabytes: gigabytes('most that its samples may take, GB; beyond it the oldest are given up, envelopes stay'),
      rawDays: days('age at which samples are given up and envelopes stay, days', 30),
      maxDays: days('age at which envelopes are given up as well, days', 365),
    },
    { additionalProperties: false, default: {}, description },
  );
}

/** Section `store.retention`: how much of the past is kept on this box. */
export const RetentionConfig = Type.Object(
  {
    maxGigabytes: gigabytes('most that the store may take, GB; without it, only `diskShare` limits'),
    diskShare: Type.Optional(
      Type.Number({
        minimum: 0.01,
        maximum: 0.95,
        default: DISK_SHARE,
        description: 'most that the store may take of its disk; beyond it the oldest samples are given up first',
      }),
    ),
    critical: Type.Optional(
      classLimits('limits of channels of class `critical`, which without them may take all that the store has'),
    ),
    standard: Type.Optional(classLimits('limits of channels of class `standard`')),
    bulk: Type.Optional(classLimits('limits of channels of class `bulk`')),
    centrals: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 63 }), {
        default: [],
        maxItems: 16,
        description:
          'names of the centrals that must have samples before a limit gives them up; only a disk that runs full does not wait',
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'how much of the past this box keeps' },
);
export type RetentionConfig = Static<typeof RetentionConfig>;

/** The section with its defaults filled in. */
export type RetentionSettings = RetentionConfig & Required<Pick<RetentionConfig, 'diskShare' | 'centrals'>>;

/** What holds where nothing is configured. */
export const RETENTION_DEFAULTS: RetentionSettings = { diskShare: DISK_SHARE, centrals: [] };
