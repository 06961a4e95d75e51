import type { ChannelClass } from '../../channel.ts';
import type { RetentionSettings } from './retention-config.ts';

/** Share of the disk that is kept free for the journal, a write-ahead log and whoever else writes there, and its most. */
const RESERVE_SHARE = 0.05;
const RESERVE_BYTES_MAX = 2 ** 30;

const DAY_US = 86_400e6;

/** What a class may take. Infinite: not limited. */
export interface ClassLimits {
  /** Bytes of its samples. */
  readonly bytesMax: number;
  /** Age at which samples are given up, microseconds. */
  readonly rawAgeUs: number;
  /** Age at which envelopes are given up, microseconds. */
  readonly ageUs: number;
}

export interface RetentionLimits {
  /** Bytes of the whole store, indexes and envelopes included. */
  readonly bytesMax: number;
  /** With less room than this the ladder acts. */
  readonly reserveBytes: number;
  readonly classes: Readonly<Record<ChannelClass, ClassLimits>>;
  /** True where limits give up only what every central has. */
  readonly waitsForCentrals: boolean;
}

/** The limits of a config on a disk of `diskBytes`. */
export function retentionLimits(settings: RetentionSettings, diskBytes: number): RetentionLimits {
  const { maxGigabytes = Number.POSITIVE_INFINITY, diskShare, centrals } = settings;
  const ofClass = (name: ChannelClass): ClassLimits => {
    const { maxGigabytes: most, rawDays, maxDays } = settings[name] ?? {};
    return { bytesMax: bytesOf(most), rawAgeUs: usOf(rawDays), ageUs: usOf(maxDays) };
  };
  return {
    bytesMax: Math.min(maxGigabytes * 1e9, diskShare * diskBytes),
    reserveBytes: Math.min(RESERVE_SHARE * diskBytes, RESERVE_BYTES_MAX),
    classes: { critical: ofClass('critical'), standard: ofClass('standard'), bulk: ofClass('bulk') },
    waitsForCentrals: centrals.length > 0,
  };
}

function bytesOf(gigabytes: number | undefined): number {
  return gigabytes === undefined ? Number.POSITIVE_INFINITY : gigabytes * 1e9;
}

function usOf(days: number | undefined): number {
  return days === undefined ? Number.POSITIVE_INFINITY : days * DAY_US;
}
