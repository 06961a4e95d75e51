/**
 * Queries over read-only connections, as the serve thread makes them, in one thread. The store holds channels at 100 Hz:
 * one of a day, four of an hour and 250 of ten minutes; their newest samples are in no block yet. It is filled through the
 * store's writer, as fast as that goes.
 *
 * Before anything is timed, envelopes of each kind are held against M4 by brute force over what was fed, bit by bit. Each
 * query is asked at edges of its own, which fall anywhere (seeded); percentiles are over all of them, caches warm.
 *
 * Edges on groups: a thousand pixels of 8,192 samples each, so that each pixel is whole blocks and whole envelopes.
 * DuckDB on Parquet: `query-peers.ts`.
 *
 * The tail: a store thread takes in 25,000 samples a second; from the acknowledgement of a sample until a query has
 * returned it.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { StoreRig } from '../gateway/store/store-rig.ts';
import { BenchStore } from './bench-store.ts';
import { bruteForceM4, differingPixels, type SampleCursor } from './brute-force-m4.ts';
import { atMost, type Figure, type Findings, type Progress } from './figure.ts';
import { measureAgainstDuckdb } from './query-peers.ts';
import { SensorSignal, SIGNAL_INTERVAL_US } from './sensor-signal.ts';
import { median, percentile, rounds, secondsOf } from './statistics.ts';

const MINUTE_US = 60e6;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;

/** Where all channels begin; any time will do. */
const START_US = 1.6e15;

const HOUR_CHANNELS = 4;
const DASHBOARD_CHANNELS = 250;
const DASHBOARD_SPAN_US = 10 * MINUTE_US;

const QUERIES = 100;
const ROUNDS = 7;
const TAIL_WARM_UP = 20;
const TAIL_PROBES = 400;
const TAIL_INTERVAL_MS = 10;
const RING_SLOTS = 1 << 18;

/** Samples of a pixel whose edges fall on groups: a multiple of every power of two that a block or an envelope may hold. */
const GROUP = 8192;

/** Ranges of a thousand such pixels that begin at different groups of the day. */
const GROUP_RANGES = 50;

/** A channel of the store, `id` in the order of their names. */
interface Filled {
  readonly id: number;
  readonly name: string;
  readonly samples: number;
}

export async function runQuery(progress: Progress): Promise<Findings> {
  const channels = channelsToFill();
  const rig = new StoreRig(
    channels.map(({ name }) => name),
    RING_SLOTS,
  );
  let stored: Figure[];
  try {
    const samples = channels.reduce((sum, channel) => sum + channel.samples, 0);
    progress(`filling a store with ${samples} samples`);
    for (const channel of channels) fill(rig, channel);
    const telemetry = rig.telemetry();
    progress('holding envelopes against brute force');
    checkEnvelopes(telemetry, channels);
    progress('asking');
    stored = await measureStored(telemetry, channels);
    telemetry.close();
  } finally {
    rig.dispose();
  }
  progress('the tail');
  const tail = await measureTail();
  const peers = await measureAgainstDuckdb(progress);
  return {
    figures: [...stored, ...tail, ...peers.figures],
    notes: [`no pixel of ${CHECKED.length} charts differs from M4 by brute force`, ...(peers.notes ?? [])],
  };
}

function channelsToFill(): Filled[] {
  const spans: [string, number][] = [['day', DAY_US]];
  for (let n = 1; n <= HOUR_CHANNELS; n += 1) spans.push([`hour${n}`, HOUR_US]);
  for (let n = 1; n <= DASHBOARD_CHANNELS; n += 1) spans.push([`dash${n}`, DASHBOARD_SPAN_US]);
  return spans.map(([name, span], index) => ({ id: index + 1, name, samples: span / SIGNAL_INTERVAL_US }));
}

/** Feeds a channel; its last, unfilled block stays in the journal. */
function fill(rig: StoreRig, { id, samples }: Filled): void {
  const { ring, writer } = rig;
  const signal = new SensorSignal(id, START_US);
  for (let fed = 0; fed < samples; fed += 1) {
    signal.next();
    ring.writeSample(id, signal.time, signal.value);
    if (ring.used() < RING_SLOTS && fed + 1 < samples) continue;
    rig.commit();
    while (writer.seal() > 0);
  }
  writer.trim();
}

function* samplesOf({ id, samples }: Filled): Generator<SampleCursor> {
  const signal = new SensorSignal(id, START_US);
  for (let n = 0; n < samples; n += 1) {
    signal.next();
    yield signal;
  }
}

/** Charts that are held against brute force. */
const CHECKED: readonly (readonly [name: string, span: number, pixels: number, isOnGroups: boolean])[] = [
  ['day', DAY_US, 1000, false],
  ['day', DAY_US, 1000, false],
  ['day', DAY_US, 999, false],
  ['day', 0, 1000, true],
  ['hour1', HOUR_US, 1000, false],
  ['dash1', MINUTE_US, 600, false],
  ['dash250', DASHBOARD_SPAN_US, 600, false],
];

/** A thousand pixels of GROUP samples each, from the `n`-th such group of a channel on: its edges lie between samples. */
function onGroups(n: number): [from: number, to: number] {
  const from = START_US + n * GROUP * SIGNAL_INTERVAL_US - SIGNAL_INTERVAL_US / 2;
  return [from, from + 1000 * GROUP * SIGNAL_INTERVAL_US];
}

