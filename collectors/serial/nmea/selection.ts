/** How long the owner of a quantity may be silent before another message takes over, microseconds. */
export const OWNER_SILENT_US = 10_000_000;

/** The same sentence about the same fix after so long is about another one, microseconds: the clock of the receiver stands still. */
const FIX_US_MAX = 900_000;

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
 * Decides which of several messages that tell a quantity becomes the sample, so that its channel has each measurement
 * once.
 * - A quantity of a fix or receiver is taken once for each fix: from the first message that tells it. Receivers repeat a fix in
 *   GGA, RMC, GLL, VTG and GNS. A sentence without a time belongs to the fix last told.
 *   A receiver whose time stands still, as some do that have no fix, tells another fix with the same message again: of UBX with each,
 *   for it sends one a fix, of sentences after {@link FIX_US_MAX}, for it may send several a fix.
 * - What preferred messages (UBX) told is not taken from others until none has told it for {@link OWNER_SILENT_US}.
 * - An instrument's quantity is taken from one sentence only, told apart by its address (`SDDPT`), until that one has
 *   been silent for {@link OWNER_SILENT_US}.
 */
export class Selection {
  readonly #isInstrument: boolean;
  /** Address of who told it last; empty before. */
  #owner = '';
  #epoch: number | undefined;
  #isPreferred = false;
  #seen = 0;

  constructor(isInstrument: boolean) {
    this.#isInstrument = isInstrument;
  }

  /** @param now box time, microseconds */
  takes({ address, epoch, isPreferred }: Teller, now: number): boolean {
    const isFirst = this.#owner === '';
    const isOwnerSilent = now - this.#seen >= OWNER_SILENT_US;
    if (this.#isInstrument) {
      if (!isFirst && this.#owner !== address && !isOwnerSilent) return false;
    } else if (!isFirst) {
      if (this.#isPreferred && !isPreferred && !isOwnerSilent) return false;
      // Epochs of NMEA and UBX count from different moments.
      const isSameFix = isPreferred === this.#isPreferred && epoch !== undefined && epoch === this.#epoch;
      const isAgain = address === this.#owner && (isPreferred || now - this.#seen >= FIX_US_MAX);
      if (isSameFix && !isAgain) return false;
    }
    this.#owner = address;
    this.#epoch = epoch;
    this.#isPreferred = isPreferred;
    this.#seen = now;
    return true;
  }
}
