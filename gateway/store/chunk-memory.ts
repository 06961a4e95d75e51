import { BLOCK_SAMPLES_MAX, CHUNKS_SPARE_MAX } from '../limits.ts';

/** Least samples that a chunk has memory for. */
export const CHUNK_ROOM_MIN = 32;

/** Bytes of one sample's place: its time and its number. */
const SAMPLE_BYTES = 16;

/** Memory of one chunk of numbers, or of the times of text; both columns of one length. */
export interface ChunkColumns {
  readonly times: Float64Array;
  readonly numbers: Float64Array;
}

/**
 * Gives chunks their memory, and takes back what has room for a whole block, to give it out again: at a high rate every
 * chunk is one of these, and to allocate and clear them anew costs more than to fill them. Knows how much is in use.
 */
export class ChunkMemory {
  readonly #sparesMax: number;
  readonly #spare: ChunkColumns[] = [];
  #usedBytes = 0;

  /** @param sparesMax chunks whose memory is kept to be used again */
  constructor(sparesMax = CHUNKS_SPARE_MAX) {
    this.#sparesMax = sparesMax;
  }

  /** Bytes that chunks hold now, text as it is in UTF-8. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Columns for `room` samples; what stands in them is of no meaning. */
  take(room: number): ChunkColumns {
    this.#usedBytes += room * SAMPLE_BYTES;
    const spare = room === BLOCK_SAMPLES_MAX ? this.#spare.pop() : undefined;
    return spare ?? { times: new Float64Array(room), numbers: new Float64Array(room) };
  }

  /** Takes columns back; nobody may look at them any more. */
  giveBack(columns: ChunkColumns): void {
    const room = columns.times.length;
    this.#usedBytes -= room * SAMPLE_BYTES;
    if (room === BLOCK_SAMPLES_MAX && this.#spare.length < this.#sparesMax) this.#spare.push(columns);
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
