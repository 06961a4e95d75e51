/*
 * A store of many gigabytes, made once and kept in the folder for temporary files, because it takes minutes. It is written by
 * the store's own writer: blocks of 200 of 5,000 channels with some seconds of numbers, with envelopes and index as any
 * other, and for the bulk of the bytes blocks of 32 KiB of text that does not compress, each commit sealed at once.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { StoreRig } from '../gateway/store/store-rig.ts';
import type { Progress } from './figure.ts';
import { folderBytes } from './folder-bytes.ts';
import { SensorSignal } from './sensor-signal.ts';

export const LARGE_STORE_NUMBERS = 5000;
const TEXTS = 1000;

const NUMBERS_PER_COMMIT = 200;
const SAMPLES_OF_NUMBERS = 40;
const TEXTS_PER_COMMIT = 100;
const SAMPLES_OF_TEXT = 64;
const TEXT_BYTES = 512;
const RING_SLOTS = 1 << 19;
const COMMITS_BETWEEN_TRIMS = 16;

const INTERVAL_US = 10_000;
const START_US = 1.6e15;

/** Room that must be left on the disk beside the store, its size times this: it is written more than once on its way. */
const ROOM_FACTOR = 1.5;

/** A store with at least so many bytes. */
export interface LargeStore {
  readonly dir: string;
  readonly bytes: number;
}

/** The store of that size: as it was left by an earlier run, where it can still be opened; otherwise made anew. */
export function largeStore(bytes: number, progress: Progress): LargeStore {
  const dir = join(tmpdir(), `caisson-bench-large-${bytes}`);
  if (!isUsable(dir)) {
    rmSync(dir, { recursive: true, force: true });
    const { bavail, bsize } = statfsSync(tmpdir());
    if (bavail * bsize < bytes * ROOM_FACTOR) {
      throw new Error(
        `${dirname(dir)} has room for ${(bavail * bsize) / 1e9} GB, ${(bytes * ROOM_FACTOR) / 1e9} GB are needed`,
      );
    }
    make(dir, bytes, progress);
  }
  return { dir: join(dir, 'store'), bytes: folderBytes(join(dir, 'store')) };
}

/** Written when the store is whole. */
function markOf(dir: string): string {
  return join(dir, 'made');
}

function isUsable(dir: string): boolean {
  if (!existsSync(markOf(dir)) || readFileSync(markOf(dir), 'utf8') !== 'whole') return false;
  try {
    StoreTelemetry.open(join(dir, 'store')).close();
    return true;
  } catch {
    // Made by a version that kept stores otherwise.
    return false;
  }
}

function make(dir: string, bytes: number, progress: Progress): void {
  const names = [
    ...Array.from({ length: LARGE_STORE_NUMBERS }, (_, n) => `c${n}-device`),
    ...Array.from({ length: TEXTS }, (_, n) => `c${n}-text`),
  ];
  const rig = new StoreRig(names, RING_SLOTS);
  try {
    const signal = new SensorSignal(1, START_US);
    const blocksOf = (commit: number) => {
      writeNumbers(rig, commit, signal);
      writeTexts(rig, commit);
      rig.commit();
      rig.sealAll();
      if (commit % COMMITS_BETWEEN_TRIMS === 0) rig.writer.trim();
    };
    let told = 0;
    for (let commit = 0; ; commit += 1) {
      blocksOf(commit);
      const { bytes: made } = rig.blocks.totals;
      if (made >= told) {
        progress(`a store of ${bytes / 1e9} GB, once: ${(made / 1e9).toFixed(1)} GB`);
        told += bytes / 10;
      }
      if (made >= bytes) break;
    }
    rig.writer.trim();
    rig.close();
    mkdirSync(dir);
    renameSync(rig.dir, join(dir, 'store'));
    writeFileSync(markOf(dir), 'whole');
  } catch (error) {
    rmSync(rig.dir, { recursive: true, force: true });
    throw error;
  }
}

function writeNumbers({ ring }: StoreRig, commit: number, signal: SensorSignal): void {
  const first = (commit * NUMBERS_PER_COMMIT) % LARGE_STORE_NUMBERS;
  const round = Math.floor((commit * NUMBERS_PER_COMMIT) / LARGE_STORE_NUMBERS);
  for (let i = 0; i < SAMPLES_OF_NUMBERS; i += 1) {
    const time = START_US + (round * SAMPLES_OF_NUMBERS + i) * INTERVAL_US;
    signal.next();
    for (let channel = 1; channel <= NUMBERS_PER_COMMIT; channel += 1) {
      ring.writeSample(first + channel, time, signal.value + channel);
    }
  }
}

function writeTexts({ ring }: StoreRig, commit: number): void {
  const first = LARGE_STORE_NUMBERS + ((commit * TEXTS_PER_COMMIT) % TEXTS);
  const round = Math.floor((commit * TEXTS_PER_COMMIT) / TEXTS);
  const noise = randomBytes(TEXTS_PER_COMMIT * SAMPLES_OF_TEXT * TEXT_BYTES);
  // 96 of the characters that take a byte in UTF-8.
  for (let i = 0; i < noise.length; i += 1) noise[i] = 32 + ((noise[i] as number) % 96);
  for (let text = 0; text < TEXTS_PER_COMMIT * SAMPLES_OF_TEXT; text += 1) {
    const sample = Math.floor(text / TEXTS_PER_COMMIT);
    const channel = first + 1 + (text % TEXTS_PER_COMMIT);
    const time = START_US + (round * SAMPLES_OF_TEXT + sample) * INTERVAL_US;
    ring.writeText(channel, time, noise.subarray(text * TEXT_BYTES, (text + 1) * TEXT_BYTES));
  }
}
