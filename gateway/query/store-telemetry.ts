import { existsSync } from 'node:fs';
import type { Stamp } from '../channel.ts';
import { CaissonError } from '../errors.ts';
import { QUERY_PIXELS_MAX } from '../limits.ts';
import { nearest } from '../nearest.ts';
import { BlockReader } from '../store/block-reader.ts';
import type { Extent, KeptBoot, KeptGap } from '../store/block-rows.ts';
import { JournalReader } from '../store/journal/journal-reader.ts';
import { storePaths } from '../store/store-dir.ts';
import { BlockContents } from './block-contents.ts';
import type { BlockSource } from './block-source.ts';
import { bootAccounts } from './boot-accounts.ts';
import { channelEvidence } from './coverage/channel-evidence.ts';
import { type Coverage, coverageOf, type Reach, type ReachOf } from './coverage/coverage.ts';
import { EnvelopeColumns, PixelEdges, queryEnvelope } from './envelope-query.ts';
import { openedBytesMax } from './opened-packs.ts';
import { lackingNodes } from './outlines.ts';
import { RangeReader, type VersionedChannel } from './range-reader.ts';
import { TailReader, type TailRow, type TailRows } from './tail-reader.ts';
import {
  type BootAccount,
  type Envelope,
  type Gap,
  type LatestSample,
  type LedgerLine,
  type LiveBatch,
  NEWEST_VERSION,
  type PastVersion,
  type Samples,
  type StoredChannel,
  type Telemetry,
} from './telemetry.ts';
import { BootClocks } from './utc.ts';
import { Versions } from './versions.ts';

/** How often the journal is looked at while somebody follows, and while nobody does. */
const FOLLOW_INTERVAL_MS = 25;
const IDLE_INTERVAL_MS = 250;

/** What a store without a journal has to tell. */
const NOTHING: TailRows = { rows: [], hasMore: false, hasMissed: false };

/** A gateway's own store: what was taken in is here, or in a gap. */
const WHOLE: Reach = { until: Number.POSITIVE_INFINITY, waits: '' };

/** A sample as it is stored, with what maps its time to UTC. */
interface Newest {
  readonly time: number;
  readonly boot: number;
  readonly stamp: Stamp;
  readonly value: number | string;
}

/**
 * A store's telemetry over read-only connections of its own: in the serve thread of a gateway, or at central. Every call
 * sees all that was committed before it.
 */
