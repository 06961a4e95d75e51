import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { CaissonError } from '../../gateway/errors.ts';
import { BlockContents } from '../../gateway/query/block-contents.ts';
import { OPENED_BYTES_FEW } from '../../gateway/query/opened-packs.ts';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { ParquetWriter } from '../../gateway/table/parquet-writer.ts';
import type { Destination } from './destination.ts';
import { attempt } from './failed.ts';
import { hourTable } from './hour-table.ts';
import { type ExportHour, type ExportSource, ExportView, HOUR_US } from './hours.ts';

/** Where an export stands what it has to remember. */
const STATE_PATH = '_caisson/export.json';

/** How often it is remembered what is written: a run that is broken off writes the files of so long again. */
const SAVE_MS = 5_000;

const DAY_US = 24 * HOUR_US;

/** What is remembered between runs. */
interface ExportState {
  /** Of the store that is exported; another one begins anew. */
  readonly store: string;
  /** Everything up to here was looked at. */
  readonly position: number;
  /** What was looked at and is not written yet: name of the boot and hour. */
  readonly pending: readonly (readonly [boot: string, hour: number])[];
}

export interface ExportOptions {
  /** Folder of the store, of a central or a gateway, running or not. */
  readonly dir: string;
  readonly destination: Destination;
  /** How long days are kept, microseconds; undefined: for ever. */
  readonly keepUs?: number | undefined;
  /** UTC, microseconds. */
  readonly now: () => number;
  readonly onProblem?: (text: string) => void;
  /** Told before each file: how many are left, and which comes. */
  readonly onProgress?: (left: number, path: string) => void;
}

/** What a run did. */
export interface ExportReport {
  readonly files: number;
  readonly samples: number;
  readonly bytes: number;
  /** Files of days that are older than they are kept. */
  readonly removed: number;
}

/**
 * Writes what is new in a store as Parquet, a file an hour of a boot: `source=GATEWAY/date=DAY/session=BOOT/HH.parquet`, that of
 * samples that were made anew of it `HH-vN-BOOT.parquet`. A file is written anew when its hour got other samples, so that a run that
 * is broken off anywhere and run again ends with the same files.
 *
 * @param signal ends it after the file that is being written
 * @throws CaissonError `export-failed`, `store-unusable`
 */
export async function exportStore(options: ExportOptions, signal: AbortSignal): Promise<ExportReport> {
  const run = new ExportRun(options);
  try {
    return await run.run(signal);
  } finally {
    run.close();
  }
}

class ExportRun {
  readonly #options: ExportOptions;
  readonly #blocks: BlockReader;
  readonly #source: ExportSource;

