import { type FrameHead, frameBits, frameHead } from './can-bits.ts';
import { type CanLayout, layOut } from './can-layout.ts';
import { type CanMessage, rawRange } from './can-table.ts';
import type { FaultSlot, Faults } from './faults.ts';
import type { Random } from './random.ts';
import type { Vehicle } from './vehicle/vehicle.ts';

/** A node's clock is off by up to this share, and sends a frame early or late by up to this share of its period. */
const CLOCK_ERROR = 40e-6;
const JITTER_SHARE = 0.04;
const JITTER_MAX_US = 900;

/** A frame as it was on the wire; `data` is the sender's own and changes with its next frame. Times in microseconds. */
export interface SentFrame {
  readonly id: number;
  readonly length: number;
  readonly data: Uint8Array;
  /** When its sensors were read. */
  readonly sampledUs: number;
  /** When its last bit was sent. */
  readonly sentUs: number;
}

const floats = new Float32Array(1);
const floatBits = new Uint32Array(floats.buffer);

/** Reads the sensors of one message in its rhythm and packs them; holds one frame for the wire. */
export class CanSender implements SentFrame {
  readonly id: number;
  readonly length: number;
  readonly data = new Uint8Array(8);
  sampledUs = 0;
  sentUs = 0;
  /** When the sensors are read next. */
  dueUs: number;
  /** A frame waits for the wire. */
  waiting = false;
  /** Samples in the frame that waits. */
  samples = 0;
  readonly #head: FrameHead;
  readonly #layout: CanLayout;
  readonly #random: Random;
  readonly #noise: number;
  readonly #unit: FaultSlot;
  readonly #sensors: readonly FaultSlot[];
  readonly #ranges: readonly { readonly least: number; readonly greatest: number }[];
  readonly #lastRaw: Float64Array;
  readonly #periodUs: number;
  readonly #jitterUs: number;
  #nominalUs: number;
  #page = 0;
  #low = 0;
  #high = 0;

  /**
   * @param wire name of the bus, first part of the names of message and sensors
   * @param noise 1; 0 for sensors and clocks without errors
   */
  constructor(wire: string, message: CanMessage, random: Random, faults: Faults, noise: number) {
    this.#layout = layOut(message);
    this.#random = random;
    this.#noise = noise;
    this.id = message.id;
    this.length = this.#layout.bytes;
    this.#head = frameHead(this.id, this.length);
    this.#unit = faults.slot(`${wire}/${message.name}`, ['silent']);
    this.#sensors = message.signals.map((signal) => {
      // A state has no wire to break; what sends it knows it or is silent.
      return faults.slot(
        `${wire}/${signal.name}`,
        signal.noise > 0 && !signal.float ? ['open-circuit', 'stuck'] : ['stuck'],
      );
    });
    this.#ranges = message.signals.map(rawRange);
    this.#lastRaw = new Float64Array(message.signals.length);
    this.#periodUs = (1e6 / message.rateHz) * (1 + CLOCK_ERROR * noise * random.between(-1, 1));
    this.#jitterUs = Math.min(JITTER_MAX_US, JITTER_SHARE * this.#periodUs) * noise;
    this.#nominalUs = random.between(0, this.#periodUs);
    this.dueUs = this.#nominalUs;
  }

  /** Bits the waiting frame takes on the wire. */
  get bits(): number {
    return frameBits(this.#head, this.data);
  }

  /** Reads the sensors at `dueUs` and lets the frame wait; returns false where a fault keeps it from being sent. */
  sample(car: Vehicle): boolean {
    this.sampledUs = this.dueUs;
    this.#nominalUs += this.#periodUs;
    this.dueUs = this.#nominalUs + this.#jitterUs * this.#random.between(-1, 1);
    this.#pack(car);
    const { fault } = this.#unit;
    if (fault === undefined) return true;
    fault.lostUnits++;
    fault.lostSamples += this.samples;
    return false;
  }

  #pack(car: Vehicle): void {
    const { message, signals, multiplexer } = this.#layout;
    this.#low = 0;
    this.#high = 0;
    this.samples = 0;
    const page = this.#page;
    if (multiplexer !== undefined && message.multiplexer !== undefined) {
      this.#put(page, multiplexer.shift, message.multiplexer.bits);
      this.#page = (page + 1) % message.multiplexer.pages;
    }
    for (let i = 0; i < signals.length; i++) {
      const placed = signals[i];
      if (placed === undefined || (placed.signal.page !== undefined && placed.signal.page !== page)) continue;
      this.#put(this.#raw(i, car), placed.shift, placed.signal.bits);
      this.samples++;
    }
    this.#store(message.byteOrder === 'intel');
  }

  /** The raw number of a signal, as an unsigned number of its bits. */
  #raw(index: number, car: Vehicle): number {
    const signal = this.#layout.signals[index]?.signal;
    const range = this.#ranges[index];
    if (signal === undefined || range === undefined) return 0;
    const fault = this.#sensors[index]?.fault;
    if (fault !== undefined && this.#unit.fault === undefined) fault.wrongSamples++;
    if (fault?.kind === 'stuck') return this.#lastRaw[index] ?? 0;
    const noise = signal.noise === 0 ? 0 : signal.noise * this.#noise * this.#random.gaussian();
    const value = signal.read(car) + noise;
    let raw: number;
    if (signal.float) {
      floats[0] = value;
      raw = floatBits[0] ?? 0;
    } else {
      const { least, greatest } = range;
      raw = Math.min(greatest, Math.max(least, Math.round((value - signal.offset) / signal.gain)));
      if (fault?.kind === 'open-circuit') raw = greatest;
      if (raw < 0) raw += 2 ** signal.bits;
    }
    this.#lastRaw[index] = raw;
    return raw;
  }

  #put(raw: number, shift: number, bits: number): void {
    if (shift >= 32) {
      this.#high |= raw << (shift - 32);
      return;
    }
    this.#low |= raw << shift;
    if (shift + bits > 32 && shift > 0) this.#high |= raw >>> (32 - shift);
  }

  #store(intel: boolean): void {
    for (let i = 0; i < 4; i++) {
      const place = intel ? 8 * i : 24 - 8 * i;
      this.data[i] = (intel ? this.#low : this.#high) >>> place;
      this.data[i + 4] = (intel ? this.#high : this.#low) >>> place;
    }
  }
}
