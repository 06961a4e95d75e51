/**
 * What to give up next when the store is beyond its limits or its disk runs short: pure, from what is there to one small
 * step. A pack is *thinned* when its samples go and its index row stays, which is what charts are drawn from; it is
 * *dropped* when the row goes as well.
 *
 * Within a class everything goes oldest first. Centrals follow the same order, so what they have is always the older part:
 * to look at the oldest pack is to look at synced data first.
 */
import type { ChannelClass } from '../../channel.ts';
import type { RetentionLimits } from './retention-limits.ts';

/** The oldest pack of its kind. */
export interface OldestPack {
  /** Time since it was kept, microseconds. */
  readonly ageUs: number;
  /** Every central that is named has it; false where none is named. */
  readonly isSynced: boolean;
}

/** What the store holds of one class. */
export interface ClassStock {
  /** Bytes of packs that have their samples. */
  readonly bytes: number;
  /** Of the packs with samples; undefined where there is none. */
  readonly oldest: OldestPack | undefined;
  /** Of the packs of which only the index row is left. */
  readonly oldestThinned: OldestPack | undefined;
}

export interface RetentionStock {
  readonly classes: Readonly<Record<ChannelClass, ClassStock>>;
  /** Bytes of the large database, free pages left out. */
  readonly usedBytes: number;
  /** What can still be written: free bytes of the disk, and free pages of the database. */
  readonly roomBytes: number;
}

/** How far the ladder is climbed, the mildest first. */
export const RUNGS = [
  'none',
  'synced-bulk',
  'synced-standard',
  'thin-bulk',
  'thin-standard',
  'drop-bulk',
  'drop-standard',
  'critical-only',
] as const;
export type Rung = (typeof RUNGS)[number];

/** Why samples are given up: a limit of the config, or a disk that runs short. Causes in the ledger. */
export type RemovalCause = 'retention' | 'disk-full';

export interface RetentionStep {
  readonly act: 'thin' | 'drop';
  readonly class: ChannelClass;
  /** Stop at the first pack that some central lacks. */
  readonly onlySynced: boolean;
  /** Stop at the first pack younger than this, microseconds. */
  readonly minAgeUs: number;
  /** Stop when about so many bytes are free. */
  readonly bytes: number;
  readonly cause: RemovalCause;
}

export interface RetentionPlan {
  readonly rung: Rung;
  /** Undefined: there is nothing to do, or nothing left to give up. */
  readonly step: RetentionStep | undefined;
}

/** Classes in the order in which they are given up. */
const BY_WORTH = ['bulk', 'standard', 'critical'] as const;

/** Share of the store's limit that index and envelopes of thinned packs may take. */
const ENVELOPE_SHARE = 0.25;

export function planRetention(stock: RetentionStock, limits: RetentionLimits): RetentionPlan {
  const step = stepForAge(stock, limits) ?? stepForQuota(stock, limits) ?? stepForTotal(stock, limits);
  if (step !== undefined) return { rung: 'none', step };
  const short = limits.reserveBytes - stock.roomBytes;
  return short > 0 ? planLadder(stock, short) : { rung: 'none', step: undefined };
}

function stepForAge({ classes }: RetentionStock, limits: RetentionLimits): RetentionStep | undefined {
  for (const name of BY_WORTH) {
    const { oldest, oldestThinned } = classes[name];
    const { rawAgeUs, ageUs } = limits.classes[name];
    const thinAge = Math.min(rawAgeUs, ageUs);
    if (mayGo(oldest, limits) && oldest.ageUs > thinAge) return byLimit('thin', name, limits, { minAgeUs: thinAge });
    if (mayGo(oldestThinned, limits) && oldestThinned.ageUs > ageUs) {
      return byLimit('drop', name, limits, { minAgeUs: ageUs });
    }
  }
  return undefined;
}

function stepForQuota({ classes }: RetentionStock, limits: RetentionLimits): RetentionStep | undefined {
  for (const name of BY_WORTH) {
    const { bytes, oldest } = classes[name];
    const over = bytes - limits.classes[name].bytesMax;
    if (over > 0 && mayGo(oldest, limits)) return byLimit('thin', name, limits, { bytes: over });
  }
  return undefined;
}

