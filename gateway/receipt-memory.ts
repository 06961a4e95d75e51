/** Bytes of a digest. */
const DIGEST_BYTES = 16;

/**
 * The newest digests of messages, 16 bytes each. At `capacity` the oldest is forgotten. A table of fixed size, because a
 * message must cost no object: digests are hashes, and their first bytes tell their place.
 */
export class ReceiptMemory {
  readonly #capacity: number;
  /** Digests as a ring, in order of age. */
  readonly #digests: Uint32Array;
  /** Number in the ring of what stands here, plus 1; 0 where nothing does. Twice as many places as digests at least. */
  readonly #places: Uint32Array;
  readonly #mask: number;
  #oldest = 0;
  #count = 0;
  readonly #words = new Uint32Array(DIGEST_BYTES / 4);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#digests = new Uint32Array(capacity * 4);
    let places = 2;
    while (places < capacity * 2) places *= 2;
    this.#places = new Uint32Array(places);
    this.#mask = places - 1;
  }

  get size(): number {
    return this.#count;
  }

  /** Remembers `digest`, 16 bytes; one that is known stays as old as it is. */
  add(digest: Uint8Array): void {
    const free = this.#find(digest);
    if (this.#places[free] !== 0) return;
    if (this.#count === this.#capacity) {
      this.#forgetOldest();
      this.add(digest);
      return;
    }
    const number = (this.#oldest + this.#count) % this.#capacity;
    this.#digests.set(this.#words, number * 4);
    this.#places[free] = number + 1;
    this.#count += 1;
  }

  has(digest: Uint8Array): boolean {
    return this.#places[this.#find(digest)] !== 0;
  }

  /** Where `digest` stands, or where it would. Its words are then in `#words`. */
  #find(digest: Uint8Array): number {
    for (let at = 0; at < DIGEST_BYTES; at += 1) this.#bytes[at] = digest[at] ?? 0;
    const [first, second, third, fourth] = [this.#words[0], this.#words[1], this.#words[2], this.#words[3]];
    let place = (first ?? 0) & this.#mask;
    for (;;) {
      const number = this.#places[place] ?? 0;
      if (number === 0) return place;
      const at = (number - 1) * 4;
      const digests = this.#digests;
      const isSame = digests[at] === first && digests[at + 1] === second;
      if (isSame && digests[at + 2] === third && digests[at + 3] === fourth) return place;
      place = (place + 1) & this.#mask;
    }
  }

  #forgetOldest(): void {
    let hole = (this.#digests[this.#oldest * 4] ?? 0) & this.#mask;
    while (this.#places[hole] !== this.#oldest + 1) hole = (hole + 1) & this.#mask;
    this.#oldest = (this.#oldest + 1) % this.#capacity;
    this.#count -= 1;
    // What stood behind because of it moves up, so that whoever looks for it meets no hole before.
    for (let place = (hole + 1) & this.#mask; this.#places[place] !== 0; place = (place + 1) & this.#mask) {
      const number = this.#places[place] ?? 0;
      const home = (this.#digests[(number - 1) * 4] ?? 0) & this.#mask;
      if (((place - home) & this.#mask) < ((place - hole) & this.#mask)) continue;
      this.#places[hole] = number;
      hole = place;
    }
    this.#places[hole] = 0;
  }
}
