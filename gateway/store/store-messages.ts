import type { Channel } from '../channel.ts';
import type { ChannelActivity } from '../channel-activity.ts';
import type { ClockReading } from '../clock.ts';
import type { RingMemory } from '../ring.ts';
import type { Loss } from '../ring-intake.ts';
import type { StoreStatus } from '../status.ts';
import type { WearRecord } from '../wear-meter.ts';
import type { PassedOver } from './passed-over.ts';
import type { Acknowledged } from './retention/acknowledgements.ts';
import type { RetentionSettings } from './retention/retention-config.ts';

/** What the store thread is made with. */
export interface StoreThreadData {
  readonly dir: string;
  readonly ring: RingMemory;
  readonly activity: ChannelActivity;
  /** Id that the gateway shall have; a store that has another refuses. Undefined: the store's own, made if it is new. */
  readonly gateway: string | undefined;
  /** Random id of this run of the process, 16 hex digits. */
  readonly boot: string;
  /** Least time from one commit to the next, milliseconds. */
  readonly commitFloorMs: number;
  /** Age at which a block is sealed though it is not full, seconds. */
  readonly blockAgeSeconds: number;
  /** Whether small blocks are merged. */
  readonly mergesBlocks: boolean;
  /** Bytes of a segment of the journal. */
  readonly segmentBytes: number;
  readonly retention: RetentionSettings;
  /** True at the first opening in a boot: where the store is damaged it may be made anew, because no sequence number was given out yet. */
  readonly beginsBoot: boolean;
  /** Kinds of cycles whose last number is asked for. */
  readonly cycles: readonly string[];
}

/** From main to the store thread. */
export type ToStore =
  /** Box time begins; the store accepts samples from now on. */
  | { readonly kind: 'start'; readonly started: number; readonly reading: ClockReading }
  | { readonly kind: 'channel'; readonly channel: Channel }
  | { readonly kind: 'clock'; readonly reading: ClockReading }
  /** How far that central has the feed. */
  | { readonly kind: 'acknowledged'; readonly central: string; readonly acknowledged: Acknowledged }
  /** Whether small blocks may be merged, where the config has it so. */
  | { readonly kind: 'merge'; readonly isOn: boolean }
  /** To be kept for the next run. */
  | { readonly kind: 'wear'; readonly record: WearRecord }
  /** What did not go to destinations, to be kept. */
  | { readonly kind: 'passed-over'; readonly record: PassedOver }
  /** Commit what is published and then `losses`, note that the boot ended at box time `ended`, close, and end the thread. */
  | { readonly kind: 'stop'; readonly ended: number; readonly losses: readonly Loss[] };

/** From the store thread to main. */
export type FromStore =
  | {
      readonly kind: 'opened';
      readonly gateway: string;
      readonly channels: readonly Channel[];
      /** Greatest stored box time, microseconds: the new boot begins after it. */
      readonly lastTime: number;
      readonly receipts: readonly Uint8Array[];
      readonly recoveredSamples: number;
      /** What was written to the disk in the runs before. */
      readonly wear: WearRecord | undefined;
      /** Last number of each of those kinds of cycles that has one. */
      readonly cycleNumbers: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'started' }
  /** Everything before this ring position is on disk. */
  | { readonly kind: 'durable'; readonly position: number }
  /** From now on samples of channels that are not critical are to be refused, or to be taken in again. */
  | { readonly kind: 'critical-only'; readonly isOn: boolean }
  /** `settled`: what was taken in before, by the monotonic clock in microseconds, stands in the feed up to a position. */
  | {
      readonly kind: 'status';
      readonly status: StoreStatus;
      readonly settled: { readonly monotonic: number; readonly position: number } | undefined;
    }
  /** The large database is damaged and is being made anew; so far. */
  | { readonly kind: 'mending'; readonly text: string }
  /** It was met that the large database is damaged: the next boot makes it anew. The thread ends. */
  | { readonly kind: 'damaged'; readonly what: string }
  /** Something a person should know. */
  | { readonly kind: 'problem'; readonly text: string };