  constructor(options: ExportOptions) {
    const { dir, onProblem = () => {} } = options;
    this.#options = options;
    this.#blocks = BlockReader.openReadonly(storePaths(dir).blocks, undefined, onProblem);
    const contents = new BlockContents(this.#blocks, onProblem, OPENED_BYTES_FEW);
    this.#source = { blocks: this.#blocks, contents };
  }

  close(): void {
    this.#blocks.close();
    rmSync(this.#options.destination.workFolder, { recursive: true, force: true });
  }

  async run(signal: AbortSignal): Promise<ExportReport> {
    const store = this.#blocks.meta('gateway') ?? '';
    const before = await this.#load(store);
    const { view, hours, position } = this.#blocks.snapshot(() => {
      const found = new ExportView(this.#source, before.position);
      return { view: found, ...found.changed(before.position) };
    });
    const ids = new Map([...view.boots.values()].map(({ id, boot }) => [boot, id]));
    const waiting = before.pending.map(([boot, hour]) => ({ boot: ids.get(boot) ?? 0, hour }));
    const pending = distinct([...waiting, ...hours]).filter((hour) => this.#isKept(hour));
    const save = (left: readonly ExportHour[]) => {
      const names = left.map(({ boot, hour }) => [view.boots.get(boot)?.boot ?? '', hour] as const);
      return this.#save({ store, position, pending: names });
    };
    // What is to be written is remembered before the first file: the next run need not find it again.
    await save(pending);
    const report = { files: 0, samples: 0, bytes: 0, removed: 0 };
    let left = pending;
    let savedAt = performance.now();
    for (const hour of pending) {
      if (signal.aborted) break;
      const path = pathOf(view, hour);
      this.#options.onProgress?.(left.length, path);
      const written = await this.#write(view, hour, path);
      report.files += written.bytes > 0 ? 1 : 0;
      report.samples += written.samples;
      report.bytes += written.bytes;
      left = left.filter((each) => each !== hour);
      if (performance.now() - savedAt < SAVE_MS) continue;
      await save(left);
      savedAt = performance.now();
    }
    await save(left);
    return { ...report, removed: await this.#removeOld() };
  }

  async #load(store: string): Promise<ExportState> {
    const text = await this.#options.destination.get(STATE_PATH);
    const none: ExportState = { store, position: 0, pending: [] };
    if (text === undefined) return none;
    let state: ExportState;
    try {
      state = JSON.parse(text) as ExportState;
    } catch (cause) {
      throw new CaissonError('export-failed', `${STATE_PATH} is no JSON`, {
        cause,
        hint: 'remove it, and everything is exported anew',
      });
    }
    if (state.store === store) return state;
    throw new CaissonError('export-failed', `this is the export of the store ${state.store}, not of ${store}`, {
      hint: 'each store has a folder or prefix of its own',
    });
  }

  async #save(state: ExportState): Promise<void> {
    const { destination } = this.#options;
    const file = join(destination.workFolder, 'state');
    attempt(() => writeFileSync(file, `${JSON.stringify(state)}\n`));
    await destination.put(STATE_PATH, file);
  }

  /** Writes one file, or takes it away where its hour has no samples any more. */
  async #write(view: ExportView, hour: ExportHour, path: string): Promise<{ samples: number; bytes: number }> {
    const { destination } = this.#options;
    const file = join(destination.workFolder, 'hour');
    const table = hourTable(this.#source, view, hour);
    const writer = new ParquetWriter(table);
    const output = attempt(() => openSync(file, 'w'));
    let samples = 0;
    let bytes = 0;
    try {
      const write = (piece: Uint8Array) => {
        attempt(() => {
          for (let at = 0; at < piece.length; ) at += writeSync(output, piece, at);
        });
        bytes += piece.length;
      };
      write(writer.begin());
      for await (const batch of table.batches) {
        samples += batch.rows;
        write(writer.write(batch));
        await turn();
      }
      write(writer.end());
    } finally {
      closeSync(output);
    }
    if (samples > 0) await destination.put(path, file);
    else await destination.remove(path);
    return samples > 0 ? { samples, bytes } : { samples: 0, bytes: 0 };
  }

  #isKept({ hour }: ExportHour): boolean {
    const { keepUs, now } = this.#options;
    return keepUs === undefined || (hour + 1) * HOUR_US > this.#firstDay(keepUs, now());
  }

  /** Removes the days that are older than they are kept. */
  async #removeOld(): Promise<number> {
    const { keepUs, now, destination } = this.#options;
    if (keepUs === undefined) return 0;
    const first = dayOf(this.#firstDay(keepUs, now()));
    const old = (await destination.list()).filter((path) => {
      const [, date] = /(?:^|\/)date=(\d{4}-\d\d-\d\d)\//.exec(path) ?? [];
      return date !== undefined && date < first;
    });
    for (const path of old) await destination.remove(path);
    return old.length;
  }

  #firstDay(keepUs: number, now: number): number {
    return Math.floor((now - keepUs) / DAY_US) * DAY_US;
  }
}

function distinct(hours: readonly ExportHour[]): ExportHour[] {
  return [...new Map(hours.map((hour) => [`${hour.boot} ${hour.hour}`, hour])).values()];
}

function pathOf(view: ExportView, { boot, hour }: ExportHour): string {
  const { gateway = '', boot: name = '', origin } = view.boots.get(boot) ?? {};
  const session = origin === undefined ? name : (view.boots.get(origin)?.boot ?? name);
  const version = view.versions.get(boot);
  // A boot may be derived from another more than once in a version: its own name keeps the files apart.
  const suffix = version === undefined ? '' : `-v${version}-${name}`;
  const clock = String(hour % 24).padStart(2, '0');
  return `source=${encodeURIComponent(gateway)}/date=${dayOf(hour * HOUR_US)}/session=${session}/${clock}${suffix}.parquet`;
}

function dayOf(us: number): string {
  return new Date(us / 1e3).toISOString().slice(0, 10);
}
