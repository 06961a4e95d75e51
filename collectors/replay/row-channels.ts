import type { ChannelSpec } from '../../gateway/channel.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import type { ColumnKind } from './column-kinds.ts';
import type { Cell } from './recording-reader.ts';
import type { RecordingColumn, RecordingTable } from './recording-table.ts';
import type { ReplaySettings } from './replay-config.ts';

/** Most bytes of UTF-8 of one character of a JavaScript string. */
const UTF8_BYTES_MAX = 3;
/** Least bytes of text that take the room of a number sample. */
const TEXT_BYTES_PER_ROOM = 16;

/** The channels of a recording's columns. */
export class RowChannels {
  readonly #sink: SampleSink;
  readonly #ids: readonly number[];

  /** @param source name of the configured source */
  constructor(
    table: RecordingTable,
    kinds: readonly ColumnKind[],
    settings: ReplaySettings,
    source: string,
    sink: SampleSink,
  ) {
    this.#sink = sink;
    const rateHz = rateOf(table, settings);
    this.#ids = table.columns.map(
      (column, index) => sink.channel(specOf(column, kinds[index], settings, source, rateHz)).id,
    );
  }

  /** Pushes the samples of one row; returns how many were taken, and how many there were. */
  push(values: readonly Cell[], time: number): { taken: number; offered: number } {
    let taken = 0;
    let offered = 0;
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index];
      if (value === undefined) continue;
      const id = this.#ids[index] as number;
      offered += 1;
      const isTaken =
        typeof value === 'string' ? this.#sink.pushText(id, time, value) : this.#sink.push(id, time, value);
      if (isTaken) taken += 1;
    }
    return { taken, offered };
  }
}

/** Room that the samples of a row take at most, in number samples. */
export function roomOf(values: readonly Cell[]): number {
  let room = values.length;
  for (const value of values) {
    if (typeof value === 'string') room += 1 + Math.ceil((value.length * UTF8_BYTES_MAX) / TEXT_BYTES_PER_ROOM);
  }
  return room;
}

/** The recorded rate holds where the samples' times are as far apart as the recorded ones. */
function rateOf({ rateHz }: RecordingTable, { timestamp, speed }: ReplaySettings): number | undefined {
  return timestamp === 'device' || speed === 1 ? rateHz : undefined;
}

function specOf(
  { path, unit }: RecordingColumn,
  kind: ColumnKind | undefined,
  { prefix, timestamp }: ReplaySettings,
  source: string,
  rateHz: number | undefined,
): ChannelSpec {
  const isText = kind?.type === 'text';
  return {
    name: `${prefix ?? source}/${path}`,
    source,
    unit,
    type: isText ? 'text' : 'number',
    stamp: timestamp,
    ...(kind === undefined || isText ? {} : { decimals: kind.decimals }),
    ...(rateHz === undefined ? {} : { rateHz }),
  };
}
