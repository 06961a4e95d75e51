/**
 * How much the receiving end of a line lets the sender have on its way. The aim is a line that is full with a queue that is short,
 * because whatever else uses the line, live values first of all, waits in the same queue.
 *
 * Found by delivery and delay: what arrives in a round trip is what the line carries, and a round trip that takes longer
 * than the shortest one is a queue. The window is set once a round so that the queue takes TARGET_QUEUE_MS of line time. A line
 * that loses or stalls but does not queue is not taken for a full one.
 *
 * Pure: times are handed in, milliseconds of a clock that never steps.
 */

/** Line time that the queue is meant to take, milliseconds. */
export const TARGET_QUEUE_MS = 16;

/** Window before anything is known, bytes: what TCP begins with. */
const WINDOW_FIRST_BYTES = 14_600;

/** At most on its way, bytes: below the receive window of HTTP/2, so that the pacer decides and not the window. */
export const WINDOW_BYTES_MAX = 3_500_000;

/** Line time of one message, milliseconds: what is more urgent waits for it. */
const QUANTUM_MS = 12;

/** A message before anything is known, and its bounds, bytes: below the least, framing would cost more than it is worth. */
const QUANTUM_FIRST_BYTES = 1_400;
const QUANTUM_BYTES_MIN = 1_024;
const QUANTUM_BYTES_MAX = 256 * 1024;

/** How fast the window may change in a round. It grows as fast as that, whatever the round trip, when there was no queue for so many. */
const GROWTH_MAX = 1.25;
const SHRINKAGE_MAX = 0.5;
const ROUNDS_WITHOUT_QUEUE = 3;

/** While it starts, a window twice as large must bring so much more; after so many rounds without, the line is full. */
const START_GAIN = 1.25;
const START_ROUNDS_MAX = 3;

/**
 * A delay is not taken for a queue of ours where the line has just carried more: below this part of what fits its fastest rate of
 * the last one to two times RATE_KEPT_MS the window does not go. It may be a busy machine, whose delay no window changes.
 */
const FLOOR_PART = 0.75;
const RATE_KEPT_MS = 1_500;

/** The shortest round trip is the least of so many milliseconds past, and looked for anew with an empty queue. */
const BASE_KEPT_MS = 8_000;

/** Bytes of the other end's credit are numbered; so many grants are remembered. At the maximum: the oldest are forgotten. */
const GRANTS_MAX = 4_096;

/** Of what may be sent when a cap applies, milliseconds of it at once. */
const CAP_BURST_MS = 50;

/**
 * Why the window is as it is: it looks for the rate; has found it; empties the queue to see the shortest round trip;
 * there is little to send; the window may not be larger; a cap applies; little of a budget is left.
 */
export type PacerReason = 'starting' | 'steady' | 'probing' | 'idle' | 'window' | 'cap' | 'budget';

/** What is granted to the sender. */
export interface Grant {
  /** Counted from 1. */
  readonly number: number;
  /** All that may be sent since the opening, bytes. */
  readonly bytes: number;
  /** Of one message at most, bytes. */
  readonly quantumBytes: number;
}

/** What a pacer found, for people. */
export interface PacerState {
  readonly bytesPerS: number;
  /** Shortest round trip; NaN before the first. */
  readonly roundTripMs: number;
  /** What a round trip takes beyond it. */
  readonly queueMs: number;
  readonly windowBytes: number;
  readonly quantumBytes: number;
  readonly reason: PacerReason;
}

export interface PacerOptions {
  /** At most, bytes a second; undefined: what the line gives. */
  readonly capBytesPerS?: number | undefined;
  /** What an earlier connection over this line found. */
  readonly earlier?: PacerState | undefined;
  /** Bytes that may still come, of a budget; undefined: there is none. */
  readonly left?: (() => number) | undefined;
}

interface Round {
  readonly grant: number;
  readonly startedAt: number;
  readonly received: number;
  /** Of the shortest round trip in it, milliseconds: the least that it can have been, where this end was busy meanwhile. */
  leastMs: number;
  /** True where the sender waited for credit: only then does more credit bring more. */
  isLimited: boolean;
}

