import type { LineStatus } from '../../gateway/status.ts';

/** Lines that are believed of one central; as many as it may have to one gateway. */
const LINES_MAX = 8;

/** Centrals of which lines are remembered. At the maximum: the one that was heard longest ago is forgotten. */
const CENTRALS_MAX = 64;

/** Of a text that a central says, characters; the rest is left out. */
const TEXT_MAX = 200;

interface Told {
  readonly lines: readonly LineStatus[];
  /** UTC, microseconds. */
  readonly heard: number;
}

/** What centrals tell a gateway of the lines over which they pull: they choose the line and the pace, and the box shows it as well. */
export class ToldLines {
  readonly #told = new Map<string, Told>();

  /** A central was heard. @param now UTC, microseconds @param lines empty: nothing new of them */
  heard(central: string, now: number, lines: readonly LineStatus[]): void {
    const before = this.#told.get(central)?.lines ?? [];
    this.#told.delete(central);
    const [oldest] = this.#told.keys();
    if (this.#told.size >= CENTRALS_MAX && oldest !== undefined) this.#told.delete(oldest);
    this.#told.set(central, {
      lines: lines.length > 0 ? lines.slice(0, LINES_MAX).map(shortened) : before,
      heard: now,
    });
  }

  /** Every line that is known, by the name of the central at its other end. */
  all(): LineStatus[] {
    return [...this.#told].flatMap(([central, { lines, heard }]) =>
      lines.map((line) => ({ ...line, gateway: central, heard })),
    );
  }
}

function shortened({ windows, ...line }: LineStatus): LineStatus {
  return {
    ...line,
    name: line.name.slice(0, TEXT_MAX),
    why: line.why.slice(0, TEXT_MAX),
    ...(windows && { windows: windows.slice(0, LINES_MAX).map((text) => text.slice(0, TEXT_MAX)) }),
  };
}
