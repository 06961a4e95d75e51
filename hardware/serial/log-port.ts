import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { BytePort } from './byte-port.ts';
import { type Link, type LinkEvents, type ReopeningOptions, ReopeningPort } from './reopening-port.ts';
import { systemTimers, type Timers } from './timers.ts';

export interface LogSettings {
  /** File of raw bytes as they came from a wire; one that begins with the gzip magic is unpacked on the way. */
  readonly path: string;
  /**
   * Bytes a second. These recordings carry no times, so the line's speed is the only pace there is: baud rate / 10.
   * Without it the recording is played as fast as it is taken.
   */
  readonly bytesPerSecond?: number;
}

/** Time between two pieces of a paced recording, milliseconds. */
const PACE_INTERVAL_MS = 10;

/** Bytes of one piece played at full speed. */
const PIECE_BYTES = 64 * 1024;

/** Plays a recording of bytes as if a device sent them. It cannot be written to. */
export function openLogPort(settings: LogSettings, options: ReopeningOptions = {}): BytePort {
  const timers = options.timers ?? systemTimers;
  return new ReopeningPort(settings.path, (events) => startPlaying(settings, events, timers), options);
}

async function startPlaying(settings: LogSettings, events: LinkEvents, timers: Timers): Promise<Link> {
  const source = await readPieces(settings.path);
  const stop = new AbortController();
  const pace = settings.bytesPerSecond === undefined ? undefined : new Pace(settings.bytesPerSecond, timers);
  play(source, events, stop.signal, pace).then(
    () => events.ended(),
    (error: unknown) => events.ended(error instanceof Error ? error.message : String(error)),
  );
  return {
    write: () => false,
    async close() {
      stop.abort();
      pace?.stop();
      source.destroy();
      await finished(source).catch(() => {});
    },
  };
}

/** The bytes of a recording as a stream, unpacked where they begin with the gzip magic. Rejects when it cannot be opened. */
export async function readPieces(path: string): Promise<Readable> {
  const packed = await isGzip(path);
  const file = createReadStream(path, { highWaterMark: PIECE_BYTES });
  // Errors of the file surface from the last stream of the pipeline, where they are awaited.
  return packed ? pipeline(file, createGunzip({ chunkSize: PIECE_BYTES }), () => {}) : file;
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

async function play(
  source: AsyncIterable<Uint8Array>,
  events: LinkEvents,
  signal: AbortSignal,
  pace: Pace | undefined,
): Promise<void> {
  // The first byte comes after the port has told that it is open, never before.
  await new Promise(setImmediate);
  try {
    for await (const piece of source) {
      let from = 0;
      while (from < piece.length && !signal.aborted) {
        const length = pace === undefined ? piece.length : await pace.due(piece.length - from);
        if (signal.aborted) return;
        await events.data(piece.subarray(from, from + length));
        from += length;
      }
      if (signal.aborted) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Tells how many bytes a line of a given speed would have carried by now. */
class Pace {
  readonly #bytesPerSecond: number;
  readonly #timers: Timers;
  readonly #startMs: number;
  #sent = 0;
  #wake: (() => void) | undefined;

  constructor(bytesPerSecond: number, timers: Timers) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#timers = timers;
    this.#startMs = timers.now();
  }

  /** Resolves to how many of `available` bytes (at least one) are due, once one is. */
  async due(available: number): Promise<number> {
    for (;;) {
      const elapsed = (this.#timers.now() - this.#startMs) / 1e3;
      const due = Math.min(available, Math.floor(elapsed * this.#bytesPerSecond) - this.#sent);
      if (due >= 1) {
        this.#sent += due;
        return due;
      }
      if (!(await this.#interval())) return 1;
    }
  }

  /** Ends a wait at once. */
  stop(): void {
    this.#wake?.();
  }

  /** Resolves to true after the interval, to false when stopped. */
  #interval(): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#timers.after(PACE_INTERVAL_MS, () => {
        this.#wake = undefined;
        resolve(true);
      });
      this.#wake = () => {
        cancel();
        resolve(false);
      };
    });
  }
}
