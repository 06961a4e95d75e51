import type { GivenUp, GivenUpEnd } from './given-up.ts';
import type { IndexEntries } from './index-entries.ts';
import type { PackIndex } from './pack-index.ts';

/** What blocks hold of one channel and boot. */
export interface BootSpan {
  readonly channel: number;
  /** Least sequence number that the index knows of; infinite where all is dropped. */
  first: number;
  /** One past the last sequence number, of what was dropped as well. */
  next: number;
  /** Samples that the index knows of: as many as there are numbers where none is missing between. */
  count: number;
  /** Greatest stored time, microseconds. */
  time: number;
}

/**
 * What blocks hold of each channel in `boot`.
 * @param began position at which the boot was kept
 * @param index undefined where no pack was kept since
 */
export function spansOfBoot(boot: number, began: number, index: PackIndex | undefined, givenUp: GivenUp): BootSpan[] {
  const spans = new BootSpans();
  for (const roster of index?.rosters() ?? []) {
    const channels = index?.channels(roster) ?? [];
    for (const row of index?.rowsOfOneBoot(roster, boot, began) ?? []) spans.add(channels, row.entries());
  }
  for (const dropped of givenUp.droppedOfBoot(boot)) spans.addDropped(dropped);
  return spans.all();
}

/** Adds up, channel by channel, what blocks hold of one boot. */
class BootSpans {
  readonly #spans = new Map<number, BootSpan>();

  /** Adds a row of the index, whose entries are of these channels. */
  add(channels: readonly number[], entries: IndexEntries): void {
    for (const [member, channel] of channels.entries()) {
      const entry = entries[member];
      if (entry === undefined) continue;
      const span = this.#spanOf(channel);
      span.first = Math.min(span.first, entry.firstSequence);
      span.next = Math.max(span.next, entry.endSequence);
      span.count += entry.count;
      span.time = Math.max(span.time, entry.timeMax);
    }
  }

  /** Adds what is in no index any more. */
  addDropped({ channel, end, time }: GivenUpEnd): void {
    const span = this.#spanOf(channel);
    span.next = Math.max(span.next, end);
    span.time = Math.max(span.time, time);
  }

  all(): BootSpan[] {
    return [...this.#spans.values()];
  }

  #spanOf(channel: number): BootSpan {
    let span = this.#spans.get(channel);
    if (span === undefined) {
      span = { channel, first: Number.POSITIVE_INFINITY, next: 0, count: 0, time: Number.NEGATIVE_INFINITY };
      this.#spans.set(channel, span);
    }
    return span;
  }
}
