import type { CycleReader, EarlierCycle, SumAnswer, SumQuestion } from '../analysis/cycles/cycle-settling.ts';
import type { CyclesConfig } from '../analysis/cycles/cycles-config.ts';
import type { CyclesAnswer, CyclesQuestion } from './serve-messages.ts';

interface Asked {
  readonly resolve: (answer: CyclesAnswer | undefined) => void;
}

/** Main's end of what it asks the serve thread, which reads what is kept, of cycles. */
export class CycleDesk implements CycleReader {
  readonly #post: (id: number, question: CyclesQuestion) => void;
  readonly #asked = new Map<number, Asked>();
  #next = 1;

  constructor(post: (id: number, question: CyclesQuestion) => void) {
    this.#post = post;
  }

  async earlier(cycles: CyclesConfig, before: number): Promise<readonly EarlierCycle[] | undefined> {
    const answer = await this.#ask({ asks: 'earlier', cycles, before });
    return answer !== undefined && 'earlier' in answer ? answer.earlier : undefined;
  }

  async sums(of: SumQuestion): Promise<SumAnswer | undefined> {
    const answer = await this.#ask({ asks: 'sums', of });
    return answer !== undefined && 'sums' in answer ? answer.sums : undefined;
  }

  take(id: number, answer: CyclesAnswer): void {
    this.#asked.get(id)?.resolve(answer);
    this.#asked.delete(id);
  }

  /** The thread was started again: what it was asked before it never answers. */
  restarted(): void {
    for (const { resolve } of this.#asked.values()) resolve(undefined);
    this.#asked.clear();
  }

  async #ask(question: CyclesQuestion): Promise<CyclesAnswer | undefined> {
    const id = this.#next;
    this.#next += 1;
    const answer = await new Promise<CyclesAnswer | undefined>((resolve) => {
      this.#asked.set(id, { resolve });
      this.#post(id, question);
    });
    if (answer !== undefined && 'failed' in answer) throw new Error(answer.failed);
    return answer;
  }
}
