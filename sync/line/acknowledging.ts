import type { LineStatus } from '../../gateway/status.ts';
import type { SignedReceipt } from '../receipts/receipt.ts';

/** How far a follower has a feed. */
export interface KeptWord extends Partial<SignedReceipt> {
  readonly follower: string;
  /** Id of the store that has it; empty: none is told. */
  readonly store: string;
  readonly feed: string;
  readonly position: number;
  /** Lines to the other end, where there is anything new of them. */
  readonly lines?: readonly LineStatus[];
}

/**
 * What lines do is told at once where it changes; why, and what is found of them, with the next word after so long, milliseconds: on a
 * line where bytes cost money, and on others.
 */
const LINES_MS = 30_000;
const LINES_METERED_MS = 300_000;

/** A word is said again after so long, milliseconds: who says nothing for a day is not waited for where another store has its name. */
const AGAIN_MS = 3_600_000;

/** What the other end answers. */
export interface KeptAnswer {
  /** Request for a receipt; empty: nothing is to be proven. */
  readonly wanted: Uint8Array;
  /** Why the receipt that came with the word is not believed; empty: it is. */
  readonly refused: string;
}

export interface AcknowledgingParts {
  /** Name under which the other end is told. */
  readonly follower: string;
  /** Id of the store here; empty: none is told. */
  readonly store: string;
  /** How far everything is durable here. */
  readonly kept: () => Promise<{ readonly feed: string; readonly after: number }>;
  /** Every line to the other end. */
  readonly lines: () => readonly LineStatus[];
  readonly tell: (word: KeptWord) => Promise<KeptAnswer>;
  /** Proves what the other end wants to have proven; undefined where nothing can be. */
  readonly prove: ((wanted: Uint8Array) => Promise<SignedReceipt>) | undefined;
  /** True while nothing may be told: of two ends with one name, what is here may be the other's. */
  readonly isDoubted?: () => boolean;
  readonly intervalMs: number;
  /** AGAIN_MS unless a test is in a hurry. */
  readonly againMs?: number;
  /** Told of what a person should know. */
  readonly onProblem: (text: string) => void;
}

/**
 * Tells the other end from time to time what is durable here, and proves it as far as it asks. A word that is lost costs nothing:
 * the next one says more. Returns what ends it.
 */
export function acknowledging(parts: AcknowledgingParts): () => void {
  const { follower, store, kept, lines: look, tell, prove, onProblem, againMs = AGAIN_MS } = parts;
  // `at`: when lines were last told.
  let told = { feed: '', after: 0, state: '', at: Number.NEGATIVE_INFINITY };
  let saidAt = Number.NEGATIVE_INFINITY;
  let [isTelling, hasEnded] = [false, false];
  const say = async () => {
    const now = await kept();
    const lines = look();
    const state = lines.map((line) => `${line.name} ${line.state}`).join('\n');
    const hasMoved = now.feed !== told.feed || now.after !== told.after;
    const isMetered = lines.some((line) => line.metered && line.state === 'in-use');
    const isOld = performance.now() - told.at >= (isMetered ? LINES_METERED_MS : LINES_MS);
    const isNews = state !== told.state || (hasMoved && isOld);
    if (!hasMoved && !isNews && performance.now() - saidAt < againMs) return;
    const word = { follower, store, feed: now.feed, position: now.after, ...(isNews && { lines }) };
    let answer = await tell(word);
    while (answer.wanted.length > 0 && prove !== undefined && !hasEnded) {
      answer = await tell({ ...word, ...(await prove(answer.wanted)) });
    }
    if (answer.refused !== '') onProblem(`the receipt of what is kept was refused: ${answer.refused}`);
    saidAt = performance.now();
    told = { ...now, ...(isNews ? { state, at: performance.now() } : { state: told.state, at: told.at }) };
  };
  const timer = setInterval(() => {
    if (isTelling || parts.isDoubted?.() === true) return;
    isTelling = true;
    void say()
      // The line that failed is told by who pulls over it.
      .catch(() => undefined)
      .finally(() => {
        isTelling = false;
      });
  }, parts.intervalMs);
  return () => {
    hasEnded = true;
    clearInterval(timer);
  };
}
