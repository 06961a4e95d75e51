import { UtcMap } from '../../gateway/clock.ts';
import type { BlockContents } from '../../gateway/query/block-contents.ts';
import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import type { BlockReader } from '../../gateway/store/block-reader.ts';
import type { Extent, KeptBoot } from '../../gateway/store/block-rows.ts';

export const HOUR_US = 3_600e6;

/** Items of the feed that are looked at in one step, and bytes of packs that are read for it. */
const STEP_ITEMS = 256;
const STEP_BYTES = 4 << 20;

/** Hours from the first sample of a block to its last. Beyond: its samples are looked at one by one. */
const HOURS_NEAR_MAX = 48;

/** What one file of an export holds: the samples of one boot in one hour of UTC. */
export interface ExportHour {
  /** Local id of the boot. */
  readonly boot: number;
  /** Hours since 1970. */
  readonly hour: number;
}

/** What came to be in a store: hours of which the samples may be others than before, and how far the feed was read. */
export interface ChangedHours {
  readonly hours: readonly ExportHour[];
  readonly position: number;
}

/** Where the samples of an export are read. */
export interface ExportSource {
  readonly blocks: BlockReader;
  readonly contents: BlockContents;
}

/** The boots and clocks of a store, as an export needs them. */
export class ExportView {
  readonly boots: ReadonlyMap<number, KeptBoot>;
  readonly channels: readonly StoredChannel[];
  /** By the boot of derived samples that are shown. */
  readonly versions: ReadonlyMap<number, number>;
  readonly #blocks: BlockReader;
  readonly #contents: BlockContents;
  readonly #maps: ReadonlyMap<number, UtcMap>;
  readonly #mapsBefore: ReadonlyMap<number, UtcMap>;

