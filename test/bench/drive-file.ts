/*
 * A drive as a file, for a process that feeds it and is measured meanwhile: read a piece at a time, it takes no memory to
 * speak of. Each piece is
 * its times (f64), then its values (f64), then its channels (u32); the specs of the channels are in a second file, JSON.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { ChannelSpec } from '../../gateway/channel.ts';
import type { Drive } from './drive.ts';

/** Samples that are read at once, at most. */
export const PIECE_SAMPLES = 8192;
const SAMPLE_BYTES = 20;

/** Writes it, and waits until it is on the disk: what is written later is not held up by it. */
export function writeDriveFile(path: string, { specs, channels, times, values }: Drive): void {
  writeFileSync(specsPath(path), JSON.stringify(specs));
  const file = openSync(path, 'w');
  for (let from = 0; from < times.length; from += PIECE_SAMPLES) {
    const to = from + PIECE_SAMPLES;
    writeSync(file, times.subarray(from, to));
    writeSync(file, values.subarray(from, to));
    writeSync(file, Uint32Array.from(channels.subarray(from, to)));
  }
  fdatasyncSync(file);
  closeSync(file);
}

/** Some samples that follow each other. */
export interface DrivePiece {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly channels: Uint32Array;
}

/** Reads a drive a piece at a time, from the beginning to the end and again from the beginning. */
export class DriveFile {
  readonly specs: readonly ChannelSpec[];
  /** Samples of the whole. */
  readonly samples: number;
  readonly #file: number;
  readonly #buffer = new ArrayBuffer(PIECE_SAMPLES * SAMPLE_BYTES);
  #at = 0;

  constructor(path: string) {
    this.specs = JSON.parse(readFileSync(specsPath(path), 'utf8')) as ChannelSpec[];
    this.#file = openSync(path, 'r');
    this.samples = fstatSync(this.#file).size / SAMPLE_BYTES;
  }

  /** Samples read, over all laps. */
  get read(): number {
    return this.#at;
  }

  /** The next piece, which lies within one lap; its columns are valid until the next call. */
  next(): DrivePiece {
    const start = this.#at % this.samples;
    const count = Math.min(PIECE_SAMPLES, this.samples - start);
    const bytes = new Uint8Array(this.#buffer, 0, count * SAMPLE_BYTES);
    if (readSync(this.#file, bytes, 0, bytes.length, start * SAMPLE_BYTES) !== bytes.length) {
      throw new Error(`a piece of ${bytes.length} bytes is cut off`);
    }
    this.#at += count;
    return {
      times: new Float64Array(this.#buffer, 0, count),
      values: new Float64Array(this.#buffer, count * 8, count),
      channels: new Uint32Array(this.#buffer, count * 16, count),
    };
  }

  close(): void {
    closeSync(this.#file);
  }
}

function specsPath(path: string): string {
  return `${path}.json`;
}
