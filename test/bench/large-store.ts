/*
 * A store of many gigabytes. Making it takes minutes, so it stays in the folder for temporary files, and what one run has no
 * time for is added by the next. It is written by a store thread as any other: 5,000 channels of numbers give most of the
 * blocks, with their envelopes and index; the bulk of the bytes are 1,000 channels of text that does not compress. Blocks
 * are sealed at an age of a second.
 */
import { randomFillSync } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import type { StoreHost } from '../../gateway/store-host.ts';
import { BenchStore } from './bench-store.ts';
import type { Progress } from './figure.ts';
import { SensorSignal } from './sensor-signal.ts';

const NUMBERS = 5000;
const TEXTS = 1000;

/** What is fed at a time: so many channels of each kind, in turn, and of each so many samples. */
const NUMBERS_AT_ONCE = 50;
const SAMPLES_OF_NUMBERS = 40;
const TEXTS_AT_ONCE = 10;
const SAMPLES_OF_TEXT = 64;
const TEXT_BYTES = 2048;

/** More ring slots than that takes. */
const SLOTS_AT_ONCE = 100_000;

const BLOCK_AGE_S = 1;
const FULL_WAIT_MS = 1;
const TOLD_INTERVAL_MS = 20_000;

/** Room that must be left on the disk for what is added, over its bytes: they are in more than one place on their way. */
const ROOM_FACTOR = 1.5;

/** Characters that take a byte in UTF-8, of which texts are made. */
const FIRST_CHARACTER = 32;
const CHARACTERS = 95;

export interface LargeStore {
  readonly dir: string;
  /** Of what it keeps, its journal not counted. */
  readonly bytes: number;
}

/** The store of `bytes`, or as much of it as could be made in `seconds` beside what was there. */
export async function largeStore(bytes: number, seconds: number, progress: Progress): Promise<LargeStore> {
  const dir = join(tmpdir(), 'caisson-bench-large');
  if (!isUsable(dir)) rmSync(dir, { recursive: true, force: true });
  if (!existsSync(dir)) mkdirSync(dir);
  const store = new BenchStore(BLOCK_AGE_S, dir);
  const missing = bytes - store.keptBytes();
  if (missing > 0) {
    const { bavail, bsize } = statfsSync(dir);
    if (bavail * bsize < missing * ROOM_FACTOR) {
      const [free, needed] = [bavail * bsize, missing * ROOM_FACTOR].map((each) => (each / 1e9).toFixed(1));
      throw new Error(`${dir}: ${free} GB free, ${needed} GB needed; CAISSON_BENCH_STORE_GB asks for a smaller store`);
    }
    await grow(store, bytes, seconds, progress);
  }
  return { dir, bytes: store.keptBytes() };
}

function isUsable(dir: string): boolean {
  try {
    StoreTelemetry.open(dir).close();
    return true;
  } catch {
    // Not there, or made by a version that kept stores otherwise.
    return false;
  }
}

async function grow(store: BenchStore, bytes: number, seconds: number, progress: Progress): Promise<void> {
  const host = await store.open();
  const started = performance.now();
  const sources = new Sources(host);
  let told = Number.NEGATIVE_INFINITY;
  for (;;) {
    const elapsed = performance.now() - started;
    const made = store.keptBytes();
    if (made >= bytes || elapsed >= seconds * 1e3) break;
    if (elapsed - told >= TOLD_INTERVAL_MS) {
      progress(`a store of ${bytes / 1e9} GB, kept for later runs: ${(made / 1e9).toFixed(1)} GB`);
      told = elapsed;
    }
    while (!host.intake.hasRoom(SLOTS_AT_ONCE)) await wait(FULL_WAIT_MS);
    sources.push();
  }
  await host.stop();
  await store.sealRest();
}

/** Feeds some channels at a time, all in turn. */
class Sources {
  readonly #host: StoreHost;
  readonly #numbers: readonly number[];
  readonly #texts: readonly number[];
  readonly #signal: SensorSignal;
  readonly #noise = new Uint8Array(TEXTS_AT_ONCE * SAMPLES_OF_TEXT * TEXT_BYTES);
  #turn = 0;

  constructor(host: StoreHost) {
    const { intake, clock } = host;
    const open = (count: number, name: string, type: 'number' | 'text') =>
      Array.from({ length: count }, (_, n) => intake.channel({ name: `${name}${n}`, source: 'bench', type }).id);
    this.#host = host;
    this.#numbers = open(NUMBERS, 'number', 'number');
    this.#texts = open(TEXTS, 'text', 'text');
    this.#signal = new SensorSignal(1, clock.now());
  }

  push(): void {
    const { intake, clock } = this.#host;
    const turn = this.#turn;
    this.#turn += 1;
    const first = (turn * NUMBERS_AT_ONCE) % NUMBERS;
    for (let sample = 0; sample < SAMPLES_OF_NUMBERS; sample += 1) {
      this.#signal.next();
      for (const id of this.#numbers.slice(first, first + NUMBERS_AT_ONCE)) {
        intake.push(id, this.#signal.time, this.#signal.value + id);
      }
    }
    randomFillSync(this.#noise);
    for (let i = 0; i < this.#noise.length; i += 1) {
      this.#noise[i] = FIRST_CHARACTER + ((this.#noise[i] as number) % CHARACTERS);
    }
    const text = new TextDecoder('latin1').decode(this.#noise);
    const firstText = (turn * TEXTS_AT_ONCE) % TEXTS;
    let at = 0;
    for (const id of this.#texts.slice(firstText, firstText + TEXTS_AT_ONCE)) {
      const time = clock.now();
      for (let sample = 0; sample < SAMPLES_OF_TEXT; sample += 1, at += TEXT_BYTES) {
        intake.pushText(id, time + sample, text.slice(at, at + TEXT_BYTES));
      }
    }
    intake.publish();
  }
}
