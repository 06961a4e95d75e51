import { RUNGS, type Rung } from './retention-plan.ts';

/** How long a rung that is not needed any longer is still said to be stood on: a full disk needs it every few seconds. */
const RUNG_HOLD_MS = 10 * 60_000;

/** Intake of the lesser classes goes on when there is so many times the reserve. */
const RESUME_FACTOR = 1.25;

/**
 * Remembers how far the ladder is climbed, so that people hear of each rung once and not of every step: up at once, down
 * when nothing of that rung was needed for a while.
 */
export class Ladder {
  #rung: Rung = 'none';
  #neededAt = 0;
  #refuses = false;

  get rung(): Rung {
    return this.#rung;
  }

  /** True while samples of bulk and standard channels are to be refused. */
  get refuses(): boolean {
    return this.#refuses;
  }

  /**
   * Takes note of what is needed now.
   * @param room what can still be written over the reserve
   * @param now monotonic, milliseconds
   * @returns the rung that was left, where it changed
   */
  observe(needed: Rung, room: number, now: number): Rung | undefined {
    if (needed === 'critical-only') this.#refuses = true;
    else if (room >= RESUME_FACTOR) this.#refuses = false;
    const from = this.#rung;
    if (RUNGS.indexOf(needed) >= RUNGS.indexOf(from)) {
      this.#neededAt = now;
      this.#rung = needed;
    } else if (!this.#refuses && now - this.#neededAt >= RUNG_HOLD_MS) {
      this.#rung = needed;
      this.#neededAt = now;
    }
    return this.#rung === from ? undefined : from;
  }
}

const RUNG_TEXTS: Readonly<Record<Rung, string>> = {
  none: 'the disk of the store has room again',
  'synced-bulk': 'the disk of the store runs short: bulk samples that central has are given up, their envelopes stay',
  'synced-standard':
    'the disk of the store runs short: standard samples that central has are given up, their envelopes stay',
  'thin-bulk': 'the disk of the store runs short: bulk samples are given up though no central has them, envelopes stay',
  'thin-standard':
    'the disk of the store runs short: standard samples are given up though no central has them, envelopes stay',
  'drop-bulk': 'the disk of the store runs short: envelopes of bulk channels are given up, the oldest first',
  'drop-standard': 'the disk of the store runs short: envelopes of standard channels are given up, the oldest first',
  'critical-only':
    'the disk of the store is full: only critical samples are taken in, those of other channels are counted as lost',
};

/** What people are told when a rung is entered. */
export function rungText(rung: Rung): string {
  return RUNG_TEXTS[rung];
}