export class Pacer {
  readonly #cap: number;
  readonly #left: () => number;
  #window: number;
  #isStarting = true;
  #isHeld = false;
  #startRounds = 0;
  #rate = 0;
  #fastest = 0;
  #fastestBefore = 0;
  #fastestSince = Number.NEGATIVE_INFINITY;
  #base = Number.POSITIVE_INFINITY;
  #baseBefore = Number.POSITIVE_INFINITY;
  #baseSince = Number.NaN;
  #queue = 0;
  /** Rounds in a row in which there was none. */
  #unqueued = 0;
  #reason: PacerReason = 'starting';
  #probe: 'none' | 'draining' = 'none';
  #windowBefore = 0;
  #received = 0;
  #granted = 0;
  #quantumTold = 0;
  #number = 0;
  #openedAt = Number.NaN;
  readonly #sent = new Map<number, { readonly at: number; readonly blockedMs: number }>();
  #round: Round | undefined;

  constructor({ capBytesPerS = Number.POSITIVE_INFINITY, earlier, left }: PacerOptions = {}) {
    this.#cap = capBytesPerS;
    this.#left = left ?? (() => Number.POSITIVE_INFINITY);
    // Half of what it was: the line may have become another one meanwhile.
    this.#window = Math.max(WINDOW_FIRST_BYTES, (earlier?.windowBytes ?? 0) / 2);
    this.#rate = earlier?.bytesPerS ?? 0;
  }

