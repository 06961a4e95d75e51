import type { Quantity } from './quantities.ts';

/** How long the owner of a quantity may be silent before another message takes over, microseconds. */
export const OWNER_SILENT_US = 10_000_000;

/** Who tells a quantity. */
export interface Teller {
  /** Talker and type of the sentence. */
  readonly address: string;
  /** Which fix it belongs to; undefined while the receiver has no time, when every message counts. */
  readonly epoch: number | undefined;
  /** Whether it goes before tellers that are not preferred. */
  readonly isPreferred: boolean;
}

/**
 * Decides which of several messages that tell the same quantity becomes the sample, so that a channel has each
 * measurement once.
 * - A quantity of a fix or receiver is taken once for each fix: from the first message that tells it. Receivers repeat a fix in
 *   GGA, RMC, GLL, VTG and GNS. A sentence without a time belongs to the fix last told.
 * - What preferred messages (UBX) told is not taken from others until none has told it for {@link OWNER_SILENT_US}.
 * - An instrument's quantity is taken from one sentence only, told apart by its address (`SDDPT`), until that one has
 *   been silent for {@link OWNER_SILENT_US}.
 */
export class Selection {
  readonly #tracks = new Map<Quantity, Track>();

  /** @param now box time, microseconds */
  takes(quantity: Quantity, { address, epoch, isPreferred }: Teller, now: number): boolean {
    const track = this.#tracks.get(quantity);
    if (track === undefined) {
      this.#tracks.set(quantity, { epoch, owner: address, isPreferred, seen: now });
      return true;
    }
    const isOwnerSilent = now - track.seen >= OWNER_SILENT_US;
    if (quantity.origin !== 'instrument') {
      if (track.isPreferred && !isPreferred && !isOwnerSilent) return false;
      // Epochs of NMEA and UBX count from different moments.
      const isSameEpoch = isPreferred === track.isPreferred && epoch !== undefined && epoch === track.epoch;
      if (isSameEpoch) return false;
      track.isPreferred = isPreferred;
      track.epoch = epoch;
    } else {
      if (track.owner !== address && !isOwnerSilent) return false;
      track.owner = address;
    }
    track.seen = now;
    return true;
  }
}

interface Track {
  epoch: number | undefined;
  owner: string;
  isPreferred: boolean;
  seen: number;
}
