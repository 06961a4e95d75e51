import type { CanSender, SentFrame } from './can-sender.ts';
import type { Vehicle } from './vehicle/vehicle.ts';

/**
 * A bus that carries one frame at a time: of those that wait when it falls free, the one with the lowest identifier.
 * Times in microseconds.
 */
export class CanWire {
  /** Frames and bits sent, samples in them, and frames replaced by a newer one of the same message before they were sent. */
  frames = 0;
  samples = 0;
  bits = 0;
  replaced = 0;
  readonly #senders: readonly CanSender[];
  readonly #bitUs: number;
  readonly #onFrame: (frame: SentFrame) => void;
  #freeUs = 0;
  #waiting = 0;

  constructor(senders: readonly CanSender[], bitrate: number, onFrame: (frame: SentFrame) => void) {
    this.#senders = [...senders].sort((a, b) => a.id - b.id);
    this.#bitUs = 1e6 / bitrate;
    this.#onFrame = onFrame;
  }

  /** Reads what is due before `endUs` and sends what is through by then. */
  advance(car: Vehicle, endUs: number): void {
    for (const sender of this.#senders) {
      while (sender.dueUs < endUs) {
        const replaced = sender.waiting;
        const waits = sender.sample(car);
        if (replaced) this.replaced++;
        sender.waiting = waits;
        this.#waiting += (waits ? 1 : 0) - (replaced ? 1 : 0);
      }
    }
    while (this.#waiting > 0 && this.#sendOne(endUs));
  }

  /** Returns false when the next frame would not be through by `endUs`: another may still come before it. */
  #sendOne(endUs: number): boolean {
    let startUs = Number.POSITIVE_INFINITY;
    for (const sender of this.#senders) if (sender.waiting) startUs = Math.min(startUs, sender.sampledUs);
    startUs = Math.max(startUs, this.#freeUs);
    const sender = this.#senders.find(({ waiting, sampledUs }) => waiting && sampledUs <= startUs);
    if (sender === undefined) return false;
    const { bits } = sender;
    const sentUs = startUs + bits * this.#bitUs;
    if (sentUs > endUs) return false;
    sender.waiting = false;
    sender.sentUs = sentUs;
    this.#waiting--;
    this.#freeUs = sentUs;
    this.frames++;
    this.samples += sender.samples;
    this.bits += bits;
    this.#onFrame(sender);
    return true;
  }
}
