import { CaissonError } from '../errors.ts';

/** Questions that wait for the main thread. At the maximum: refused, to be asked again. */
const WAITING_MAX = 16;

/** What the serve thread asks the main thread. */
export class MainQuestions<Question, Answer> {
  readonly #about: string;
  readonly #post: (id: number, question: Question) => void;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 1;

  /** @param about what they are about, as a sentence goes on after `questions about` */
  constructor(about: string, post: (id: number, question: Question) => void) {
    this.#about = about;
    this.#post = post;
  }

  /** @throws CaissonError `server-busy` */
  ask(question: Question): Promise<Answer> {
    if (this.#waiting.size >= WAITING_MAX) {
      const text = `${WAITING_MAX} questions about ${this.#about} wait`;
      throw new CaissonError('server-busy', text, { retryAfterMs: 2_000 });
    }
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#post(id, question);
    });
  }

  answered(id: number, answer: Answer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}
