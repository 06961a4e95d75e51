import type { Quantity } from './quantities.ts';

/** How long the owner of an instrument's quantity may be silent before another sentence takes over, microseconds. */
export const OWNER_SILENT_US = 10_000_000;

/**
 * Decides which of several sentences that tell the same quantity becomes the sample, so that a channel has each
 * measurement once.
 * - A quantity of a fix or receiver is taken once for each fix: from the first sentence that tells it. Receivers repeat a fix in
 *   GGA, RMC, GLL, VTG and GNS. A sentence without a time belongs to the fix last told.
 * - An instrument's quantity is taken from one sentence only, told apart by its address (`SDDPT`), until that one has
 *   been silent for {@link OWNER_SILENT_US}.
 */
export class Selection {
  readonly #tracks = new Map<Quantity, Track>();

  /**
   * @param address talker and type of the sentence
   * @param epoch which fix it belongs to; undefined while the receiver has no time, when every fix sentence counts
   * @param now box time, microseconds
   */
  takes(quantity: Quantity, address: string, epoch: number | undefined, now: number): boolean {
    const track = this.#tracks.get(quantity);
    if (track === undefined) {
      this.#tracks.set(quantity, { epoch, owner: address, seen: now });
      return true;
    }
    if (quantity.origin !== 'instrument') {
      if (epoch !== undefined && epoch === track.epoch) return false;
      track.epoch = epoch;
      return true;
    }
    if (track.owner !== address && now - track.seen < OWNER_SILENT_US) return false;
    track.owner = address;
    track.seen = now;
    return true;
  }
}

interface Track {
  epoch: number | undefined;
  owner: string;
  seen: number;
}
