import { ImportWriter } from '../store/import-writer.ts';
import { type ImportSettings, planImport } from './import-plan.ts';
import { BrokenOff, type ImportStore, takeRecording } from './import-store.ts';
import type { ImportReport } from './import-text.ts';
import { readContent } from './recording-content.ts';

export interface FileImport {
  readonly settings: ImportSettings;
  /** Without, it is only counted. */
  readonly store: ImportStore | undefined;
  /** As of {@link ImportStore.keep}. */
  readonly isAgain: boolean;
  /** UTC, microseconds. */
  readonly now: number;
  /** Aborted when the import is to be broken off. */
  readonly signal: AbortSignal;
  /** Told how many bytes were looked at, before anything is taken in. */
  readonly onLook: (bytes: number) => void;
  /** Told which share of the file was taken in, 0 to 1, in how many samples. */
  readonly onProgress: (share: number, samples: number) => void;
}

/**
 * Imports one file, if it is not here already.
 * @throws CaissonError `import-refused`, `port-unavailable`, `store-failed`, and what decoders refuse; BrokenOff
 */
export async function importFile(file: string, request: FileImport): Promise<ImportReport> {
  const { settings, store, signal, onLook, onProgress } = request;
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1e3;
  const content = await readContent(file, (bytes) => {
    if (signal.aborted) throw new BrokenOff();
    onLook(bytes);
  });
  const plan = await planImport(content, settings);
  const known = store?.known(content, plan);
  if (known !== undefined) {
    const { samples, from, to } = known;
    const nothing = { channels: [], received: 0, skipped: {}, places: {} };
    return { ...nothing, file, format: plan.format, state: 'known', samples, from, to, seconds: seconds() };
  }
  const hooks = { signal, onProgress };
  const writer = store === undefined ? new ImportWriter() : await store.keep(content, plan, request, hooks);
  if (store === undefined) await takeRecording(content, plan, writer, hooks);
  return {
    ...{ file, format: plan.format, state: store === undefined ? 'counted' : 'imported', ...writer.span },
    ...{ samples: writer.samples, received: plan.received, places: plan.errorPlaces, seconds: seconds() },
    channels: writer.channels.filter(({ samples }) => samples > 0),
    skipped: { ...plan.errors, ...writer.refused },
  };
}