/** The whole store is too large: the oldest of bulk and standard go alike, so that charts of both reach equally far back. */
function stepForTotal(stock: RetentionStock, limits: RetentionLimits): RetentionStep | undefined {
  const { classes, usedBytes } = stock;
  const bytes = usedBytes - limits.bytesMax;
  if (bytes <= 0) return undefined;
  const envelopes = usedBytes - BY_WORTH.reduce((sum, name) => sum + classes[name].bytes, 0);
  const thin = (name: ChannelClass | undefined) => name && byLimit('thin', name, limits, { bytes });
  const drop = (name: ChannelClass | undefined) => name && byLimit('drop', name, limits, { bytes });
  const oldestThinned = oldestOf(['bulk', 'standard'], (name) => classes[name].oldestThinned, limits);
  if (envelopes > ENVELOPE_SHARE * limits.bytesMax && oldestThinned !== undefined) return drop(oldestThinned);
  const oldest = oldestOf(['bulk', 'standard'], (name) => classes[name].oldest, limits);
  if (oldest !== undefined) return thin(oldest);
  if (classes.bulk.oldest !== undefined || classes.standard.oldest !== undefined) return undefined;
  if (oldestThinned !== undefined) return drop(oldestThinned);
  if (classes.bulk.oldestThinned !== undefined || classes.standard.oldestThinned !== undefined) return undefined;
  return (
    thin(oldestOf(['critical'], (name) => classes[name].oldest, limits)) ??
    drop(oldestOf(['critical'], (name) => classes[name].oldestThinned, limits))
  );
}

/**
 * The disk runs short although the limits are obeyed. Critical samples that no central has are never given up: when they
 * are all that is left, only what is new of other classes can be refused.
 */
function planLadder({ classes }: RetentionStock, bytes: number): RetentionPlan {
  const step = (act: 'thin' | 'drop', name: ChannelClass, onlySynced: boolean): RetentionStep => ({
    act,
    class: name,
    onlySynced,
    minAgeUs: 0,
    bytes,
    cause: 'disk-full',
  });
  const { bulk, standard, critical } = classes;
  if (bulk.oldest?.isSynced) return { rung: 'synced-bulk', step: step('thin', 'bulk', true) };
  if (standard.oldest?.isSynced) return { rung: 'synced-standard', step: step('thin', 'standard', true) };
  if (bulk.oldest !== undefined) return { rung: 'thin-bulk', step: step('thin', 'bulk', false) };
  if (standard.oldest !== undefined) return { rung: 'thin-standard', step: step('thin', 'standard', false) };
  if (bulk.oldestThinned !== undefined) return { rung: 'drop-bulk', step: step('drop', 'bulk', false) };
  if (standard.oldestThinned !== undefined) return { rung: 'drop-standard', step: step('drop', 'standard', false) };
  return { rung: 'critical-only', step: critical.oldest?.isSynced ? step('thin', 'critical', true) : undefined };
}

function byLimit(
  act: 'thin' | 'drop',
  name: ChannelClass,
  limits: RetentionLimits,
  { minAgeUs = 0, bytes = Number.POSITIVE_INFINITY }: { readonly minAgeUs?: number; readonly bytes?: number },
): RetentionStep {
  return { act, class: name, onlySynced: limits.waitsForCentrals, minAgeUs, bytes, cause: 'retention' };
}

function mayGo(pack: OldestPack | undefined, { waitsForCentrals }: RetentionLimits): pack is OldestPack {
  return pack !== undefined && (pack.isSynced || !waitsForCentrals);
}

/** The class whose oldest pack is the oldest of those that may go. */
function oldestOf(
  names: readonly ChannelClass[],
  packOf: (name: ChannelClass) => OldestPack | undefined,
  limits: RetentionLimits,
): ChannelClass | undefined {
  let found: ChannelClass | undefined;
  let ageUs = Number.NEGATIVE_INFINITY;
  for (const name of names) {
    const pack = packOf(name);
    if (!mayGo(pack, limits) || pack.ageUs <= ageUs) continue;
    found = name;
    ageUs = pack.ageUs;
  }
  return found;
}
