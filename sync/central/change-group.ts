/** Time that the changes of one commit may take together, milliseconds. Beyond: the next one has them, and in between other things are done. */
const MAKE_MS_MAX = 50;

interface Waiting {
  /** Makes the change, and keeps what it said. */
  readonly make: () => void;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** A store in which changes are made and undone by one who writes. */
export interface Changeable {
  /** Makes everything that `change` does durable, or nothing of it. */
  transaction(change: () => void): void;
  /** Told that what a change did was taken back. */
  takenBack(): void;
}

/**
 * Makes changes durable together: a disk that takes ten milliseconds for a commit would let a thousand gateways wait for each other. What
 * comes while the event loop goes round once is in one commit, so that who is alone waits for nobody.
 */
export class ChangeGroup {
  readonly #store: Changeable;
  #waiting: Waiting[] = [];

  constructor(store: Changeable) {
    this.#store = store;
  }

  /** Resolves when the change is durable. @param change may be made twice, of which the last counts */
  add<Result>(change: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      let result: Result;
      const make = () => {
        result = change();
      };
      if (this.#waiting.length === 0) setImmediate(() => this.#commit());
      this.#waiting.push({ make, done: () => resolve(result), failed: reject });
    });
  }

  #commit(): void {
    const made: Waiting[] = [];
    try {
      this.#store.transaction(() => {
        const limit = performance.now() + MAKE_MS_MAX;
        for (const waiting of this.#waiting) {
          made.push(waiting);
          waiting.make();
          if (performance.now() > limit) break;
        }
      });
      for (const { done } of made) done();
    } catch (error) {
      this.#store.takenBack();
      if (made.length === 1) made[0]?.failed(error);
      else for (const waiting of made) this.#alone(waiting);
    }
    this.#waiting = this.#waiting.slice(made.length);
    if (this.#waiting.length > 0) setImmediate(() => this.#commit());
  }

  /** One that fails costs the others nothing. */
  #alone({ make, done, failed }: Waiting): void {
    try {
      this.#store.transaction(make);
      done();
    } catch (error) {
      this.#store.takenBack();
      failed(error);
    }
  }
}
