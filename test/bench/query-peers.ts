/*
 * A chart of every channel against DuckDB: 250 channels at 100 Hz, ten messages of 25 signals that share the message's
 * times, an hour of each, 90 million samples in a store and in a Parquet file (version 2, zstd, sorted by channel and time).
 * Asked of both: an hour at edges that fall anywhere, to 1,000 pixels, of all channels: count, min, max, first, last.
 * Ours asks one channel after the other on one thread; DuckDB gets one statement for all and takes the cores it wants.
 * Every pixel of every channel must be the same, bit by bit. Medians, caches warm, one untimed round of each before.
 */

import type { Envelope } from '../../gateway/query/telemetry.ts';
import { StoreRig } from '../gateway/store/store-rig.ts';
import type { Columns } from './drive.ts';
import { atLeast, type Findings, type Progress } from './figure.ts';
import { ParquetStore } from './peers/parquet.ts';
import { SensorSignal, SIGNAL_INTERVAL_US, SIGNAL_STEP } from './sensor-signal.ts';
import { median, rounds } from './statistics.ts';

const HOUR_US = 3600e6;
const MESSAGES = 10;
const SIGNALS = 25;
const SAMPLES = HOUR_US / SIGNAL_INTERVAL_US;
const PIXELS = 1000;
const ROUNDS = 7;
const DUCKDB_ROUNDS = 3;
const RING_SLOTS = 1 << 18;

/** Digits by which the signals of one message lie apart. */
const APART = 100;

/** Where the hour begins, and where it is asked from; any time will do. */
const START_US = 1.6e15;
const FROM_US = START_US + 71_234_567;

export async function measureAgainstDuckdb(progress: Progress): Promise<Findings> {
  const messages = Array.from({ length: MESSAGES }, (_, message) => messageOf(message));
  const channels = MESSAGES * SIGNALS;
  progress(`an hour of ${channels} channels into a store`);
  const rig = new StoreRig(
    Array.from({ length: channels }, (_, channel) => `c${channel}`),
    RING_SLOTS,
  );
  const parquet = await ParquetStore.open();
  try {
    fill(rig, messages);
    progress('the same into Parquet');
    const path = await writeParquet(parquet, messages);
    const telemetry = rig.telemetry();
    const ask = () => {
      const started = performance.now();
      const envelopes = Array.from({ length: channels }, (_, channel) =>
        telemetry.envelope(channel + 1, FROM_US, FROM_US + HOUR_US, PIXELS),
      );
      return { envelopes, ms: performance.now() - started };
    };
    progress('asking');
    const { envelopes } = ask();
    const ours = median((await rounds(ROUNDS, ask)).map(({ ms }) => ms));
    await requireSamePixels(parquet, path, envelopes);
    const theirs = median(await rounds(DUCKDB_ROUNDS, () => askDuckdb(parquet, path)));
    telemetry.close();
    return {
      figures: [
        {
          name: 'charts_hour_ms',
          value: ours,
          unit: 'ms',
          meaning: `${channels} channels of 100 Hz, an hour of each to ${PIXELS} px, one thread`,
        },
        {
          name: 'ratio_duckdb_query',
          value: theirs / ours,
          unit: '',
          target: atLeast(20),
          meaning: `DuckDB on Parquet, ${Math.round(theirs)} ms, over the same`,
        },
      ],
      notes: [`${channels} x ${PIXELS} pixels are the same by DuckDB, bit by bit`],
    };
  } finally {
    parquet.close();
    rig.dispose();
  }
}

/** Times of a message, and the digits of its first signal. */
interface Message {
  readonly times: Float64Array;
  readonly digits: Float64Array;
}

function messageOf(seed: number): Message {
  const signal = new SensorSignal(seed + 1, START_US);
  const times = new Float64Array(SAMPLES);
  const digits = new Float64Array(SAMPLES);
  for (let i = 0; i < SAMPLES; i += 1) {
    signal.next();
    times[i] = signal.time;
    digits[i] = Math.round(signal.value / SIGNAL_STEP);
  }
  return { times, digits };
}

/** Channel `message * SIGNALS + signal`, id one more, is `(digits + APART * signal) * SIGNAL_STEP`. */
function fill(rig: StoreRig, messages: readonly Message[]): void {
  const { ring, writer } = rig;
  for (let i = 0; i < SAMPLES; i += 1) {
    for (let message = 0; message < MESSAGES; message += 1) {
      const { times, digits } = messages[message] as Message;
      for (let signal = 0; signal < SIGNALS; signal += 1) {
        const value = ((digits[i] as number) + APART * signal) * SIGNAL_STEP;
        ring.writeSample(message * SIGNALS + signal + 1, times[i] as number, value);
      }
    }
    if (ring.free() >= MESSAGES * SIGNALS && i + 1 < SAMPLES) continue;
    rig.commit();
    while (writer.seal() > 0);
  }
  writer.trim();
}

async function writeParquet(parquet: ParquetStore, messages: readonly Message[]): Promise<string> {
  await parquet.load(messages.map(({ times, digits }): Columns => ({ times, values: digits })));
  return parquet.write(
    `SELECT (channel * ${SIGNALS} + signal)::INTEGER AS channel, time,
       (value + (${APART} * signal)::DOUBLE) * ${SIGNAL_STEP}::DOUBLE AS value
     FROM samples, range(${SIGNALS}) AS signals(signal) ORDER BY channel, time`,
  );
}

function m4(path: string): string {
  const perMicrosecond = PIXELS / HOUR_US;
  return `SELECT channel, LEAST(FLOOR((time - ${FROM_US})::DOUBLE * ${perMicrosecond}::DOUBLE), ${PIXELS - 1})::INTEGER AS pixel,
      COUNT(*)::DOUBLE AS count, MIN(value) AS min, MAX(value) AS max, ARG_MIN(value, time) AS first, ARG_MAX(value, time) AS last
    FROM '${path}' WHERE time >= ${FROM_US} AND time < ${FROM_US + HOUR_US} GROUP BY ALL`;
}

async function askDuckdb({ connection }: ParquetStore, path: string): Promise<number> {
  const started = performance.now();
  await connection.run(m4(path));
  return performance.now() - started;
}

async function requireSamePixels(
  { connection }: ParquetStore,
  path: string,
  envelopes: readonly Envelope[],
): Promise<void> {
  const found = await connection.runAndReadAll(m4(path));
  let pixels = 0;
  for (const [channel, pixel, ...columns] of found.getRows() as number[][]) {
    const envelope = envelopes[channel ?? -1];
    if (envelope === undefined || pixel === undefined) throw new Error(`DuckDB found a channel ${channel}`);
    const ours = [envelope.count, envelope.min, envelope.max, envelope.first, envelope.last].map((each) => each[pixel]);
    if (!ours.every((value, index) => Object.is(value, columns[index]))) {
      throw new Error(`channel ${channel}, pixel ${pixel}: [${ours}], DuckDB has [${columns}]`);
    }
    pixels += 1;
  }
  const filled = envelopes.reduce((sum, { count }) => sum + count.filter((each) => each > 0).length, 0);
  if (pixels !== filled) throw new Error(`${filled} pixels with samples, DuckDB has ${pixels}`);
}
