import type { ConfigAnswer, ConfigRequest } from '../../config/offer/offer.ts';
import { CaissonError } from '../../errors.ts';

/** Questions that wait for the main thread. At the maximum: refused, to be asked again. */
const WAITING_MAX = 16;

/** What the serve thread asks the main thread of the config. */
export class ConfigQuestions {
  readonly #post: (id: number, request: ConfigRequest) => void;
  readonly #waiting = new Map<number, (answer: ConfigAnswer) => void>();
  #next = 1;

  constructor(post: (id: number, request: ConfigRequest) => void) {
    this.#post = post;
  }

  /** @throws CaissonError `server-busy` */
  ask(request: ConfigRequest): Promise<ConfigAnswer> {
    if (this.#waiting.size >= WAITING_MAX) {
      throw new CaissonError('server-busy', `${WAITING_MAX} questions about the config wait`, { retryAfterMs: 2_000 });
    }
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#post(id, request);
    });
  }

  answered(id: number, answer: ConfigAnswer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}
