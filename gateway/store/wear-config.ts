import { type Static, Type } from '@sinclair/typebox';

/** Section `store.wear`: how long the disk of the store must last. */
export const WearConfig = Type.Object(
  {
    lifetimeYears: Type.Optional(
      Type.Number({ minimum: 0.1, maximum: 100, default: 5, description: 'how long the disk must last, years' }),
    ),
    enduranceTB: Type.Optional(
      Type.Number({
        minimum: 0.001,
        maximum: 1_000_000,
        examples: [30],
        description:
          'what its maker says can be written to the disk (TBW), TB; without it, what is written is shown and no forecast made',
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'how long the disk of the store must last' },
);
export type WearConfig = Static<typeof WearConfig>;

/** The section with its defaults filled in. */
export type WearSettings = WearConfig & Required<Pick<WearConfig, 'lifetimeYears'>>;