  /**
   * Of one state of the store: to be made in the snapshot in which it is asked what changed.
   * @param position how far the feed was read before: clocks are compared with what they were then
   */
  constructor({ blocks, contents }: ExportSource, position: number) {
    this.#blocks = blocks;
    this.#contents = contents;
    this.boots = new Map(blocks.boots().map((boot) => [boot.id, boot]));
    // By name: an order that stays, so that the same samples are the same file.
    this.channels = blocks.channelsAfter(0).channels.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    this.versions = new Map(blocks.derivationsAfter(0).derivations.map(({ boot, version }) => [boot, version]));
    const all = readingsByBoot(blocks.clockAfter(0).rows);
    const added = readingsByBoot(blocks.clockAfter(position).rows);
    this.#maps = new Map([...all].map(([boot, readings]) => [boot, new UtcMap(readings)]));
    this.#mapsBefore = new Map(
      [...added].map(([boot, { length }]) => [boot, new UtcMap((all.get(boot) ?? []).slice(0, -length))]),
    );
  }

  /** What maps the stored times of a boot to UTC. */
  mapOf(boot: number, stamp: StoredChannel['stamp']): UtcMap {
    return stamp === 'device' ? IDENTITY : (this.#maps.get(this.#clockOf(boot)) ?? IDENTITY);
  }

  /** Blocks of a channel of a boot, in the order of their sequence numbers, that may hold samples of [from, to), UTC. */
  blocksOf(channel: StoredChannel, boot: number, from: number, to: number): Extent[] {
    const { least, greatest } = this.mapOf(boot, 'arrival').span();
    const [low, high] = [Math.min(0, least), Math.max(0, greatest)];
    return this.#blocks
      .overlapping(channel.id, from - high, to - low)
      .filter((extent) => extent.boot === boot)
      .sort((a, b) => a.firstSequence - b.firstSequence);
  }

  /** The hours that the feed says something new of. */
  changed(after: number): ChangedHours {
    const found = new HourSet();
    const ids = new Map([...this.boots.values()].map(({ id, gateway, boot }) => [`${gateway} ${boot}`, id]));
    let position = after;
    for (;;) {
      const items = this.#blocks.feed(position, STEP_ITEMS, STEP_BYTES);
      for (const item of items) {
        position = item.position;
        if (item.kind === 'pack') this.#addPack(found, position);
        else if (item.kind === 'derivation') this.#addBoot(found, ids.get(`${item.gateway} ${item.boot}`) ?? 0);
      }
      if (items.length === 0) break;
    }
    for (const clock of this.#mapsBefore.keys()) this.#addCorrected(found, clock);
    return { hours: found.all(), position };
  }

  #addPack(found: HourSet, position: number): void {
    for (const { boot, channel, firstSequence, count } of this.#blocks.packAsGaps(position, 'exported')) {
      if (!this.#isShown(boot)) continue;
      for (const extent of this.#blocks.blocksHolding(channel, boot, firstSequence, firstSequence + count)) {
        this.#add(found, boot, extent, this.mapOf(boot, extent.stamp));
      }
    }
  }

  #addBoot(found: HourSet, boot: number): void {
    this.#eachBlock(boot, (extent) => this.#add(found, boot, extent, this.mapOf(boot, extent.stamp)));
  }

  /** Samples of a boot that derives from another are shown when its derivation is known. */
  #isShown(boot: number): boolean {
    return this.boots.get(boot)?.origin === undefined || this.versions.has(boot);
  }

  /** The hours out of which, and into which, samples came by a better clock. */
  #addCorrected(found: HourSet, clock: number): void {
    const [before, now] = [this.#mapsBefore.get(clock) ?? IDENTITY, this.#maps.get(clock) ?? IDENTITY];
    for (const boot of this.boots.keys()) {
      if (this.#clockOf(boot) !== clock || !this.#isShown(boot)) continue;
      this.#eachBlock(boot, (extent) => {
        const { stamp, timeMin, timeMax } = extent;
        if (stamp === 'device') return;
        const [was, is] = [before.span(timeMin, timeMax), now.span(timeMin, timeMax)];
        if (was.least === is.least && was.greatest === is.greatest && before.isUniform(timeMin, timeMax)) return;
        this.#add(found, boot, extent, before);
        this.#add(found, boot, extent, now);
      });
    }
  }

  /** Adds the hours of a block. One whose times are far apart, because a device had a wrong clock, is looked at. */
  #add(found: HourSet, boot: number, extent: Extent, map: UtcMap): void {
    const { timeMin, timeMax } = extent;
    const { least, greatest } = map.span(timeMin, timeMax);
    const [first, last] = [hourOf(timeMin + least), hourOf(timeMax + greatest)];
    if (last - first <= HOURS_NEAR_MAX) {
      for (let hour = first; hour <= last; hour += 1) found.add(boot, hour);
      return;
    }
    for (const time of this.#contents.of(extent)?.times ?? []) found.add(boot, hourOf(time + map.offsetAt(time)));
  }

  #eachBlock(boot: number, look: (extent: Extent) => void): void {
    for (const { id } of this.channels) {
      for (const extent of this.#blocks.overlapping(id, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)) {
        if (extent.boot === boot) look(extent);
      }
    }
  }

  #clockOf(boot: number): number {
    return this.boots.get(boot)?.origin ?? boot;
  }
}

const IDENTITY = new UtcMap([]);

class HourSet {
  readonly #hours = new Map<string, ExportHour>();

  add(boot: number, hour: number): void {
    const key = `${boot} ${hour}`;
    if (!this.#hours.has(key)) this.#hours.set(key, { boot, hour });
  }

  all(): ExportHour[] {
    return [...this.#hours.values()];
  }
}

function hourOf(utc: number): number {
  return Math.floor(utc / HOUR_US);
}

function readingsByBoot<Reading>(rows: readonly { boot: number; reading: Reading }[]): Map<number, Reading[]> {
  const byBoot = new Map<number, Reading[]>();
  for (const { boot, reading } of rows) byBoot.set(boot, [...(byBoot.get(boot) ?? []), reading]);
  return byBoot;
}
