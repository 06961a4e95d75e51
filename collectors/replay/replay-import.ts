import { CaissonError } from '../../gateway/errors.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import { type RecordingContent, type RecordingImport, readableBytes } from '../recording-import.ts';
import { DamagedRows } from './damaged-rows.ts';
import { FORMATS_TEXT, type RecordedRow, RecordingReader } from './recording-reader.ts';
import type { RecordingTable } from './recording-table.ts';
import { type ReplayConfig, type ReplaySettings, replaySettings } from './replay-config.ts';
import { RowChannels } from './row-channels.ts';

export interface ReplayImportParts {
  readonly content: RecordingContent;
  /** What a source of this recording has in the config. */
  readonly config: ReplayConfig;
  /** Name of the source. */
  readonly source: string;
  /** UTC of the first row, microseconds, in place of what the recording says. */
  readonly startAt?: number | undefined;
}

/** A table of samples of a logger of another make. */
export function openReplayImport(parts: ReplayImportParts): RecordingImport {
  return new ReplayImport(parts);
}

class ReplayImport implements RecordingImport {
  readonly recipe: RecordingImport['recipe'];
  readonly #parts: ReplayImportParts;
  readonly #settings: ReplaySettings;
  readonly #damage = new DamagedRows();
  readonly #reader = new RecordingReader(this.#damage);
  readonly #errors: Record<string, number> = {};
  #channels: { readonly of: RowChannels; readonly utcStart: number } | undefined;
  #rows = 0;

  constructor(parts: ReplayImportParts) {
    const { config, source, startAt } = parts;
    this.#parts = parts;
    this.#settings = { ...replaySettings(config), timestamp: 'device' };
    const { prefix, utcOffsetUs } = this.#settings;
    this.recipe = {
      ...{ kind: 'replay', source },
      ...(prefix !== undefined && { prefix }),
      ...(utcOffsetUs !== undefined && { utcOffsetUs }),
      ...(startAt !== undefined && { startAt }),
    };
  }

  get format(): string {
    return this.#reader.table?.format ?? 'CSV';
  }

  get received(): number {
    return this.#rows + this.#damage.total;
  }

  get errors(): Readonly<Record<string, number>> {
    return { ...this.#errors, ...this.#damage.counts };
  }

  get errorPlaces(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#damage.list().map(({ reason, lines }) => [reason, `line ${lines[0]}`]));
  }

  async *run(sink: SampleSink): AsyncGenerator<number, void, undefined> {
    const { path, bytes } = this.#parts.content;
    let read = 0;
    const onBroken = () => {
      this.#errors['recording-broken-off'] = 1;
    };
    for await (const piece of readableBytes(path, onBroken)) {
      this.#take(this.#reader.feed(piece), sink);
      read += piece.length;
      yield read / bytes;
    }
    this.#take(this.#reader.end(), sink);
    if (this.#reader.table !== undefined) return;
    throw new CaissonError('import-refused', `${path} is no recording that can be imported`, {
      hint: `expected ${FORMATS_TEXT}`,
    });
  }

  #take(rows: readonly RecordedRow[], sink: SampleSink): void {
    const { table, kinds } = this.#reader;
    const [first] = rows;
    if (table === undefined || first === undefined) return;
    if (this.#channels === undefined) {
      const of = new RowChannels(table, kinds, this.#settings, this.#parts.source, sink);
      this.#channels = { of, utcStart: this.#utcStart(table, first) };
    }
    for (const { time, values } of rows) this.#channels.of.push(values, this.#channels.utcStart + time);
    this.#rows += rows.length;
  }

  /** UTC at which the times of the rows begin to count, microseconds. */
  #utcStart({ epoch, format }: RecordingTable, first: RecordedRow): number {
    const { content, startAt } = this.#parts;
    const { utcOffsetUs } = this.#settings;
    if (startAt !== undefined) return startAt - first.time;
    if (epoch.kind === 'utc') return 0;
    if (epoch.kind === 'local' && utcOffsetUs !== undefined) return epoch.start - utcOffsetUs;
    const local = epoch.kind === 'local' ? new Date(epoch.start / 1e3).toISOString().slice(0, 16) : undefined;
    const problem =
      local === undefined ? 'has no date that can be read' : `began at ${local} local time without a zone`;
    const offset = local === undefined ? '' : '--utc-offset +08:00 says what local time was ahead of UTC, ';
    throw new CaissonError('import-refused', `${content.path} (${format}) ${problem}`, {
      hint: `${offset}--start when it began`,
    });
  }
}