function checkEnvelopes(telemetry: StoreTelemetry, channels: readonly Filled[]): void {
  const edges = new Edges(1);
  for (const [name, span, pixels, isOnGroups] of CHECKED) {
    const channel = channels.find((each) => each.name === name);
    if (channel === undefined) throw new Error(`no channel ${name}`);
    const end = START_US + channel.samples * SIGNAL_INTERVAL_US;
    const [from, to] = isOnGroups ? onGroups(3) : edges.near(end - span, span);
    const differing = differingPixels(
      telemetry.envelope(channel.id, from, to, pixels),
      bruteForceM4(samplesOf(channel), from, to, pixels),
    );
    if (differing > 0) throw new Error(`${name}: ${differing} of ${pixels} pixels differ from M4 by brute force`);
  }
}

async function measureStored(telemetry: StoreTelemetry, channels: readonly Filled[]): Promise<Figure[]> {
  const ids = (prefix: string) => channels.flatMap(({ id, name }) => (name.startsWith(prefix) ? [id] : []));
  const [day = 0] = ids('day');
  const hours = ids('hour');
  const dashboard = ids('dash');
  const edges = new Edges(2);
  const hour = timesOf(QUERIES, (n) => {
    const [from, to] = edges.near(START_US, HOUR_US);
    telemetry.envelope(hours[n % hours.length] ?? 0, from, to, 1000);
  });
  const wholeDay = timesOf(QUERIES, () => {
    const [from, to] = edges.near(START_US, DAY_US);
    telemetry.envelope(day, from, to, 1000);
  });
  const groups = timesOf(QUERIES, (n) => {
    const [from, to] = onGroups(n % GROUP_RANGES);
    telemetry.envelope(day, from, to, 1000);
  });
  const end = START_US + DASHBOARD_SPAN_US;
  const load = timesOf(ROUNDS, () => {
    for (const id of dashboard) telemetry.envelope(id, end - MINUTE_US, end, 600);
  });
  const samples = DAY_US / SIGNAL_INTERVAL_US;
  const raw = await rounds(ROUNDS, () =>
    secondsOf(() => {
      let read = 0;
      for (const piece of telemetry.raw(day, START_US - HOUR_US, START_US + DAY_US + HOUR_US))
        read += piece.times.length;
      if (read !== samples) throw new Error(`${samples} samples fed, ${read} read`);
    }),
  );
  return [
    figure('envelope_hour_ms', median(hour), 'ms', '1 h of a 100 Hz channel to 1,000 px, median'),
    figure('envelope_hour_p99_ms', percentile(hour, 99), 'ms', 'the same, p99'),
    figure('m4_day_p50_ms', median(wholeDay), 'ms', '24 h of a 100 Hz channel to 1,000 px, arbitrary edges, median'),
    { ...figure('m4_day_ms', percentile(wholeDay, 99), 'ms', 'the same, p99'), target: atMost(25) },
    {
      ...figure('m4_day_groups_ms', percentile(groups, 99), 'ms', '22 h 45 min of it where edges fall on groups, p99'),
      target: atMost(5),
    },
    figure('raw_read_samples_per_s', samples / median(raw), 'samples/s', '24 h of a 100 Hz channel, raw, one thread'),
    figure('dashboard_load_ms', median(load), 'ms', '250 channels of 100 Hz, the last 60 s of each to 600 px'),
  ];
}

async function measureTail(): Promise<Figure[]> {
  const store = new BenchStore();
  const host = await store.open();
  try {
    const { intake, clock } = host;
    const ids = Array.from(
      { length: DASHBOARD_CHANNELS },
      (_, n) => intake.channel({ name: `c${n}`, source: 'bench' }).id,
    );
    const telemetry = store.telemetry();
    const visible: number[] = [];
    for (let probe = -TAIL_WARM_UP; probe < TAIL_PROBES; probe += 1) {
      const time = clock.now();
      for (const id of ids) intake.push(id, time, probe);
      await intake.durable(intake.publish());
      const durable = performance.now();
      const [piece] = telemetry.raw(ids[(probe + TAIL_WARM_UP) % ids.length] ?? 0, time - MINUTE_US, time + MINUTE_US);
      if (piece?.values.at(-1) !== probe)
        throw new Error(`sample ${probe} was acknowledged, and a query does not have it`);
      if (probe >= 0) visible.push(performance.now() - durable);
      await wait(TAIL_INTERVAL_MS);
    }
    telemetry.close();
    return [
      {
        ...figure(
          'tail_ms',
          percentile(visible, 99),
          'ms',
          'from the acknowledgement of a sample until a query has it, p99',
        ),
        target: atMost(5),
      },
    ];
  } finally {
    await host.stop();
    store.dispose();
  }
}

/** How long each of `count` calls took, milliseconds; one more, untimed, goes before. */
function timesOf(count: number, ask: (n: number) => void): number[] {
  ask(0);
  return Array.from({ length: count }, (_, n) => secondsOf(() => ask(n)) * 1e3);
}

function figure(name: string, value: number, unit: string, meaning: string): Figure {
  return { name, value, unit, meaning };
}

/** Edges that fall anywhere, the same in every run. */
class Edges {
  readonly #noise: SensorSignal;

  constructor(seed: number) {
    this.#noise = new SensorSignal(seed, 0);
  }

  /** A range of about `span` that begins about at `from`, in whole microseconds, off by up to a twentieth. */
  near(from: number, span: number): [from: number, to: number] {
    const start = from + Math.round(span * this.#off());
    return [start, start + span + Math.round(span * this.#off())];
  }

  #off(): number {
    this.#noise.next();
    return ((this.#noise.value * 1e6) % 1e6) / 2e7;
  }
}
