import { BLOCK_SAMPLES_MAX, CHUNK_KEPT_BYTES_MAX } from '../limits.ts';

/** Least samples that a chunk has memory for. */
export const CHUNK_ROOM_MIN = 32;

/** Least samples of memory that is worth keeping to be used again. */
export const SPARE_ROOM_MIN = 128;

/** Bytes of one sample's place: its time and its number. */
const SAMPLE_BYTES = 16;

/**
 * So much of what may be kept is kept spare whatever is in use. A store that is as full as it may be is one that is fed as fast as
 * it goes: then each chunk that is sealed makes room for one that begins, and nothing is to be allocated anew.
 */
const SPARE_PART = 1 / 8;

/** Memory of one chunk of numbers, or of the times of text; both columns of one length. */
export interface ChunkColumns {
  readonly times: Float64Array;
  readonly numbers: Float64Array;
}

/** Memory of one room that is kept to be used again. */
class Spares {
  readonly #columns: ChunkColumns[] = [];
  /** The fewest there were since the last look. */
  #least = 0;

  get count(): number {
    return this.#columns.length;
  }

  pop(): ChunkColumns | undefined {
    const columns = this.#columns.pop();
    this.#least = Math.min(this.#least, this.#columns.length);
    return columns;
  }

  push(columns: ChunkColumns): void {
    this.#columns.push(columns);
  }

  /** Lets go of those that were spare ever since the last call; returns how many. */
  dropUnused(): number {
    const unused = this.#least;
    this.#columns.splice(0, unused);
    this.#least = this.#columns.length;
    return unused;
  }
}

/**
 * Gives chunks their memory, and takes it back to give it out again: to allocate and clear it anew costs more than to fill
 * it, and V8 collects garbage the more often the more such memory comes and goes. Knows how much is in use.
 */
export class ChunkMemory {
  readonly #keptBytesMax: number;
  /** By their room, a power of two. */
  readonly #spares = new Map<number, Spares>();
  #spareBytes = 0;
  #usedBytes = 0;

  /** @param keptBytesMax bytes in use and spare up to which what comes back is kept to be used again, and a little beyond */
  constructor(keptBytesMax = CHUNK_KEPT_BYTES_MAX) {
    this.#keptBytesMax = keptBytesMax;
  }

  /** Bytes that chunks hold now, text as it is in UTF-8. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes kept to be used again. */
  get spareBytes(): number {
    return this.#spareBytes;
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
    if (room < SPARE_ROOM_MIN || room !== roomFor(room)) return;
    let spares = this.#spares.get(room);
    if (spares === undefined) {
      spares = new Spares();
      this.#spares.set(room, spares);
    }
    if (!this.#mayKeep(bytes)) {
      const most = this.#mostSpare();
      if (most === undefined || most.bytes <= spares.count * bytes) return;
      this.#spareBytes -= most.bytes / most.spares.count;
      most.spares.pop();
    }
    this.#spareBytes += bytes;
    spares.push(columns);
  }

  #mayKeep(bytes: number): boolean {
    const spare = this.#spareBytes + bytes;
    return spare <= this.#keptBytesMax * SPARE_PART || this.#usedBytes + spare <= this.#keptBytesMax;
  }

  /** Of the room with the most bytes spare: where no more may be kept, it gives way to others. */
  #mostSpare(): { readonly spares: Spares; readonly bytes: number } | undefined {
    let most: { readonly spares: Spares; readonly bytes: number } | undefined;
    for (const [room, spares] of this.#spares) {
      const bytes = spares.count * room * SAMPLE_BYTES;
      if (bytes > (most?.bytes ?? 0)) most = { spares, bytes };
    }
    return most;
  }

  /** Lets go of what was spare ever since the last call: what a flood took is given back some time after it. */
  dropUnused(): void {
    for (const [room, spares] of this.#spares) this.#spareBytes -= spares.dropUnused() * room * SAMPLE_BYTES;
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
