import { existsSync } from 'node:fs';
import { CaissonError } from '../errors.ts';
import { QUERY_PIXELS_MAX } from '../limits.ts';
import { nearest } from '../nearest.ts';
import { BlockDb } from '../store/block-db.ts';
import { JournalDb } from '../store/journal-db.ts';
import { storePaths } from '../store/store-dir.ts';
import { EnvelopeColumns, queryEnvelope } from './envelope-query.ts';
import { RangeReader } from './range-reader.ts';
import { TailReader } from './tail-reader.ts';
import type {
  Envelope,
  Gap,
  LatestSample,
  LedgerLine,
  LiveBatch,
  Samples,
  StoredChannel,
  Telemetry,
} from './telemetry.ts';
import { BootClocks } from './utc.ts';

/** How often the journal is looked at while somebody follows, and while nobody does. */
const FOLLOW_INTERVAL_MS = 25;
const IDLE_INTERVAL_MS = 250;

/**
 * A store's telemetry over read-only connections of its own: in the serve thread of a gateway, or at central. Every call
 * sees all that was committed before it.
 */
export class StoreTelemetry implements Telemetry {
  readonly #blocks: BlockDb;
  readonly #journal: JournalDb | undefined;
  readonly #tail: TailReader | undefined;
  readonly #clocks = new BootClocks();
  readonly #reader: RangeReader;
  readonly #byId = new Map<number, StoredChannel>();
  readonly #byName = new Map<string, StoredChannel[]>();
  /** Newest sample of channels that were followed, in stored time, with the boot that maps it. */
  readonly #latest = new Map<number, { time: number; boot: number; value: number | string }>();
  readonly #listeners = new Set<(batch: LiveBatch) => void>();
  #channelsPosition = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(blocks: BlockDb, journal: JournalDb | undefined) {
    this.#blocks = blocks;
    this.#journal = journal;
    this.#clocks.poll(blocks);
    this.#takeChannels();
    this.#tail = journal === undefined ? undefined : new TailReader(journal, blocks);
    this.#reader = new RangeReader(blocks, this.#tail, this.#clocks);
    this.#schedule();
  }

  /**
   * Opens the store in `dir`; a store without a journal (central's) has no tail.
   * @throws CaissonError `store-unusable`, retryable while the store is being made
   */
  static open(dir: string): StoreTelemetry {
    const paths = storePaths(dir);
    const blocks = BlockDb.openReadonly(paths.blocks);
    const journal = existsSync(paths.journal) ? JournalDb.openReadonly(paths.journal) : undefined;
    return new StoreTelemetry(blocks, journal);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#listeners.clear();
    this.#journal?.close();
    this.#blocks.close();
  }

  /** Takes in what was committed since the last look, and tells those who follow. */
  refresh(): void {
    this.#takeChannels();
    this.#clocks.poll(this.#blocks);
    this.#tail?.poll((boot, group) => {
      const { channel, times, values } = group;
      const stamp = this.#byId.get(channel)?.stamp ?? 'arrival';
      this.#keepLatest(channel, boot, times, values);
      if (this.#listeners.size === 0) return;
      const utcOffset = this.#clocks.of(boot, stamp).offsetAt(times[0] as number);
      const batch = { channel, times, values, start: 0, end: times.length, utcOffset };
      for (const listener of this.#listeners) listener(batch);
    });
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

  raw(channel: number, from: number, to: number): IterableIterator<Samples> {
    this.refresh();
    return this.#reader.samples(channel, this.#known(channel).stamp, from, to);
  }

  envelope(channel: number, from: number, to: number, pixels: number): Envelope {
    this.refresh();
    const known = this.#known(channel);
    if (!Number.isInteger(pixels) || pixels < 1 || pixels > QUERY_PIXELS_MAX) {
      throw new CaissonError('query-invalid', `${pixels} pixels, expected 1 to ${QUERY_PIXELS_MAX}`);
    }
    if (!(to > from)) throw new CaissonError('query-invalid', `the range from ${from} to ${to} is empty`);
    if (known.type === 'text') throw new CaissonError('query-invalid', `${known.name} is text, which has no envelope`);
    const parts = { blocks: this.#blocks, reader: this.#reader, clocks: this.#clocks };
    return queryEnvelope(parts, known, new EnvelopeColumns(from, to, pixels));
  }

  latest(channel: number): LatestSample | undefined {
    this.refresh();
    const { stamp } = this.#known(channel);
    const kept = this.#latest.get(channel) ?? this.#findLatest(channel);
    if (kept === undefined) return undefined;
    return { time: kept.time + this.#clocks.of(kept.boot, stamp).offsetAt(kept.time), value: kept.value };
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
    this.refresh();
    const { stamp } = this.#known(channel);
    const { least, greatest } = this.#clocks.span(stamp);
    const boots = new Map(this.#blocks.boots().map((boot) => [boot.id, boot.boot]));
    const fromTail = (this.#tail?.losses() ?? []).filter((loss) => loss.channel === channel);
    return [...this.#blocks.gaps(channel, from - greatest, to - least), ...fromTail]
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

  ledger(): readonly LedgerLine[] {
    this.refresh();
    const lines = new Map<string, { channel: number; next: number; kept: number; lost: number }>();
    const line = (channel: number, boot: number) => {
      const key = `${channel} ${boot}`;
      const known = lines.get(key) ?? { channel, next: 0, kept: 0, lost: 0 };
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
    const byChannel = new Map<number, { taken: number; kept: number; lost: number }>();
    for (const { channel, next, kept, lost } of lines.values()) {
      const sum = byChannel.get(channel) ?? { taken: 0, kept: 0, lost: 0 };
      byChannel.set(channel, { taken: sum.taken + next, kept: sum.kept + kept, lost: sum.lost + lost });
    }
    return [...byChannel].map(([channel, sums]) => ({ channel, ...sums })).sort((a, b) => a.channel - b.channel);
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

  #keepLatest(channel: number, boot: number, times: Float64Array, values: Float64Array | readonly string[]): void {
    const known = this.#latest.get(channel) ?? this.#findLatest(channel);
    let time = known === undefined || known.boot !== boot ? Number.NEGATIVE_INFINITY : known.time;
    let at = -1;
    for (let i = 0; i < times.length; i += 1) {
      if ((times[i] as number) >= time) {
        time = times[i] as number;
        at = i;
      }
    }
    if (at < 0) {
      if (known !== undefined) this.#latest.set(channel, known);
      return;
    }
    this.#latest.set(channel, { time, boot, value: values[at] as number | string });
  }

  /** The newest sample that is in the tail or, if none is, in a block. */
  #findLatest(channel: number): { time: number; boot: number; value: number | string } | undefined {
    let newest: { time: number; boot: number; value: number | string } | undefined;
    for (const chunk of this.#tail?.chunks(channel) ?? []) {
      const times = chunk.timesFrom(0);
      const values = chunk.valuesFrom(0);
      for (let i = 0; i < times.length; i += 1) {
        const time = times[i] as number;
        if (newest === undefined || time >= newest.time)
          newest = { time, boot: chunk.boot, value: values[i] as number | string };
      }
    }
    const extent = this.#blocks.newest(channel);
    if (extent?.boot === undefined || (newest !== undefined && newest.time >= extent.timeMax)) return newest;
    if (extent.node !== undefined) return { time: extent.timeMax, boot: extent.boot, value: extent.node.last };
    const run = this.#reader.block(extent, 'device');
    if (run === undefined) return newest;
    const at = run.times.lastIndexOf(run.timeMax);
    return { time: run.timeMax, boot: extent.boot, value: run.values[at] as number | string };
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const interval = this.#listeners.size > 0 ? FOLLOW_INTERVAL_MS : IDLE_INTERVAL_MS;
    this.#timer = setTimeout(() => {
      this.refresh();
      this.#schedule();
    }, interval);
    this.#timer.unref();
  }
}
