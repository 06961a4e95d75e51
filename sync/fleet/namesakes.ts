/** Boots of one name that are remembered. At the maximum: the oldest is forgotten. */
const BOOTS_MAX = 16;

/** How long after the last sign of two boxes they count as being there, microseconds: who waits to dial again waits for minutes. */
const OVER_US = 10 * 60e6;

export interface NamesakesParts {
  /** UTC, microseconds. */
  readonly now: () => number;
  /** Of the clock that answers are placed by, milliseconds. */
  readonly steadyMs: () => number;
  /** Told of what a person should know. */
  readonly onProblem: (text: string) => void;
}

interface Name {
  /** Boots that answered before the last one did, oldest first. */
  before: readonly string[];
  last: string;
  /** When it was the last for the first time, of the steady clock. */
  since: number;
  /** When it was last seen that two boxes have it; undefined: never. */
  seen: number | undefined;
}

/**
 * Sees when two boxes have one name, as where a card was copied with the identity on it. A boot is one run of a gateway, so one that
 * answers again after another boot of that name did runs beside it; a box that started anew, or whose store was set back, has a new one.
 */
export class Namesakes {
  readonly #parts: NamesakesParts;
  readonly #names = new Map<string, Name>();

  constructor(parts: NamesakesParts) {
    this.#parts = parts;
  }

  /**
   * Takes note that this boot of a gateway answered.
   * @param boot empty: its store is not open yet, which tells nothing
   * @param askedMs when it was asked, of the steady clock: an answer that was on its way when another boot answered says nothing of what is since
   */
  note(gateway: string, boot: string, askedMs: number): void {
    if (boot === '') return;
    const name = this.#names.get(gateway);
    const since = this.#parts.steadyMs();
    if (name === undefined) this.#names.set(gateway, { before: [], last: boot, since, seen: undefined });
    if (name === undefined || name.last === boot || askedMs < name.since) return;
    const isBack = name.before.includes(boot);
    const isNews = isBack && this.of(gateway) === undefined;
    const other = name.last;
    name.before = [...name.before.filter((each) => each !== boot), other].slice(-BOOTS_MAX);
    name.last = boot;
    name.since = since;
    if (isBack) name.seen = this.#parts.now();
    if (isNews) {
      this.#parts.onProblem(
        `two boxes have the name ${gateway}: boots ${boot} and ${other} answer in turn; switch the copy off, and enrol it under a name of its own. What both measure is kept, apart by boot`,
      );
    }
  }

  /** When it was last seen that two boxes have that name, UTC in microseconds; undefined where that was not lately. */
  of(gateway: string): number | undefined {
    const seen = this.#names.get(gateway)?.seen;
    return seen === undefined || this.#parts.now() - seen > OVER_US ? undefined : seen;
  }
}
