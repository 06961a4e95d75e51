import { type JournalGroup, refuse } from './row.ts';

/** Samples [from, to) of columns, which become one group of a row. Columns may be longer. */
export interface GroupRange {
  readonly channel: number;
  readonly firstSequence: number;
  readonly times: Float64Array;
  readonly values: Float64Array | readonly string[];
  readonly from: number;
  readonly to: number;
}

type Place = { -readonly [Key in keyof GroupRange]: GroupRange[Key] };

const NOTHING = new Float64Array(0);

/**
 * The groups of a row that is to be written. A commit of 5,000 channels has as many, fifty times a second: they are told by
 * where they stand, in objects that are used again, because views of them would be most of what a store thread leaves to
 * the garbage collector.
 */
export class RowGroups {
  readonly #places: Place[] = [];
  #count = 0;
  #isSorted = true;

  /** Throws CaissonError `journal-invalid` where a group has not as many values as times. */
  static of(groups: readonly JournalGroup[]): RowGroups {
    const ranges = new RowGroups();
    for (const { channel, firstSequence, times, values } of groups) {
      if (values.length !== times.length) {
        refuse('3.4', `a group of ${times.length} times and ${values.length} values`);
      }
      ranges.add(channel, firstSequence, times, values, 0, times.length);
    }
    return ranges;
  }

  get count(): number {
    return this.#count;
  }

  /** The columns must stand until {@link RowGroups.clear}. */
  add(
    channel: number,
    firstSequence: number,
    times: Float64Array,
    values: Float64Array | readonly string[],
    from: number,
    to: number,
  ): void {
    const before = this.#places[this.#count - 1];
    if (before !== undefined && isBefore(channel, firstSequence, before)) this.#isSorted = false;
    const place = this.#places[this.#count];
    if (place === undefined) this.#places.push({ channel, firstSequence, times, values, from, to });
    else {
      place.channel = channel;
      place.firstSequence = firstSequence;
      place.times = times;
      place.values = values;
      place.from = from;
      place.to = to;
    }
    this.#count += 1;
  }

  /** The group at an index below `count`, valid until {@link RowGroups.clear}. */
  at(index: number): GroupRange {
    return this.#places[index] as GroupRange;
  }

  /** Puts them in the order of their channels and sequence numbers. */
  sort(): void {
    if (this.#isSorted) return;
    const sorted = this.#places.slice(0, this.#count).sort((a, b) => {
      return a.channel - b.channel || a.firstSequence - b.firstSequence;
    });
    for (const [index, place] of sorted.entries()) this.#places[index] = place;
    this.#isSorted = true;
  }

  /** Forgets all groups, and lets go of their columns. */
  clear(): void {
    for (let index = 0; index < this.#count; index += 1) {
      const place = this.#places[index] as Place;
      place.times = NOTHING;
      place.values = NOTHING;
    }
    this.#count = 0;
    this.#isSorted = true;
  }
}

function isBefore(channel: number, firstSequence: number, other: GroupRange): boolean {
  return channel < other.channel || (channel === other.channel && firstSequence < other.firstSequence);
}
