import type { BootAccount } from '../../gateway/query/telemetry.ts';
import type { MissedRun, NewsItem } from './news.ts';

/** How far one channel was delivered in the newest boot of which anything was. */
export interface Head {
  readonly boot: string;
  /** One past the greatest sequence number delivered or told as missing. */
  readonly next: number;
}

/**
 * Whether what is delivered of the channels of one gateway goes on where it stood. What a store gave up for want of room while a
 * reader was away, or slow, is in no news; it shows as numbers that were passed over, and the store's account says why.
 */
export class Continuity {
  readonly #heads: Map<string, Head>;
  /** Channels of which numbers were passed over, with where they stood before. */
  readonly #suspects = new Map<string, Head>();

  /**
   * @param resumed heads from where a reader goes on: a store may have given up everything since
   * @param fresh heads from where a reader begins now
   */
  constructor(resumed: ReadonlyMap<string, Head>, fresh: ReadonlyMap<string, Head>) {
    this.#heads = new Map([...resumed, ...fresh]);
    for (const [channel, head] of resumed) this.#suspects.set(channel, head);
  }

  get heads(): ReadonlyMap<string, Head> {
    return this.#heads;
  }

  /** Takes note of what is delivered, in its order. */
  note(item: NewsItem): void {
    if (item.kind === 'boot') return;
    const { boot, channel, firstSequence } = item.run;
    const end = firstSequence + (item.kind === 'samples' ? item.run.times.length : item.run.count);
    const head = this.#heads.get(channel);
    if (head === undefined) {
      this.#heads.set(channel, { boot, next: end });
      return;
    }
    const isPassedOver = head.boot !== boot || firstSequence > head.next;
    if (isPassedOver && !this.#suspects.has(channel)) this.#suspects.set(channel, head);
    if (head.boot !== boot || end > head.next) this.#heads.set(channel, { boot, next: end });
  }

  /** Channels whose accounts are to be looked at; each once. */
  takeSuspects(): [channel: string, head: Head][] {
    const suspects = [...this.#suspects];
    this.#suspects.clear();
    return suspects;
  }
}

/** Where a channel stands in its newest boot; before the first where nothing of it ever came. */
export function headOf(accounts: readonly BootAccount[]): Head {
  const newest = accounts.findLast(({ origin }) => origin === undefined);
  return newest === undefined ? { boot: '', next: 0 } : { boot: newest.boot, next: newest.end };
}

/** What accounts of a channel, oldest boot first, say is missing behind a head. */
export function missingBehind(channel: string, head: Head, accounts: readonly BootAccount[]): MissedRun[] {
  const takenIn = accounts.filter(({ origin }) => origin === undefined);
  const from = takenIn.findIndex(({ boot }) => boot === head.boot);
  return takenIn.slice(Math.max(0, from)).flatMap(({ boot, missing }) => {
    const behind = boot === head.boot ? missing.filter(({ end, count }) => count > 0 && end > head.next) : missing;
    return behind.map(({ first, count, from, to, cause }) => {
      return { boot, channel, firstSequence: first, count, from, to, cause };
    });
  });
}
