import type { FaultSlot, Faults } from './faults.ts';
import { NOT_TAKEN, PackedFrameWriter } from './packed-frame.ts';
import type { Random } from './random.ts';
import { TYRE_ZONES } from './vehicle/parameters.ts';
import type { Vehicle } from './vehicle/vehicle.ts';

/** Pictures a second, pictures a frame, and the step of the sensor, degrees. */
export const CAMERA_RATE_HZ = 50;
export const CAMERA_PICTURES_A_FRAME = 5;
export const CAMERA_GAIN = 0.1;
/** Standard deviation of a zone's noise, degrees. */
export const CAMERA_NOISE = 0.35;

const PERIOD_US = 1e6 / CAMERA_RATE_HZ;
/** The picture clock trembles by this much; frames leave the camera this late. Microseconds. */
const JITTER_US = 400;
const LATENCY_US = [2500, 8000] as const;

/** Names of a camera's channels below its topic, from the inner shoulder outwards. */
export const CAMERA_CHANNELS: readonly string[] = Array.from({ length: TYRE_ZONES }, (_, zone) => {
  return `zone${String(zone + 1).padStart(2, '0')}`;
});

/** A line camera for infrared that looks at one tyre's tread and sends packed frames. */
export class TyreCamera {
  messages = 0;
  samples = 0;
  readonly #wheel: number;
  readonly #random: Random;
  readonly #noise: number;
  readonly #unit: FaultSlot;
  readonly #zones: readonly FaultSlot[];
  readonly #utcMs: (seconds: number) => number;
  readonly #onFrame: (sentUs: number, payload: Uint8Array) => void;
  readonly #writer = new PackedFrameWriter(CAMERA_CHANNELS, CAMERA_PICTURES_A_FRAME, PERIOD_US, CAMERA_GAIN, 0);
  readonly #raw = new Int16Array(TYRE_ZONES * CAMERA_PICTURES_A_FRAME);
  readonly #last = new Int16Array(TYRE_ZONES);
  #picture = 0;
  #phaseUs: number;
  #ready: { readonly sentUs: number; readonly payload: Uint8Array; readonly samples: number } | undefined;

  /**
   * @param name first part of the names of what can fail, such as `tyres/fl`
   * @param utcMs UTC of a second of simulation, milliseconds since 1970
   */
  constructor(
    name: string,
    wheel: number,
    random: Random,
    faults: Faults,
    noise: number,
    utcMs: (seconds: number) => number,
    onFrame: (sentUs: number, payload: Uint8Array) => void,
  ) {
    this.#wheel = wheel;
    this.#random = random;
    this.#noise = noise;
    this.#unit = faults.slot(name, ['silent']);
    this.#zones = CAMERA_CHANNELS.map((channel) => faults.slot(`${name}/${channel}`, ['open-circuit', 'stuck']));
    this.#utcMs = utcMs;
    this.#onFrame = onFrame;
    this.#phaseUs = random.between(0, PERIOD_US);
  }

  /** Takes the picture that is due before `endUs` and sends the frame that has left by then. */
  advance(car: Vehicle, endUs: number): void {
    const dueUs = this.#phaseUs + this.#picture * PERIOD_US;
    if (dueUs < endUs) this.#look(car, dueUs);
    if (this.#ready === undefined || this.#ready.sentUs > endUs) return;
    const { sentUs, payload, samples } = this.#ready;
    this.#ready = undefined;
    this.messages++;
    this.samples += samples;
    this.#onFrame(sentUs, payload);
  }

  #look(car: Vehicle, atUs: number): void {
    const row = this.#picture % CAMERA_PICTURES_A_FRAME;
    this.#picture++;
    for (let zone = 0; zone < TYRE_ZONES; zone++) this.#raw[row * TYRE_ZONES + zone] = this.#read(car, zone);
    if (row < CAMERA_PICTURES_A_FRAME - 1) return;
    this.#finish(atUs);
  }

  #read(car: Vehicle, zone: number): number {
    const fault = this.#zones[zone]?.fault;
    if (fault !== undefined && this.#unit.fault === undefined) {
      if (fault.kind === 'stuck') fault.wrongSamples++;
      else fault.lostSamples++;
    }
    if (fault?.kind === 'stuck') return this.#last[zone] ?? 0;
    if (fault !== undefined) return NOT_TAKEN;
    const surface = car.tyres.surface[this.#wheel * TYRE_ZONES + zone] ?? 0;
    const raw = Math.round((surface + CAMERA_NOISE * this.#noise * this.#random.gaussian()) / CAMERA_GAIN);
    this.#last[zone] = raw;
    return raw;
  }

  /** The last picture of a frame was taken at `atUs`. */
  #finish(atUs: number): void {
    const firstUs = atUs - (CAMERA_PICTURES_A_FRAME - 1) * PERIOD_US;
    const trembled = firstUs + JITTER_US * this.#noise * this.#random.between(-1, 1);
    const baseTimeUs = Math.round(this.#utcMs(trembled / 1e6) * 1000);
    const sentUs = atUs + this.#random.between(LATENCY_US[0], LATENCY_US[1]);
    const taken = this.#raw.reduce((count, raw) => count + (raw === NOT_TAKEN ? 0 : 1), 0);
    const { fault } = this.#unit;
    if (fault !== undefined) {
      fault.lostUnits++;
      fault.lostSamples += taken;
      return;
    }
    this.#ready = { sentUs, payload: this.#writer.write(baseTimeUs, this.#raw), samples: taken };
  }
}
