/**
 * Samples of one source that are kept while another is chosen: those of moments that the other has not told of yet. At the maximum the
 * oldest is forgotten, and is missing if this source is chosen before the other tells of its moment.
 */
export const BACKLOG_SAMPLES_MAX = 1024;

const ROOM_FIRST = 16;

export class Backlog {
  #times = new Float64Array(0);
  #values = new Float64Array(0);
  /** Place of the oldest, and how many there are. */
  #head = 0;
  #count = 0;
  /** Time of the newest that was forgotten for want of room, microseconds. */
  #forgotten = Number.NEGATIVE_INFINITY;

  /** @param told moments up to it the other has told of, microseconds */
  add(time: number, value: number, told: number): void {
    while (this.#count > 0 && (this.#times[this.#head] as number) <= told) this.#dropOldest();
    if (time <= told) return;
    if (this.#count === this.#times.length) this.#makeRoom();
    const at = (this.#head + this.#count) % this.#times.length;
    this.#times[at] = time;
    this.#values[at] = value;
    this.#count += 1;
  }

  /**
   * Hands over, in the order they came, what is later than `told`, microseconds, and forgets all.
   * @returns whether samples later than `told` are missing
   */
  drain(told: number, take: (time: number, value: number) => void): boolean {
    for (; this.#count > 0; this.#dropOldest()) {
      const time = this.#times[this.#head] as number;
      if (time > told) take(time, this.#values[this.#head] as number);
    }
    const isMissing = this.#forgotten > told;
    this.#forgotten = Number.NEGATIVE_INFINITY;
    return isMissing;
  }

  #dropOldest(): void {
    this.#head = (this.#head + 1) % this.#times.length;
    this.#count -= 1;
  }

  #makeRoom(): void {
    if (this.#count === BACKLOG_SAMPLES_MAX) {
      this.#forgotten = Math.max(this.#forgotten, this.#times[this.#head] as number);
      this.#dropOldest();
      return;
    }
    const room = Math.max(ROOM_FIRST, 2 * this.#count);
    this.#times = unrolled(this.#times, this.#head, room);
    this.#values = unrolled(this.#values, this.#head, room);
    this.#head = 0;
  }
}

/** A full ring, from its oldest element on, with more room. */
function unrolled(ring: Float64Array, head: number, room: number): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(room);
  longer.set(ring.subarray(head));
  longer.set(ring.subarray(0, head), ring.length - head);
  return longer;
}
