import { CaissonError } from '../../../gateway/errors.ts';

/** Bytes that may be fetched for questions that are answered together. At the maximum: each is answered alone, or refused. */
const FETCHED_BYTES_MAX = 256 << 20;

/** Questions that wait to be answered. At the maximum: more are refused. */
const QUESTIONS_MAX = 1 << 17;

/** One run of what is asked; returns what settles it, where nothing was missing. */
export type Attempt = () => () => void;

/** What questions are asked of: it holds what was fetched, notes what is missing, and fetches it. */
export interface FetchingSource {
  /** Takes in what was committed before. */
  learn(): Promise<void>;
  /** Begins to fetch anew. */
  begin(): void;
  /** How often anything was asked for that is not here. */
  readonly misses: number;
  /** Fetches what was missing. Returns its bytes. */
  fetch(): Promise<number>;
  /** Lets go of what is too much. */
  trim(): void;
}

interface Question {
  readonly attempt: Attempt;
  readonly reject: (error: unknown) => void;
}

/**
 * Synchronous questions over what has to be fetched: what an attempt misses is fetched and the attempt repeated, until it missed
 * nothing. Those that are asked together, or while others are answered, share what is fetched and its round trips, so that the
 * newest samples of a thousand channels cost as many as those of one.
 */
export class Questions {
  readonly #source: FetchingSource;
  #waiting: Question[] = [];
  #isAnswering = false;

  constructor(source: FetchingSource) {
    this.#source = source;
  }

  /**
   * Answers a question from what was committed before it.
   * @param answer asks of the source; it may be called several times, of which the last counts
   * @throws CaissonError `store-failed`, `query-limit`, and what `answer` throws
   */
  ask<Answer>(answer: () => Answer): Promise<Answer> {
    if (this.#waiting.length >= QUESTIONS_MAX) return Promise.reject(tooMany());
    return new Promise((resolve, reject) => {
      const attempt = () => {
        try {
          const said = answer();
          return () => resolve(said);
        } catch (error) {
          return () => reject(error);
        }
      };
      this.#waiting.push({ attempt, reject });
      if (this.#isAnswering) return;
      this.#isAnswering = true;
      queueMicrotask(() => void this.#answerAll());
    });
  }

  async #answerAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#answer(this.#waiting.splice(0));
    this.#isAnswering = false;
  }

  async #answer(questions: readonly Question[]): Promise<void> {
    try {
      await this.#source.learn();
      const tooLong = await this.#rounds(questions);
      for (const question of tooLong) {
        const isAlone = questions.length === 1;
        if (isAlone || (await this.#rounds([question])).length > 0) question.reject(tooLarge());
      }
    } catch (error) {
      // Of those that are answered already it changes nothing.
      for (const { reject } of questions) reject(error);
    }
    this.#source.trim();
  }

  /** Returns those that need more than may be fetched. */
  async #rounds(questions: readonly Question[]): Promise<readonly Question[]> {
    this.#source.begin();
    let open = questions;
    for (let bytes = 0; bytes <= FETCHED_BYTES_MAX; bytes += await this.#source.fetch()) {
      open = open.filter(({ attempt }) => !this.#settles(attempt));
      if (open.length === 0) break;
    }
    return open;
  }

  /** What an attempt throws counts only where nothing was missing, as what it answers does. */
  #settles(attempt: Attempt): boolean {
    const before = this.#source.misses;
    const settle = attempt();
    if (this.#source.misses !== before) return false;
    settle();
    return true;
  }
}

function tooLarge(): CaissonError {
  return new CaissonError('query-limit', `the answer needs more than ${FETCHED_BYTES_MAX >> 20} MiB of blocks`, {
    hint: 'ask for fewer pixels, or a shorter range',
  });
}

function tooMany(): CaissonError {
  return new CaissonError('query-limit', `${QUESTIONS_MAX} questions wait for the database`, {
    hint: 'try again later',
    retryable: true,
  });
}
