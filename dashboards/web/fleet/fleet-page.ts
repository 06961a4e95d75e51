import { computed, signal } from '@preact/signals';
import type { Attention, Fleet, FleetBox } from '../../wire.ts';
import { type FleetFilter, filterOf, fits, searchOfFilter } from './fleet-filter.ts';

/** Time from one look at the fleet to the next, milliseconds. */
const LOOK_MS = 5_000;

/** Central that has not answered within is taken for gone, milliseconds. */
const ANSWER_MS = 10_000;

/** What the page knows and shows: the fleet as central last told it, and the boxes that fit the filter. */
export class FleetPage {
  readonly fleet = signal<Fleet | undefined>(undefined);
  /** Why there is no news; undefined while there is. */
  readonly problem = signal<string | undefined>(undefined);
  readonly filter = signal<FleetFilter>(filterOf(location.search));

  readonly boxes = computed((): readonly FleetBox[] => {
    const filter = this.filter.value;
    return (this.fleet.value?.boxes ?? []).filter((box) => fits(box, filter));
  });

  /** How many boxes need what. */
  readonly counts = computed((): Readonly<Record<Attention, number>> => {
    const counts = { act: 0, watch: 0, good: 0 };
    for (const { attention } of this.fleet.value?.boxes ?? []) counts[attention] += 1;
    return counts;
  });

  /** Looks now, and from time to time. */
  start(): void {
    void this.#look().finally(() => setTimeout(() => this.start(), LOOK_MS));
  }

  /** Changes the filter, which the address of the page tells from then on. */
  choose(filter: FleetFilter): void {
    this.filter.value = filter;
    history.replaceState(undefined, '', searchOfFilter(filter) || location.pathname);
  }

  async #look(): Promise<void> {
    try {
      const reply = await fetch('/api/v1/fleet', { signal: AbortSignal.timeout(ANSWER_MS) });
      if (!reply.ok) throw new Error(reply.status === 404 ? 'this is no central' : `it answers ${reply.status}`);
      this.fleet.value = (await reply.json()) as Fleet;
      this.problem.value = undefined;
    } catch (error) {
      this.problem.value = error instanceof Error ? error.message : String(error);
    }
  }
}
