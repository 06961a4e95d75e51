import { CaissonError } from '../../errors.ts';
import { nearest } from '../../nearest.ts';
import type { KeptTelemetry, Samples, StoredChannel } from '../telemetry.ts';
import { NameSelector, namesAskedFor, parseConditions } from './name-selector.ts';
import type { SqlMeter } from './sql-meter.ts';
import type { SqlValue } from './sql-value.ts';

export const SAMPLES_COLUMNS = ['gateway', 'channel', 'time', 'value', 'text', 'late'] as const;

/** Rows of `samples`: channel by channel, each in the order of its times. */
export class SamplesTable {
  readonly #telemetry: KeptTelemetry;
  readonly #channels: readonly StoredChannel[];
  readonly #byName = new Map<string, StoredChannel[]>();
  readonly #selector = new NameSelector();
  readonly #meter: SqlMeter;

  /** The channels that are known when it is made; samples are those committed when a reference begins to read. */
  constructor(telemetry: KeptTelemetry, meter: SqlMeter) {
    this.#telemetry = telemetry;
    this.#meter = meter;
    this.#channels = telemetry.channels();
    for (const channel of this.#channels) {
      const named = this.#byName.get(channel.name);
      if (named === undefined) this.#byName.set(channel.name, [channel]);
      else named.push(channel);
    }
  }

  close(): void {
    this.#selector.close();
  }

  /**
   * Rows of the samples of channels whose names fit, with times of [from, to], UTC, microseconds: all of them without
   * arguments. One row object is used for all, because SQLite copies what it needs of it, and no generator delegates to
   * another: each would cost a sample as much again.
   *
   * @returns a generator function, of conditions of a {@link NameSelector} in JSON and two bounds; it throws CaissonError
   *   `query-invalid` for a bound that is text
   */
  rows(): (names?: unknown, from?: unknown, to?: unknown) => Generator<SqlValue[]> {
    const pieces = this.#pieces.bind(this);
    return function* (
      names: unknown = '[]',
      from: unknown = Number.NEGATIVE_INFINITY,
      to: unknown = Number.POSITIVE_INFINITY,
    ) {
      const row: SqlValue[] = ['', '', 0n, null, null, 0n];
      for (const { channel, samples } of pieces(String(names), boundOf(from), boundOf(to))) {
        const { times, values, late } = samples;
        const { labels } = channel;
        const isNumber = values instanceof Float64Array;
        [row[0], row[1], row[3], row[4], row[5]] = [channel.gateway, channel.name, null, null, 0n];
        for (let i = 0; i < times.length; i += 1) {
          // A number would arrive in SQLite as REAL, and dividing it would not count minutes.
          row[2] = BigInt(times[i] as number);
          row[isNumber ? 3 : 4] = values[i] as number | string;
          if (late !== undefined) row[5] = late[i] === 1 ? 1n : 0n;
          if (labels !== undefined) row[4] = labels[String(values[i])] ?? null;
          yield row;
        }
      }
    };
  }

  *#pieces(names: string, from: number, to: number): IterableIterator<{ channel: StoredChannel; samples: Samples }> {
    for (const channel of this.#selected(names)) {
      this.#meter.countChannel();
      // Times are whole microseconds. What is read too much, the conditions drop.
      for (const samples of this.#telemetry.raw(channel.id, from, Math.floor(to) + 1)) {
        this.#meter.countSamples(samples.times.length);
        yield { channel, samples };
      }
    }
  }

  #selected(names: string): readonly StoredChannel[] {
    const conditions = parseConditions(names);
    const [asked] = namesAskedFor(conditions, 'channel');
    const candidates = asked === undefined ? this.#channels : (this.#byName.get(asked) ?? []);
    if (asked !== undefined && candidates.length === 0) this.#meter.notice(unknownChannel(asked, this.#byName.keys()));
    return candidates.filter(({ name, gateway }) => this.#selector.selects(conditions, { channel: name, gateway }));
  }
}

function boundOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  throw new CaissonError(
    'query-invalid',
    `time is compared with the text ${JSON.stringify(String(value))}, but it is a number: UTC in microseconds`,
    { hint: `write utc('2025-06-01T12:00:00Z'), or ago('5m')` },
  );
}

/** What to say where a condition names a channel that is not there. */
export function unknownChannel(name: string, names: Iterable<string>): string {
  const similar = nearest(name, names, 3);
  return `no channel is named ${name}${similar.length === 0 ? '' : `; did you mean ${similar.join(', ')}?`}`;
}
