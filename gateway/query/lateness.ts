/**
 * Tells which samples of a channel are late: a sample of the same boot with a greater time was taken in before them. Runs may
 * come in any order; where one goes on where the last one ended, nothing has to be looked up.
 */
export class Lateness {
  readonly #reachBefore: (boot: number, sequence: number) => number;
  #boot = 0;
  #nextSequence = -1;
  #reach = Number.NEGATIVE_INFINITY;

  /** @param reachBefore greatest time of a boot before a sequence number, microseconds; -Infinity where there is none */
  constructor(reachBefore: (boot: number, sequence: number) => number) {
    this.#reachBefore = reachBefore;
  }

  /** 1 where a sample is late, by the times of a run in the order of its sequence numbers; undefined where none is. */
  of(times: Float64Array, boot: number, firstSequence: number): Uint8Array | undefined {
    const goesOn = boot === this.#boot && firstSequence === this.#nextSequence;
    let reach = goesOn ? this.#reach : this.#reachBefore(boot, firstSequence);
    let late: Uint8Array | undefined;
    for (let i = 0; i < times.length; i += 1) {
      const time = times[i] as number;
      if (time >= reach) reach = time;
      else {
        late ??= new Uint8Array(times.length);
        late[i] = 1;
      }
    }
    this.#boot = boot;
    this.#nextSequence = firstSequence + times.length;
    this.#reach = reach;
    return late;
  }
}
