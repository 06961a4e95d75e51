/** Time between two rounds of a recording with one row, microseconds. */
const ROUND_GAP_US = 10_000;

/**
 * Times of a recording that is played over and over, in microseconds: the first round has the recorded ones, each
 * further one begins behind the last, by the usual distance of two rows.
 */
export class RoundClock {
  /** Rows played since the round began. */
  rowsOfRound = 0;
  #shift: number | undefined;
  #first = 0;
  #last: number | undefined;
  #gap = ROUND_GAP_US;

  /** Begins with the first round again. */
  reset(): void {
    this.#last = undefined;
    this.#gap = ROUND_GAP_US;
  }

  beginRound(): void {
    if (this.rowsOfRound > 1) {
      const mean = Math.round(((this.#last ?? 0) - this.#first) / (this.rowsOfRound - 1));
      this.#gap = Math.max(1, mean);
    }
    this.rowsOfRound = 0;
    this.#shift = undefined;
  }

  /** When a row of the round is played; the first that is asked for begins it. */
  playTime(recorded: number): number {
    if (this.#shift === undefined) {
      this.#shift = this.#last === undefined ? 0 : this.#last + this.#gap - recorded;
      this.#first = recorded + this.#shift;
    }
    return recorded + this.#shift;
  }

  /** Says that the row of this time was played. */
  played(time: number): void {
    this.rowsOfRound += 1;
    this.#last = this.#last === undefined ? time : Math.max(this.#last, time);
  }
}
