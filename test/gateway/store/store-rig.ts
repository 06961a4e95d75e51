import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChannelDefinition } from '../../../gateway/channel.ts';
import { defineChannel } from '../../../gateway/channel.ts';
import { UNSEALED_BYTES_MAX } from '../../../gateway/limits.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { createRing, type RingMemory, RingWriter } from '../../../gateway/ring.ts';
import { beginBoot } from '../../../gateway/store/begin-boot.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { Journal } from '../../../gateway/store/journal/journal.ts';
import { recover } from '../../../gateway/store/recovery.ts';
import { RECENT_MAX, type RecentMax } from '../../../gateway/store/row-placement.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import type { StoreWriter } from '../../../gateway/store/store-writer.ts';

export const GATEWAY = 'rig';

/** So that a few commits fill a segment. */
const SEGMENT_BYTES = 16 * 4096;

/** The store without its thread: every step is the test's to take, crashes included. */
export class StoreRig {
  readonly dir: string;
  readonly #definitions: readonly ChannelDefinition[];
  readonly #slots: number;
  readonly #recentMax: RecentMax;
  readonly #unsealedBytesMax: number;
  #memory: RingMemory;
  #boots = 0;
  readonly problems: string[] = [];
  ring: RingWriter;
  writer: StoreWriter;
  blocks: BlockDb;
  journal: Journal;

  /**
   * @param names of the channels, which get the ids 1, 2, ...; a name that ends in `text` is a text channel, one that ends in
   *   `device` has stamps of the device, one that ends in `critical` or `bulk` is of that class
   * @param dir of a store to go on with, as another process; else one is made
   * @param recentMax how many rows of the index wait to be placed
   * @param unsealedBytesMax bytes of unsealed samples
   */
  constructor(
    names: readonly string[],
    slots = 4096,
    dir?: string,
    recentMax = RECENT_MAX,
    unsealedBytesMax = UNSEALED_BYTES_MAX,
  ) {
    this.dir = dir ?? mkdtempSync(join(tmpdir(), 'caisson-store-'));
    if (dir !== undefined) this.#boots = 1 << 20;
    this.#definitions = names.map((name) =>
      defineChannel({
        name,
        source: 'rig',
        type: name.endsWith('text') ? 'text' : 'number',
        stamp: name.endsWith('device') ? 'device' : 'arrival',
        class: name.endsWith('critical') ? 'critical' : name.endsWith('bulk') ? 'bulk' : 'standard',
      }),
    );
    this.#slots = slots;
    this.#recentMax = recentMax;
    this.#unsealedBytesMax = unsealedBytesMax;
    this.#memory = createRing(slots);
    this.ring = new RingWriter(this.#memory);
    ({ writer: this.writer, blocks: this.blocks, journal: this.journal } = this.#open());
  }

  /** The store thread dies between two steps and another begins: the ring and the boot stay. */
  restartThread(): void {
    this.#closeFiles();
    ({ writer: this.writer, blocks: this.blocks, journal: this.journal } = this.#open());
  }

  /** The process dies between two steps and another begins: the ring is lost, the boot is new. */
  restartProcess(): void {
    this.#closeFiles();
    this.#beginProcess();
  }

  /** As a process that begins after somebody deleted the large database. */
  loseBlocks(): void {
    this.#closeFiles();
    rmSync(storePaths(this.dir).blocks);
    this.#beginProcess();
  }

  commit(): void {
    this.ring.publish();
    const waiting = this.writer.waiting();
    if (waiting > 0) this.writer.commit(waiting);
  }

  /** A commit without samples. */
  commitNothing(): void {
    this.writer.commit(0);
  }

  /** Closes every chunk and seals all that is closed. */
  sealAll(): void {
    this.writer.sealOlderThan(this.writer.nextRow);
    while (this.writer.seal() > 0);
  }

  telemetry(onProblem?: (text: string) => void): StoreTelemetry {
    return StoreTelemetry.open(this.dir, onProblem);
  }

  /** Closes the files and leaves them where they are. */
  close(): void {
    this.#closeFiles();
  }

  dispose(): void {
    this.#closeFiles();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #beginProcess(): void {
    this.#boots += 1;
    this.#memory = createRing(this.#slots);
    this.ring = new RingWriter(this.#memory);
    ({ writer: this.writer, blocks: this.blocks, journal: this.journal } = this.#open());
  }

  #closeFiles(): void {
    this.journal.close();
    this.blocks.close();
  }

  #open(): { writer: StoreWriter; blocks: BlockDb; journal: Journal } {
    const paths = storePaths(this.dir);
    const blocks = BlockDb.open(paths.blocks, this.#recentMax);
    const boots = new Set(blocks.boots().map(({ boot }) => boot));
    const journal = Journal.open(paths.journal, { boots, segmentBytes: SEGMENT_BYTES });
    const { writer } = beginBoot({
      ring: this.#memory,
      journal,
      blocks,
      recovered: recover(journal, blocks),
      gateway: GATEWAY,
      boot: this.#boots.toString(16).padStart(16, '0'),
      started: this.#boots,
      reading: { time: 0, offset: 0, error: Number.POSITIVE_INFINITY, source: 'none' },
      onProblem: (text) => this.problems.push(text),
      unsealedBytesMax: this.#unsealedBytesMax,
    });
    writer.keepChannels(this.#definitions.map((definition, index) => ({ ...definition, id: index + 1 })));
    return { writer, blocks, journal };
  }
}