  get state(): PacerState {
    return {
      bytesPerS: this.#rate,
      roundTripMs: Number.isFinite(this.#roundTrip) ? this.#roundTrip : Number.NaN,
      queueMs: this.#queue,
      windowBytes: Math.round(this.#window),
      quantumBytes: this.#quantum,
      reason: this.#reason,
    };
  }

  /** Grants nothing any more: what is on its way may still come. */
  hold(): void {
    this.#isHeld = true;
  }

  /** True where more was granted than came, by a message or more. */
  get isOnItsWay(): boolean {
    return this.#granted - this.#received >= this.#quantumTold;
  }

  /**
   * What is to be granted now; undefined: nothing that would be worth a message.
   * @param blockedMs for how long this end was too busy to see what arrives, in all
   */
  grant(now: number, blockedMs = 0): Grant | undefined {
    if (this.#isHeld) return undefined;
    if (Number.isNaN(this.#openedAt)) this.#openedAt = now;
    const quantumBytes = this.#quantum;
    const left = this.#received + this.#left();
    const unspent = Math.min(this.#received + Math.max(this.#window, 2 * quantumBytes), this.#capBytes(now));
    const wanted = Math.min(unspent, left);
    if (left < unspent) this.#reason = 'budget';
    // A sender waits until a whole message may be sent, as large as it was told.
    const isHeld = this.#granted - this.#received < this.#quantumTold && quantumBytes < this.#quantumTold;
    if (wanted < this.#granted + quantumBytes / 2 && !isHeld) return undefined;
    const bytes = Math.max(this.#granted, Math.floor(wanted));
    this.#granted = bytes;
    this.#quantumTold = quantumBytes;
    this.#number += 1;
    this.#sent.set(this.#number, { at: now, blockedMs });
    this.#sent.delete(this.#number - GRANTS_MAX);
    this.#round ??= this.#newRound(now);
    return { number: this.#number, bytes, quantumBytes };
  }

  /** Milliseconds after which {@link Pacer.grant} is to be asked though nothing came; infinite without a cap. */
  get askAgainMs(): number {
    if (this.#cap === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    return Math.max(1, ((this.#quantum / 2) * 1e3) / this.#cap);
  }

  /**
   * Takes note of a message.
   * @param bytes of it
   * @param grant number of the last grant that the sender had when it sent it
   * @param heldMs how long it had had that grant; 0 where it had waited for it
   * @param blockedMs as in {@link Pacer.grant}: what came late for that alone says nothing of the line
   */
  received(now: number, bytes: number, grant: number, heldMs: number, blockedMs = 0): void {
    this.#received += bytes;
    const sent = this.#sent.get(grant);
    const round = this.#round;
    if (sent === undefined || round === undefined) return;
    if (heldMs === 0) round.isLimited = true;
    const roundTripMs = Math.max(0, now - sent.at - heldMs);
    round.leastMs = Math.min(round.leastMs, Math.max(0, roundTripMs - (blockedMs - sent.blockedMs)));
    this.#noteBase(now, roundTripMs);
    if (grant > round.grant) this.#endRound(round, now);
  }

  get #roundTrip(): number {
    return Math.min(this.#base, this.#baseBefore);
  }

  get #quantum(): number {
    const bytes = this.#rate === 0 ? QUANTUM_FIRST_BYTES : (this.#rate * QUANTUM_MS) / 1e3;
    return Math.round(Math.min(QUANTUM_BYTES_MAX, Math.max(QUANTUM_BYTES_MIN, bytes)));
  }

  #capBytes(now: number): number {
    if (this.#cap === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    return Math.max(this.#cap * (CAP_BURST_MS / 1e3), this.#quantum) + (this.#cap * (now - this.#openedAt)) / 1e3;
  }

  #newRound(now: number): Round {
    return {
      grant: this.#number,
      startedAt: now,
      received: this.#received,
      leastMs: Number.POSITIVE_INFINITY,
      isLimited: false,
    };
  }

  /** Of the last one to two times BASE_KEPT_MS. */
  #noteBase(now: number, roundTripMs: number): void {
    if (Number.isNaN(this.#baseSince)) this.#baseSince = now;
    if (now - this.#baseSince > BASE_KEPT_MS) {
      this.#baseBefore = this.#base;
      this.#base = Number.POSITIVE_INFINITY;
      this.#baseSince = now;
      if (!this.#isStarting && this.#probe === 'none') {
        this.#probe = 'draining';
        this.#windowBefore = this.#window;
      }
    }
    this.#base = Math.min(this.#base, roundTripMs);
  }

  #endRound(round: Round, now: number): void {
    const elapsed = now - round.startedAt;
    const rate = elapsed > 0 ? ((this.#received - round.received) * 1e3) / elapsed : 0;
    const base = this.#roundTrip;
    this.#queue = Math.max(0, round.leastMs - base);
    this.#round = this.#newRound(now);
    if (!round.isLimited) {
      this.#reason = this.#capBytes(now) < this.#received + this.#window ? 'cap' : 'idle';
      return;
    }
    const fastest = this.#rate;
    this.#noteRate(now, rate);
    this.#rate = this.#isStarting ? Math.max(rate, this.#rate) : this.#rate + (rate - this.#rate) / 2;
    if (this.#isStarting) this.#start(rate, fastest, base);
    else if (this.#probe === 'draining') this.#drain(base);
    else this.#adjust(base);
    this.#window = Math.min(WINDOW_BYTES_MAX, Math.max(QUANTUM_BYTES_MIN, this.#window));
    if (this.#window === WINDOW_BYTES_MAX) this.#reason = 'window';
    if (this.#capBytes(now) < this.#received + this.#window) this.#reason = 'cap';
  }

  #noteRate(now: number, rate: number): void {
    if (now - this.#fastestSince > RATE_KEPT_MS) {
      this.#fastestBefore = this.#fastest;
      this.#fastest = 0;
      this.#fastestSince = now;
    }
    this.#fastest = Math.max(this.#fastest, rate);
  }

  #start(rate: number, fastest: number, base: number): void {
    this.#reason = 'starting';
    this.#startRounds = rate > fastest * START_GAIN ? 0 : this.#startRounds + 1;
    if (this.#queue < TARGET_QUEUE_MS && this.#startRounds < START_ROUNDS_MAX) {
      this.#window *= 2;
      return;
    }
    this.#isStarting = false;
    this.#window *= (base + TARGET_QUEUE_MS) / (base + this.#queue);
  }

  /** For one round less than the line carries, so that the queue is empty and the shortest round trip is seen. */
  #drain(base: number): void {
    if (this.#reason !== 'probing') {
      this.#reason = 'probing';
      this.#window = (this.#windowBefore * base * 0.9) / (base + TARGET_QUEUE_MS);
      return;
    }
    this.#probe = 'none';
    this.#reason = 'steady';
    this.#window = this.#windowBefore;
  }

  #adjust(base: number): void {
    this.#reason = 'steady';
    this.#unqueued = this.#queue < TARGET_QUEUE_MS / 4 ? this.#unqueued + 1 : 0;
    const isSlack = this.#unqueued > ROUNDS_WITHOUT_QUEUE;
    const wanted = isSlack ? GROWTH_MAX : (base + TARGET_QUEUE_MS) / (base + this.#queue);
    const floor = (FLOOR_PART * Math.max(this.#fastest, this.#fastestBefore) * (base + TARGET_QUEUE_MS)) / 1e3;
    const window = this.#window * Math.min(GROWTH_MAX, Math.max(SHRINKAGE_MAX, wanted));
    this.#window = Math.max(window, Math.min(floor, this.#window));
  }
}