export class StoreTelemetry implements Telemetry {
  readonly #blocks: BlockSource;
  readonly #contents: BlockContents;
  readonly #journal: JournalReader | undefined;
  readonly #tail: TailReader | undefined;
  readonly #clocks = new BootClocks();
  readonly #versions = new Versions();
  readonly #reader: RangeReader;
  readonly #byId = new Map<number, StoredChannel>();
  readonly #byName = new Map<string, StoredChannel[]>();
  /** Newest sample of channels that were asked for; only where a tail tells of newer ones. */
  readonly #latest = new Map<number, Newest>();
  readonly #listeners = new Set<(batch: LiveBatch) => void>();
  readonly #edges = new PixelEdges();
  #channelsPosition = 0;
  /** State of the blocks that was taken in. */
  #state: number | undefined;
  #boots: { readonly state: number | undefined; readonly byId: ReadonlyMap<number, KeptBoot> } | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(blocks: BlockSource, contents: BlockContents, journal?: JournalReader, tail?: TailReader) {
    this.#blocks = blocks;
    this.#contents = contents;
    this.#journal = journal;
    this.#tail = tail;
    this.#reader = new RangeReader({
      ...{ blocks, contents: this.#contents, tail: this.#tail },
      ...{ clocks: this.#clocks, versions: this.#versions },
    });
    this.refresh();
    this.#schedule();
  }

  /**
   * Opens the store in `dir`; a store without a journal (central's) has no tail.
   *
   * @param onProblem told of a block or journal row that is damaged; it costs a query only itself
   * @param openedBytes bytes of packs that are kept open, for the next look at what they hold
   * @throws CaissonError `store-unusable`, retryable while the store is being made
   */
  static open(
    dir: string,
    onProblem: (text: string) => void = () => {},
    openedBytes: number = openedBytesMax(),
  ): StoreTelemetry {
    const paths = storePaths(dir);
    const onDamage = (what: string) => onProblem(`blocks.db, ${what}`);
    const blocks = BlockReader.openReadonly(paths.blocks, undefined, onDamage);
    const journal = existsSync(paths.journal) ? JournalReader.open(paths.journal) : undefined;
    const tail = journal === undefined ? undefined : new TailReader(journal, blocks, onProblem);
    return new StoreTelemetry(blocks, new BlockContents(blocks, onProblem, openedBytes), journal, tail);
  }

  /** Answers from blocks that are kept elsewhere; parameters as for {@link StoreTelemetry.open}. */
  static over(blocks: BlockSource, onProblem: (text: string) => void, openedBytes: number): StoreTelemetry {
    return new StoreTelemetry(blocks, new BlockContents(blocks, onProblem, openedBytes));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#listeners.clear();
    this.#journal?.close();
    this.#blocks.close();
  }

  /** Takes in what was committed since the last look, and tells those who follow. */
  refresh(): void {
    this.#look(() => undefined);
  }

  channels(): readonly StoredChannel[] {
    this.refresh();
    return [...this.#byId.values()];
  }

  channel(name: string, gateway?: string): StoredChannel {
    this.refresh();
    const named = this.#byName.get(name) ?? [];
    const found = gateway === undefined ? named : named.filter((channel) => channel.gateway === gateway);
    const [first, ...others] = found;
    if (first === undefined) {
      const similar = nearest(name, this.#byName.keys(), 3);
      throw new CaissonError(
        'channel-unknown',
        `no channel is named ${name}${gateway === undefined ? '' : ` on gateway ${gateway}`}`,
        {
          ...(similar.length === 0 ? {} : { hint: `did you mean ${similar.join(', ')}?` }),
        },
      );
    }
    if (others.length > 0) {
      throw new CaissonError(
        'query-invalid',
        `${name} is on several gateways: ${found.map((each) => each.gateway).join(', ')}`,
        {
          hint: 'say which gateway is meant',
        },
      );
    }
    return first;
  }

  raw(channel: number, from: number, to: number, version: number = NEWEST_VERSION): IterableIterator<Samples> {
    return this.#look(() => this.#reader.samples({ ...this.#known(channel), version }, from, to));
  }

  /** Times at which [from, to) can be cut for {@link StoreTelemetry.raw}, so that a stretch has some `blocks` blocks. */
  cuts(channel: number, from: number, to: number, blocks: number, version: number = NEWEST_VERSION): number[] {
    return this.#look(() => this.#reader.cuts({ ...this.#known(channel), version }, from, to, blocks));
  }

  /** What is added to stored times of a boot to give UTC at one of them, microseconds. */
  utcOffset(boot: number, stamp: Stamp, time: number): number {
    return this.#look(() => this.#clocks.of(boot, stamp).offsetAt(time));
  }

  envelope(channel: number, from: number, to: number, pixels: number, version: number = NEWEST_VERSION): Envelope {
    if (!Number.isInteger(pixels) || pixels < 1 || pixels > QUERY_PIXELS_MAX) {
      throw new CaissonError('query-invalid', `${pixels} pixels, expected 1 to ${QUERY_PIXELS_MAX}`);
    }
    if (!(to > from)) throw new CaissonError('query-invalid', `the range from ${from} to ${to} is empty`);
    const parts = { blocks: this.#blocks, reader: this.#reader, clocks: this.#clocks };
    return this.#look(() => {
      const known = this.#known(channel);
      if (known.type !== 'text')
        return queryEnvelope(parts, { ...known, version }, new EnvelopeColumns(from, to, pixels, this.#edges));
      throw new CaissonError('query-invalid', `${known.name} is text, which has no envelope`);
    });
  }

  versions(): readonly PastVersion[] {
    return this.#look(() => {
      const boots = new Map(this.#blocks.boots().map((boot) => [boot.id, boot]));
      return this.#versions.all().map(({ boot: id, origin, spans, ...terms }) => {
        const map = this.#clocks.of(origin, 'arrival');
        const utc = (time: number) => time + map.offsetAt(time);
        const arrival = spans.arrival.map(({ from, to }) => ({ from: utc(from), to: utc(to) }));
        const { gateway = '', boot = '' } = boots.get(origin) ?? {};
        return { ...terms, id, gateway, boot, spans: { arrival, device: spans.device } };
      });
    });
  }

  latest(channel: number): LatestSample | undefined {
    return this.#look(() => {
      const newest = this.#latest.get(channel) ?? this.#findLatest(this.#known(channel));
      if (newest === undefined) return undefined;
      if (this.#tail !== undefined) this.#latest.set(channel, newest);
      return { time: this.#utcOf(newest), value: newest.value };
    });
  }

  follow(listener: (batch: LiveBatch) => void): () => void {
    this.refresh();
    this.#listeners.add(listener);
    this.#schedule();
    return () => {
      this.#listeners.delete(listener);
    };
  }

  gaps(channel: number, from: number, to: number): readonly Gap[] {
    return this.#look(() => this.#gaps(channel, from, to));
  }

  /** @param reachOf of a gateway that is pulled from: how far it is known that nothing lacks; of a store with a journal everything is */
  coverage(channel: number, from: number, to: number, reachOf?: ReachOf): Coverage {
    if (!(to > from)) throw new CaissonError('query-invalid', `the range from ${from} to ${to} is empty`);
    return this.#look(() => {
      const parts = { blocks: this.#blocks, contents: this.#contents, tail: this.#tail, clocks: this.#clocks };
      const known = this.#known(channel);
      const boots = channelEvidence({ ...parts, boots: this.#knownBoots() }, known, from, to);
      return coverageOf({ from, to }, boots, this.#tail === undefined ? reachOf?.(known.gateway) : WHOLE);
    });
  }

  ledger(): readonly LedgerLine[] {
    return this.#look(() => this.#ledger());
  }

  accounts(channel: number): readonly BootAccount[] {
    return this.#look(() => {
      const parts = { blocks: this.#blocks, contents: this.#contents, tail: this.#tail, clocks: this.#clocks };
      return bootAccounts({ ...parts, boots: this.#knownBoots() }, this.#known(channel));
    });
  }

  /**
   * Takes in what is new, and asks `read` of the very state that was taken in: the store thread commits and seals meanwhile,
   * and what it moves from the journal into a block must neither be seen twice nor be missed.
   */
  #look<Result>(read: () => Result): Result {
    for (;;) {
      const { rows, hasMore, hasMissed } = this.#tail?.read() ?? NOTHING;
      if (hasMissed) this.#latest.clear();
      const found = this.#blocks.snapshot(() => {
        this.#takeIn(rows);
        return hasMore ? undefined : { result: read() };
      });
      this.#tell(rows);
      if (found !== undefined) return found.result;
    }
  }

  /** A look at a store to which nothing was committed since the last one costs next to nothing. */
  #takeIn(rows: readonly TailRow[]): void {
    const state = this.#blocks.state();
    if (rows.length === 0 && state === this.#state) return;
    this.#takeChannels();
    this.#clocks.poll(this.#blocks);
    if (this.#versions.poll(this.#blocks)) this.#latest.clear();
    this.#tail?.take(rows);
    this.#renewLatest(rows);
    this.#state = state;
  }

  #tell(rows: readonly TailRow[]): void {
    if (this.#listeners.size === 0) return;
    for (const { boot, groups } of rows) {
      for (const { channel, times, values } of groups) {
        const utcOffset = this.#clocks.of(boot, this.#known(channel).stamp).offsetAt(times[0] as number);
        const batch = { channel, times, values, start: 0, end: times.length, utcOffset };
        for (const listener of this.#listeners) listener(batch);
      }
    }
  }

  #gaps(channel: number, from: number, to: number): Gap[] {
    const { stamp } = this.#known(channel);
    const { least, greatest } = this.#clocks.span();
    const boots = new Map(this.#blocks.boots().map((boot) => [boot.id, boot.boot]));
    const fromTail = [...(this.#tail?.losses() ?? [])].filter((loss) => loss.channel === channel);
    const damaged = this.#contents.damaged().filter((gap) => gap.channel === channel);
    const thinned = asGaps(channel, this.#blocks.thinned(channel, from - greatest, to - least));
    return [...this.#blocks.gaps(channel, from - greatest, to - least), ...fromTail, ...damaged, ...thinned]
      .map((gap) => {
        const map = this.#clocks.of(gap.boot, stamp);
        return {
          channel,
          boot: boots.get(gap.boot) ?? '',
          firstSequence: gap.firstSequence,
          count: gap.count,
          from: gap.from + map.offsetAt(gap.from),
          to: gap.to + map.offsetAt(gap.to),
          cause: gap.cause,
        };
      })
      .filter((gap) => gap.to >= from && gap.from < to);
  }

  #ledger(): LedgerLine[] {
    const lines = new Map<string, { channel: number; boot: number; next: number; kept: number; lost: number }>();
    const line = (channel: number, boot: number) => {
      const key = `${channel} ${boot}`;
      const known = lines.get(key) ?? { channel, boot, next: 0, kept: 0, lost: 0 };
      lines.set(key, known);
      return known;
    };
    for (const { channel, boot, kept, lost, next } of this.#blocks.accounts()) {
      Object.assign(line(channel, boot), { kept, lost, next });
    }
    for (const channel of this.#tail?.channels() ?? []) {
      for (const chunk of this.#tail?.chunks(channel) ?? []) {
        const account = line(channel, chunk.boot);
        account.kept += chunk.count;
        account.next = Math.max(account.next, chunk.endSequence);
      }
    }
    for (const loss of this.#tail?.losses() ?? []) {
      const account = line(loss.channel, loss.boot);
      account.lost += loss.count;
      account.next = Math.max(account.next, loss.firstSequence + loss.count);
    }
    for (const { channel, boot, count } of this.#contents.damaged()) {
      const account = line(channel, boot);
      account.kept -= count;
      account.lost += count;
    }
    const byChannel = new Map<number, { taken: number; kept: number; lost: number; derived: number }>();
    for (const { channel, boot, next, kept, lost } of lines.values()) {
      const sum = byChannel.get(channel) ?? { taken: 0, kept: 0, lost: 0, derived: 0 };
      byChannel.set(channel, sum);
      if (this.#versions.isDerived(boot)) {
        sum.derived += kept;
        continue;
      }
      sum.taken += next;
      sum.kept += kept;
      sum.lost += lost;
    }
    return [...byChannel].map(([channel, sums]) => ({ channel, ...sums })).sort((a, b) => a.channel - b.channel);
  }

  /** Every boot by local id; read once for each state of the store. */
  #knownBoots(): ReadonlyMap<number, KeptBoot> {
    if (this.#boots?.state !== this.#state) {
      const byId = new Map(this.#blocks.boots().map((boot) => [boot.id, boot]));
      this.#boots = { state: this.#state, byId };
    }
    return this.#boots?.byId ?? new Map();
  }

  #known(id: number): StoredChannel {
    const channel = this.#byId.get(id);
    if (channel === undefined) throw new CaissonError('channel-unknown', `no channel has the id ${id}`);
    return channel;
  }

  #takeChannels(): void {
    const { channels, position } = this.#blocks.channelsAfter(this.#channelsPosition);
    this.#channelsPosition = position;
    for (const channel of channels) {
      this.#byId.set(channel.id, channel);
      const named = (this.#byName.get(channel.name) ?? []).filter((other) => other.id !== channel.id);
      this.#byName.set(channel.name, [...named, channel]);
    }
  }

  #renewLatest(rows: readonly TailRow[]): void {
    if (this.#latest.size === 0) return;
    for (const { boot, groups } of rows) {
      for (const { channel, times, values } of groups) {
        const newest = this.#latest.get(channel);
        if (newest !== undefined) {
          this.#latest.set(channel, this.#laterIn(newest, boot, this.#known(channel).stamp, times, values));
        }
      }
    }
  }

  /** The newest sample that is in the tail or in a block. */
  #findLatest({ id, stamp }: StoredChannel): Newest | undefined {
    const channel = { id, stamp, version: NEWEST_VERSION };
    const extent = this.#blocks.newest(id);
    let newest: Newest | undefined;
    if (extent !== undefined && this.#reader.howMuch(channel, extent) === 'all') newest = this.#newestOf(extent);
    else if (extent !== undefined) newest = this.#newestShown(channel);
    newest = this.#laterOutline(newest, channel);
    for (const { boot, times, values } of this.#reader.storedTail(channel)) {
      newest = this.#laterIn(newest, boot, stamp, times, values);
    }
    return newest;
  }

  /** The last sample of an outline whose samples have not come, where that is newer. */
  #laterOutline(newest: Newest | undefined, channel: VersionedChannel): Newest | undefined {
    let latest = newest;
    const from = newest?.time ?? Number.NEGATIVE_INFINITY;
    for (const { boot, stamp, node } of lackingNodes(this.#blocks, channel.id, from, Number.POSITIVE_INFINITY)) {
      const { timeMin, timeMax: time, last: value } = node;
      if (latest !== undefined && time < latest.time) continue;
      if (this.#reader.howMuchOf(channel, boot, { stamp, timeMin, timeMax: time }) !== 'all') continue;
      latest = { time, boot, stamp, value };
    }
    return latest;
  }

  /** The newest sample in a block that is shown, where what was kept last is not. */
  #newestShown(channel: VersionedChannel): Newest | undefined {
    let newest: Newest | undefined;
    const extents = this.#blocks.overlapping(channel.id, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    for (const extent of extents.sort((a, b) => b.timeMax - a.timeMax)) {
      const { boot, stamp, timeMax } = extent;
      if (boot === undefined || this.#reader.howMuch(channel, extent) === 'none') continue;
      if (newest !== undefined && timeMax < newest.time) break;
      const samples = this.#reader.stored(channel, extent);
      if (samples !== undefined) newest = this.#laterIn(newest, boot, stamp, samples.times, samples.values);
    }
    return newest;
  }

  #newestOf(extent: Extent): Newest | undefined {
    const { boot, stamp, timeMax: time, node } = extent;
    if (boot === undefined) return undefined;
    if (node !== undefined) return { time, boot, stamp, value: node.last };
    const columns = this.#contents.of(extent);
    if (columns === undefined) return undefined;
    const { times, values } = columns;
    return { time, boot, stamp, value: values[times.lastIndexOf(time)] ?? '' };
  }

  /** The sample with the greatest stored time of `newest` and the columns; of equal ones the one taken in last. */
  #laterIn<Known extends Newest | undefined>(
    newest: Known,
    boot: number,
    stamp: Stamp,
    times: Float64Array,
    values: Float64Array | readonly string[],
  ): Known | Newest {
    let reach = newest?.time ?? Number.NEGATIVE_INFINITY;
    let found = -1;
    for (let i = 0; i < times.length; i += 1) {
      const time = times[i] as number;
      if (time < reach) continue;
      reach = time;
      found = i;
    }
    if (found < 0) return newest;
    return { time: times[found] as number, boot, stamp, value: values[found] ?? Number.NaN };
  }

  #utcOf({ time, boot, stamp }: Newest): number {
    return time + this.#clocks.of(boot, stamp).offsetAt(time);
  }

  #schedule(): void {
    // Without a tail nothing is committed that anybody who follows is told of.
    if (this.#tail === undefined) return;
    clearTimeout(this.#timer);
    const interval = this.#listeners.size > 0 ? FOLLOW_INTERVAL_MS : IDLE_INTERVAL_MS;
    this.#timer = setTimeout(() => {
      this.refresh();
      this.#schedule();
    }, interval);
    this.#timer.unref();
  }
}

/** Blocks that follow one another, by time, as one gap each run: their samples were given up, their envelopes stay. */
function asGaps(channel: number, thinned: readonly Extent[]): KeptGap[] {
  const gaps: { -readonly [Field in keyof KeptGap]: KeptGap[Field] }[] = [];
  for (const { boot = 0, firstSequence, count, timeMin, timeMax, thinned: cause = '' } of thinned) {
    const last = gaps.at(-1);
    if (last?.boot === boot && last.cause === cause && last.firstSequence + last.count === firstSequence) {
      last.count += count;
      last.to = Math.max(last.to, timeMax);
    } else {
      gaps.push({ channel, boot, firstSequence, count, from: timeMin, to: timeMax, cause });
    }
  }
  return gaps;
}
