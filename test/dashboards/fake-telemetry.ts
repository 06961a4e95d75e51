import { CaissonError } from '../../gateway/errors.ts';
import type {
  BootAccount,
  Envelope,
  LatestSample,
  LiveBatch,
  StoredChannel,
  Telemetry,
} from '../../gateway/query/telemetry.ts';
import { StaleWatch } from '../../gateway/stale-watch.ts';
import type { GatewayStatus } from '../../gateway/status.ts';

/** A channel of the fixture: its definition and its value at a moment, seconds. */
export interface FakeChannel {
  readonly definition: Partial<StoredChannel> & { readonly name: string };
  readonly rateHz: number;
  value(seconds: number): number | string;
}

interface Column {
  readonly channel: StoredChannel;
  readonly fake: FakeChannel;
  times: number[];
  values: (number | string)[];
  silent: boolean;
  /** Index of the next sample: sample n is at n / rate seconds. */
  next: number;
}

const KEPT_US = 400e6;

/**
 * A store that lives in memory and is filled from functions of time; tests only. Times are UTC microseconds; nothing
 * moves by itself but what {@link FakeTelemetry.advance} generates.
 */
export class FakeTelemetry implements Telemetry {
  readonly #columns: Column[] = [];
  readonly #listeners = new Set<(batch: LiveBatch) => void>();
  #now: number;
  readonly #watch = new StaleWatch();
  readonly #heard = new Uint8Array(20_000);
  #lookedAt = Number.NEGATIVE_INFINITY;
  readonly isStale = (channel: number): boolean => this.#watch.isStale(this.#column(channel).channel);

