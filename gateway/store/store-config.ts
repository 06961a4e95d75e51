import { type Static, Type } from '@sinclair/typebox';
import { RetentionConfig, type RetentionSettings } from './retention/retention-config.ts';
import { WearConfig, type WearSettings } from './wear-config.ts';

/** Section `store`: where samples are kept, and how often they are made durable. */
export const StoreConfig = Type.Object(
  {
    dir: Type.Optional(
      Type.String({
        minLength: 1,
        default: 'caisson-data',
        'x-path': true,
        description: 'folder of the databases, made if it is not there',
      }),
    ),
    commitFloorMs: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 10_000,
        default: 20,
        description: 'least time between two commits, ms; longer wears flash less and acknowledges later',
      }),
    ),
    blockAgeSeconds: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: 86_400,
        default: 60,
        description: 'age at which a block is sealed though it is not full, seconds; longer packs slow channels better',
      }),
    ),
    mergeBlocks: Type.Optional(
      Type.Boolean({
        default: true,
        description:
          'merge small blocks of slow channels into large ones in idle time: they take less room and are read faster, and each sample is written up to twice more; not while the disk wears faster than `wear` allows',
      }),
    ),
    retention: Type.Optional(RetentionConfig),
    wear: Type.Optional(WearConfig),
  },
  { additionalProperties: false, default: {}, description: 'where samples are kept' },
);
export type StoreConfig = Static<typeof StoreConfig>;

/** The section with its defaults filled in. */
export interface StoreSettings extends Required<Omit<StoreConfig, 'retention' | 'wear'>> {
  readonly retention: RetentionSettings;
  readonly wear: WearSettings;
}
