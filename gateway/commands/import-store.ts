import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import Database from 'better-sqlite3';
import type { RecordingImport } from '../../collectors/recording-import.ts';
import { CaissonError } from '../errors.ts';
import { JOURNAL_SEGMENT_BYTES } from '../limits.ts';
import { BlockDb } from '../store/block-db.ts';
import { FEED_KEY } from '../store/block-reader.ts';
import { gatewayIdOf } from '../store/gateway-id.ts';
import { ImportWriter } from '../store/import-writer.ts';
import { Journal } from '../store/journal/journal.ts';
import type { KeptImport } from '../store/kept-import.ts';
import { lockStore, storePaths } from '../store/store-dir.ts';
import { claimStore } from '../store/store-role.ts';
import { fileState, type ReadContent } from './recording-content.ts';

/** What becomes of a file while it is imported. */
export interface ImportHooks {
  /** Share of the file that was read, 0 to 1. */
  readonly onProgress: (share: number, samples: number) => void;
  /** Aborted when the import is to be broken off. */
  readonly signal: AbortSignal;
}

/** Why an import ended before its end: it was asked to. */
export class BrokenOff extends Error {}

/** A store that recordings are imported into. No gateway may have it open: it has one writer. */
export class ImportStore {
  readonly dir: string;
  /** True where there was no store before. */
  readonly isNew: boolean;
  readonly #blocks: BlockDb;
  readonly #gateway: string;
  readonly #unlock: () => void;

  private constructor(dir: string, isNew: boolean, blocks: BlockDb, gateway: string, unlock: () => void) {
    this.dir = dir;
    this.isNew = isNew;
    this.#blocks = blocks;
    this.#gateway = gateway;
    this.#unlock = unlock;
  }

  /**
   * Opens a store, making it if it is not there.
   * @param gateway id of its gateway by the config
   * @throws CaissonError `store-unusable`
   */
  static open(dir: string, gateway: string | undefined): ImportStore {
    const paths = storePaths(dir);
    const unlock = lockStore(dir);
    try {
      const isNew = !existsSync(paths.blocks);
      const blocks = BlockDb.open(paths.blocks);
      try {
        claimStore(blocks, 'gateway');
        const boots = new Set(blocks.boots().map(({ boot }) => boot));
        Journal.open(paths.journal, { boots, segmentBytes: JOURNAL_SEGMENT_BYTES }).close();
        if (boots.size === 0) nameFeed(blocks);
        return new ImportStore(dir, isNew, blocks, gatewayIdOf(blocks, gateway), unlock);
      } catch (error) {
        blocks.close();
        throw error;
      }
    } catch (error) {
      unlock();
      throw error;
    }
  }

  close(): void {
    this.#blocks.close();
    this.#unlock();
  }

  /** The import of that content with those settings, where it was made before. */
  known({ digest }: ReadContent, plan: RecordingImport): KeptImport | undefined {
    const recipe = JSON.stringify(plan.recipe);
    return this.#blocks.imports().find((each) => each.digest === digest && each.recipe === recipe);
  }

  /**
   * Keeps the samples of a recording: all of them or, whatever happens meanwhile, nothing.
   * @param now when it is imported, UTC, microseconds
   * @param isAgain also where the store has samples of the same channels from it, decoded with other settings
   * @throws CaissonError `import-refused`, `store-failed`; BrokenOff
   */
  async keep(
    content: ReadContent,
    plan: RecordingImport,
    { now, isAgain }: { readonly now: number; readonly isAgain: boolean },
    hooks: ImportHooks,
  ): Promise<ImportWriter> {
    const blocks = this.#blocks;
    const recipe = JSON.stringify(plan.recipe);
    const { digest, path } = content;
    const started = Math.max(now, blocks.lastTime());
    const boot = bootOf(digest, recipe);
    try {
      return await blocks.longTransaction(async () => {
        const writer = new ImportWriter({ blocks, gateway: this.#gateway, boot, started });
        await takeRecording(content, plan, writer, hooks);
        if (!isAgain) this.#requireNew(content, writer);
        writer.finish({ digest, file: basename(path), made: now, recipe });
        return writer;
      });
    } catch (cause) {
      if (!(cause instanceof Database.SqliteError)) throw cause;
      throw new CaissonError('store-failed', `${this.dir}: ${cause.message}; nothing of ${path} was kept`, { cause });
    }
  }

  /** Refuses what would give a channel samples of the same recording twice. */
  #requireNew({ digest, path }: ReadContent, writer: ImportWriter): void {
    const names = new Set(writer.channels.flatMap(({ definition, samples }) => (samples > 0 ? [definition.name] : [])));
    const channels = new Map(this.#blocks.channelsAfter(0).channels.map(({ id, name }) => [id, name]));
    for (const earlier of this.#blocks.imports()) {
      if (earlier.digest !== digest) continue;
      const twice = this.#blocks
        .spansOfBoot(earlier.boot)
        .find(({ channel }) => names.has(channels.get(channel) ?? ''));
      if (twice === undefined) continue;
      const name = channels.get(twice.channel);
      throw new CaissonError(
        'import-refused',
        `${path} was imported as ${earlier.file} with other settings, and ${name} would have its samples twice`,
        { hint: '--again imports it all the same, --name NAME under other channels' },
      );
    }
  }
}

/**
 * Hands everything that is in a recording to a writer.
 * @throws CaissonError `import-refused` where nothing in it has a time, or the file changed meanwhile; BrokenOff
 */
export async function takeRecording(
  { path, state }: ReadContent,
  plan: RecordingImport,
  writer: ImportWriter,
  { onProgress, signal }: ImportHooks,
): Promise<void> {
  for await (const share of plan.run(writer)) {
    if (signal.aborted) throw new BrokenOff();
    onProgress(share, writer.samples);
  }
  if ((await fileState(path)) !== state) {
    throw new CaissonError('import-refused', `${path} changed while it was read`, {
      hint: 'import it when its recorder has closed it',
      retryable: true,
    });
  }
  if (writer.samples > 0) return;
  const reasons = Object.entries({ ...plan.errors, ...writer.refused }).map(([reason, count]) => `${count} ${reason}`);
  const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
  throw new CaissonError('import-refused', `${path} (${plan.format}): no sample in ${plan.received} units${why}`, {
    hint:
      'no-utc' in plan.errors
        ? 'it tells times of day alone: --start gives the date'
        : 'what is imported needs a time, and something that decodes it',
  });
}

/**
 * Gives the feed of a store that nothing was kept in yet an id of its own. Otherwise that is its first boot, which nobody else has; the
 * boot of an import may stand first in another store as well.
 */
function nameFeed(blocks: BlockDb): void {
  if (blocks.meta(FEED_KEY) !== undefined) return;
  blocks.transaction(() => blocks.keepMeta(FEED_KEY, randomBytes(8).toString('hex')));
}

/** Id of the boot of a recording: the same recording with the same settings has the same, wherever it is imported. */
function bootOf(digest: string, recipe: string): string {
  return createHash('sha256').update(`caisson import ${digest} ${recipe}`).digest('hex').slice(0, 16);
}