  constructor(channels: readonly FakeChannel[], start: number) {
    this.#now = start;
    for (const channel of channels) this.add(channel);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  add(fake: FakeChannel): StoredChannel {
    const channel: StoredChannel = {
      id: this.#columns.length + 1,
      gateway: 'test-gateway',
      unit: '',
      type: 'number',
      class: 'standard',
      residency: 'any',
      stamp: 'arrival',
      source: fake.definition.name.split('/')[1] ?? 'test',
      rateHz: fake.rateHz,
      ...fake.definition,
    };
    const next = Math.ceil((this.#now / 1e6) * fake.rateHz);
    this.#columns.push({ channel, fake, times: [], values: [], silent: false, next });
    return channel;
  }

  /** A silent channel gives no samples until it is let speak again; what it would have given is missing. */
  silence(name: string, silent: boolean): void {
    this.#column(this.channel(name).id).silent = silent;
  }

  /** Generates all samples up to and including `to` and tells the followers. */
  advance(to: number): void {
    this.#now = to;
    for (const column of this.#columns) {
      const times: number[] = [];
      const values: (number | string)[] = [];
      const { rateHz } = column.fake;
      for (; (column.next / rateHz) * 1e6 <= to; column.next++) {
        if (column.silent) continue;
        times.push(Math.round((column.next / rateHz) * 1e6));
        values.push(column.fake.value(column.next / rateHz));
      }
      if (times.length > 0) this.push(column.channel.id, times, values);
    }
    if (to - this.#lookedAt < 1e6) return;
    this.#lookedAt = to;
    this.#watch.look(to, this.#heard, this.#columns.length + 1);
  }

  /** Adds samples to a channel as one commit. */
  push(channel: number, times: readonly number[], values: readonly (number | string)[]): void {
    const column = this.#column(channel);
    this.#heard[channel] = 1;
    for (const time of times) column.times.push(time);
    for (const value of values) column.values.push(value);
    if ((column.times[0] ?? 0) < this.#now - 2 * KEPT_US) {
      const from = column.times.findIndex((time) => time >= this.#now - KEPT_US);
      column.times = column.times.slice(from);
      column.values = column.values.slice(from);
    }
    const isText = column.channel.type === 'text';
    const batch: LiveBatch = {
      channel,
      times: Float64Array.from(times),
      values: isText ? values.map(String) : Float64Array.from(values, Number),
      start: 0,
      end: times.length,
      utcOffset: 0,
    };
    for (const listener of this.#listeners) listener(batch);
  }

  channels(): readonly StoredChannel[] {
    return this.#columns.map((column) => column.channel);
  }

  channel(name: string): StoredChannel {
    const column = this.#columns.find((candidate) => candidate.channel.name === name);
    if (column === undefined) throw new CaissonError('channel-unknown', `no channel is named ${name}`);
    return column.channel;
  }

  *raw(channel: number, from: number, to: number) {
    const column = this.#column(channel);
    const chosen = column.times.map((time, i) => ({ time, i })).filter(({ time }) => time >= from && time < to);
    const times = Float64Array.from(chosen, ({ time }) => time);
    const values = chosen.map(({ i }) => column.values[i] ?? Number.NaN);
    const isText = column.channel.type === 'text';
    yield { times, values: isText ? values.map(String) : Float64Array.from(values, Number) };
  }

  envelope(channel: number, from: number, to: number, pixels: number): Envelope {
    const column = this.#column(channel);
    if (column.channel.type === 'text') throw new CaissonError('query-invalid', `${column.channel.name} is text`);
    const count = new Float64Array(pixels);
    const [min, max, first, last] = Array.from({ length: 4 }, () => new Float64Array(pixels).fill(Number.NaN)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let i = lowerBound(column.times, from); i < column.times.length; i++) {
      const time = column.times[i] ?? Number.NaN;
      if (time >= to) break;
      const value = Number(column.values[i]);
      const at = Math.floor(((time - from) / (to - from)) * pixels);
      const before = count[at] ?? 0;
      count[at] = before + 1;
      if (before === 0) first[at] = value;
      if (before === 0 || value < (min[at] ?? 0)) min[at] = value;
      if (before === 0 || value > (max[at] ?? 0)) max[at] = value;
      last[at] = value;
    }
    return { from, to, pixels, count, min, max, first, last };
  }

  latest(channel: number): LatestSample | undefined {
    const column = this.#column(channel);
    const time = column.times.at(-1);
    const value = column.values.at(-1);
    return time === undefined || value === undefined ? undefined : { time, value };
  }

  follow(listener: (batch: LiveBatch) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  gaps() {
    return [];
  }

  versions() {
    return [];
  }

  accounts(): readonly BootAccount[] {
    return [];
  }

  coverage(_id: number, from: number, to: number) {
    return { from, to, stretches: [{ from, to, state: 'full' as const, cause: '', count: 0 }], waits: '' };
  }

  ledger() {
    return [];
  }

  #column(id: number): Column {
    const column = this.#columns[id - 1];
    if (column === undefined) throw new CaissonError('channel-unknown', `no channel has the id ${id}`);
    return column;
  }
}

function lowerBound(times: readonly number[], from: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Microseconds UTC of this machine: what tests use for real time. */
export function utcNow(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1e3);
}

/** A status whose figures are told apart easily. */
export function fakeStatus(now: number, changes: Partial<GatewayStatus> = {}): GatewayStatus {
  return {
    role: 'gateway',
    gateway: 'box-17',
    boot: '00c0ffee00c0ffee',
    version: '0.1.0',
    startedAt: now - 3600e6,
    now,
    clock: { source: 'gnss', errorUs: 12, doubted: [] },
    ring: { slots: 1 << 20, used: 120, refused: 0 },
    store: {
      commits: 4711,
      samples: 123456789,
      commitMs: 3.2,
      journalRows: 12,
      unsealed: 54321,
      sealWaits: 2,
      blocks: 998,
      blockBytes: 734003200,
      lost: 0,
    },
    sources: [
      {
        name: 'car',
        kind: 'can',
        state: 'running',
        received: 5000,
        samples: 60000,
        rate: 21400,
        errors: { 'dlc-short': 2 },
        errorPlaces: { 'dlc-short': 'frame 1d0 has 3 bytes' },
        dropped: 0,
        lastSeen: now,
      },
      { name: 'gps', kind: 'serial', state: 'running', received: 50, samples: 600, rate: 250, errors: {}, dropped: 0 },
      {
        name: 'tyres',
        kind: 'mqtt',
        state: 'waiting',
        problem: 'no device has published yet',
        received: 0,
        samples: 0,
        rate: 0,
        errors: {},
        dropped: 0,
      },
    ],
    problems: [],
    ...changes,
  };
}
