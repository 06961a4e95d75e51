import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { JOURNAL_SPARES_MIN } from '../../gateway/limits.ts';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { BALLAST_BYTES } from '../../gateway/store/retention/ballast.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { StoreHost } from '../../gateway/store-host.ts';
import { folderBytes } from './folder-bytes.ts';

/** Default of the config. */
export const COMMIT_FLOOR_MS = 20;

/** Id of the gateway whose stores they are. */
export const BENCH_GATEWAY = 'bench';

/** Blocks are sealed because they are full; what is left over is sealed by {@link BenchStore.sealRest}. */
const BLOCK_AGE_S = 86_400;

const LOOK_INTERVAL_MS = 20;

/** A store in a folder of its own, with the store thread at work as in a gateway. */
export class BenchStore {
  readonly dir: string;
  readonly #blockAgeSeconds: number;

  /** @param dir an existing folder; a new one without */
  constructor(blockAgeSeconds = BLOCK_AGE_S, dir = mkdtempSync(join(tmpdir(), 'caisson-bench-'))) {
    this.dir = dir;
    this.#blockAgeSeconds = blockAgeSeconds;
  }

  open(): Promise<StoreHost> {
    return StoreHost.open({
      dir: this.dir,
      gateway: BENCH_GATEWAY,
      commitFloorMs: COMMIT_FLOOR_MS,
      blockAgeSeconds: this.#blockAgeSeconds,
      onProblem: (text) => {
        throw new Error(text);
      },
    });
  }

  /** Makes the room that a store holds ready, once in its life: spare segments of the journal, and the ballast. */
  async holdReserve(): Promise<void> {
    const host = await this.open();
    const { journal, ballast } = storePaths(this.dir);
    const spares = () => readdirSync(journal).filter((name) => name.startsWith('spare-')).length;
    const ballastBytes = () => statSync(ballast, { throwIfNoEntry: false })?.size ?? 0;
    while (spares() < JOURNAL_SPARES_MIN || ballastBytes() < BALLAST_BYTES) await wait(LOOK_INTERVAL_MS);
    await host.stop();
  }

  telemetry(): StoreTelemetry {
    return StoreTelemetry.open(this.dir);
  }

  /** Asks `question` of the block database. */
  ask<Answer>(question: (blocks: BlockReader) => Answer): Answer {
    const blocks = BlockReader.openReadonly(storePaths(this.dir).blocks);
    try {
      return question(blocks);
    } finally {
      blocks.close();
    }
  }

  /** Resolves when there are as many blocks. */
  async blocksReach(count: number): Promise<void> {
    const blocks = BlockReader.openReadonly(storePaths(this.dir).blocks);
    while (Number(blocks.meta('blocks') ?? 0) < count) await wait(LOOK_INTERVAL_MS);
    blocks.close();
  }

  /** Seals what the last boot left in the journal, as the next boot does; the store must be closed. */
  async sealRest(): Promise<void> {
    const host = await this.open();
    while (host.status.commits + (host.status.blocks ?? 0) === 0 || host.status.unsealed > 0)
      await wait(LOOK_INTERVAL_MS);
    await host.stop();
  }

  /** Bytes of all blocks. */
  blockBytes(): number {
    return this.ask((blocks) => Number(blocks.meta('bytes')));
  }

  /**
   * Bytes of all its files but the journal's and the ballast; the store must be closed. Both are room that is held ready and
   * used again, no larger for what was ever stored: {@link BenchStore.journalBytes}.
   */
  keptBytes(): number {
    const ballast = statSync(storePaths(this.dir).ballast, { throwIfNoEntry: false })?.size ?? 0;
    return folderBytes(this.dir) - this.journalBytes() - ballast;
  }

  journalBytes(): number {
    return folderBytes(storePaths(this.dir).journal);
  }

  dispose(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
