import { BLOCK_SAMPLES_MAX, CHUNK_SPARE_BYTES_MAX } from '../limits.ts';

/** Least samples that a chunk has memory for. */
export const CHUNK_ROOM_MIN = 32;

/** Least samples of memory that is worth keeping to be used again. */
export const SPARE_ROOM_MIN = 128;

/** Bytes of one sample's place: its time and its number. */
const SAMPLE_BYTES = 16;

/** Memory of one chunk of numbers, or of the times of text; both columns of one length. */
export interface ChunkColumns {
  readonly times: Float64Array;
  readonly numbers: Float64Array;
}

/**
 * Gives chunks their memory, and takes it back to give it out again: to allocate and clear it anew costs more than to fill
 * it. Knows how much is in use.
 */
export class ChunkMemory {
  readonly #spareBytesMax: number;
  /** By their room, a power of two. */
  readonly #spares = new Map<number, ChunkColumns[]>();
  #spareBytes = 0;
  #usedBytes = 0;

  /** @param spareBytesMax bytes that are kept to be used again */
  constructor(spareBytesMax = CHUNK_SPARE_BYTES_MAX) {
    this.#spareBytesMax = spareBytesMax;
  }

  /** Bytes that chunks hold now, text as it is in UTF-8. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Columns for `room` samples; what stands in them is of no meaning. */
  take(room: number): ChunkColumns {
    const bytes = room * SAMPLE_BYTES;
    this.#usedBytes += bytes;
    const spare = this.#spares.get(room)?.pop();
    if (spare === undefined) return { times: new Float64Array(room), numbers: new Float64Array(room) };
    this.#spareBytes -= bytes;
    return spare;
  }

  /** Takes columns back; nobody may look at them any more. */
  giveBack(columns: ChunkColumns): void {
    const room = columns.times.length;
    const bytes = room * SAMPLE_BYTES;
    this.#usedBytes -= bytes;
    const isCommon = room >= SPARE_ROOM_MIN && room === roomFor(room);
    if (!isCommon || this.#spareBytes + bytes > this.#spareBytesMax) return;
    this.#spareBytes += bytes;
    const spares = this.#spares.get(room);
    if (spares === undefined) this.#spares.set(room, [columns]);
    else spares.push(columns);
  }

  /** Counts `bytes` of text that a chunk holds besides; negative where it lets go of them. */
  countText(bytes: number): void {
    this.#usedBytes += bytes;
  }
}

/** Room that a chunk takes for `samples`: a power of two, so that few sizes serve all. */
export function roomFor(samples: number): number {
  let room = CHUNK_ROOM_MIN;
  while (room < samples) room *= 2;
  return Math.min(room, BLOCK_SAMPLES_MAX);
}
