import type { BytePort, PortState } from '../../hardware/serial/byte-port.ts';
import { openLogPort } from '../../hardware/serial/log-port.ts';
import { openSerialPort } from '../../hardware/serial/serial-port.ts';
import {
  type Collector,
  type CollectorContext,
  CollectorCounters,
  type CollectorFactory,
  type CollectorHealth,
} from '../collector.ts';
import { GnssClock } from './gnss-clock.ts';
import { NmeaDecoder } from './nmea/decoder.ts';
import { NmeaFramer } from './nmea/framer.ts';
import { GnssTime } from './nmea/gnss-time.ts';
import type { Quantity } from './nmea/quantities.ts';
import { Selection } from './nmea/selection.ts';
import { type SerialConfig, type SerialSettings, serialSettings } from './serial-config.ts';

/** Sentence types that health names one by one; further ones are counted together. */
export const UNKNOWN_TYPES_MAX = 64;

/** Samples that must fit before more of a recording is read: the most that one of its pieces can hold. */
const RECORDING_ROOM_SAMPLES = 16_384;

/**
 * Bytes without a sentence among them from which on health says so: half a minute of a line at 4800 baud, a second of the
 * fastest. Other protocols on the wire send less between two sentences.
 */
export const NOISE_BYTES_MAX = 16 * 1024;

/** Time between two looks for room, milliseconds. */
const ROOM_INTERVAL_MS = 5;

/** NMEA 0183 from a serial port or a recording of one. */
export const createSerialCollector: CollectorFactory<SerialConfig> = (config, context) => {
  const settings = serialSettings(config);
  return new SerialCollector(settings, context, openPort(settings));
};

function openPort({ port }: SerialSettings): BytePort {
  if ('path' in port) return openSerialPort(port);
  return openLogPort({
    path: port.log,
    ...(port.baudRate === undefined ? {} : { bytesPerSecond: port.baudRate / 10 }),
  });
}

export class SerialCollector implements Collector {
  readonly #config: SerialSettings;
  readonly #context: CollectorContext;
  readonly #port: BytePort;
  readonly #prefix: string;
  readonly #counters = new CollectorCounters();
  readonly #framer: NmeaFramer;
  readonly #decoder = new NmeaDecoder();
  readonly #time = new GnssTime();
  readonly #selection = new Selection();
  readonly #channels = new Map<Quantity, number>();
  readonly #unknown = new Set<string>();
  /** Only a live receiver tells what time it is now. */
  readonly #gnssClock: GnssClock | undefined;
  readonly #isRecording: boolean;
  /** Bytes since the last sentence. */
  #noiseBytes = 0;
  /** Box time at which the bytes in hand were read. */
  #arrival = 0;
  #isStopped = false;

  constructor(config: SerialSettings, context: CollectorContext, port: BytePort) {
    this.#config = config;
    this.#context = context;
    this.#port = port;
    this.#prefix = config.prefix ?? context.source;
    this.#isRecording = 'log' in config.port;
    this.#gnssClock =
      'path' in config.port ? new GnssClock(config.port.baudRate, config.port.readIntervalMs) : undefined;
    this.#framer = new NmeaFramer(
      {
        sentence: (text, start) => this.#sentence(text, start),
        damaged: (reason) => {
          this.#seen();
          this.#counters.error(reason);
        },
      },
      config.checksum === 'required',
    );
  }

  async start(): Promise<void> {
    this.#isStopped = false;
    await this.#port.open(
      (bytes) => this.#take(bytes),
      (state) => this.#portState(state),
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#port.close();
  }

  health(): CollectorHealth {
    const { state } = this.#port;
    if (state.kind === 'waiting') return this.#counters.health('waiting', `${this.#port.name}: ${state.problem}`);
    if (state.kind === 'ended') {
      return this.#counters.health('stopped', state.problem && `${this.#port.name}: ${state.problem}`);
    }
    if (state.kind === 'closed') return this.#counters.health('stopped');
    if (this.#noiseBytes > NOISE_BYTES_MAX) {
      const problem = `no NMEA 0183 sentence in the last ${this.#noiseBytes} bytes; is the baudRate that of the device?`;
      return this.#counters.health('waiting', `${this.#port.name}: ${problem}`);
    }
    return this.#counters.health(this.#counters.samples === 0 ? 'starting' : 'running');
  }

  #portState(state: PortState): void {
    if (state.kind === 'ended') this.#publishing(() => this.#framer.end());
    else if (state.kind !== 'open') {
      this.#framer.reset();
      this.#noiseBytes = 0;
    }
  }

  #publishing(work: () => void): void {
    const before = this.#counters.samples;
    work();
    if (this.#counters.samples > before) this.#context.intake.publish();
  }

  #take(bytes: Uint8Array): void | Promise<void> {
    const { intake, clock } = this.#context;
    this.#arrival = clock.now();
    this.#noiseBytes += bytes.length;
    this.#publishing(() => this.#framer.feed(bytes));
    if (this.#isRecording && !intake.hasRoom(RECORDING_ROOM_SAMPLES)) return this.#room();
  }

  /** A recording can wait for the store; a device cannot, and what does not fit then is counted as lost. */
  async #room(): Promise<void> {
    while (!this.#isStopped && !this.#context.intake.hasRoom(RECORDING_ROOM_SAMPLES)) {
      await new Promise((resolve) => setTimeout(resolve, ROOM_INTERVAL_MS));
    }
  }

  #seen(): void {
    this.#counters.received += 1;
    this.#counters.lastSeen = this.#arrival;
  }

  #sentence(text: string, start: '$' | '!'): void {
    this.#noiseBytes = 0;
    this.#seen();
    const outcome = this.#decoder.decode(text);
    const { talker, type } = this.#decoder;
    if (this.#config.talkers.length > 0 && !this.#config.talkers.includes(talker)) return;
    if (outcome === 'unknown' || start === '!') {
      this.#countUnknown(type);
      return;
    }
    if (outcome === 'bad-field') this.#counters.error('bad-field');
    this.#time.take(this.#decoder.report);
    this.#observeClock(text.length);
    this.#push(talker + type);
  }

  #countUnknown(type: string): void {
    if (!this.#unknown.has(type) && this.#unknown.size < UNKNOWN_TYPES_MAX) this.#unknown.add(type);
    this.#counters.error(this.#unknown.has(type) ? `unknown ${type}` : 'unknown others');
  }

  #observeClock(bytes: number): void {
    const { isTimed } = this.#decoder.report;
    const { utc, isValid } = this.#time;
    if (!isTimed || !isValid || utc === undefined) return;
    const reading = this.#gnssClock?.take(utc, this.#arrival, bytes);
    if (reading !== undefined) this.#context.clock.observe(reading);
  }

  #push(address: string): void {
    const { quantities, values } = this.#decoder.report;
    let isWithoutUtc = false;
    let isDropped = false;
    for (let index = 0; index < quantities.length; index += 1) {
      const quantity = quantities[index];
      const value = values[index];
      if (quantity === undefined || value === undefined) continue;
      const time = this.#timeOf(quantity);
      if (time === undefined) isWithoutUtc = true;
      else if (this.#selection.takes(quantity, address, this.#time.epoch, this.#arrival)) {
        if (this.#context.intake.push(this.#channel(quantity), time, value)) this.#counters.samples += 1;
        else isDropped = true;
      }
    }
    if (isWithoutUtc) this.#counters.error('no-utc');
    if (isDropped) this.#counters.dropped += 1;
  }

  #isDeviceStamped(quantity: Quantity): boolean {
    return quantity.origin === 'fix' && this.#config.timestamp === 'device';
  }

  #timeOf(quantity: Quantity): number | undefined {
    return this.#isDeviceStamped(quantity) ? this.#time.utc : this.#arrival;
  }

  #channel(quantity: Quantity): number {
    const known = this.#channels.get(quantity);
    if (known !== undefined) return known;
    const { id } = this.#context.intake.channel({
      name: `${this.#prefix}/${quantity.path}`,
      source: this.#context.source,
      unit: quantity.unit,
      type: quantity.type,
      description: quantity.description,
      stamp: this.#isDeviceStamped(quantity) ? 'device' : 'arrival',
      ...(quantity.decimals === undefined ? {} : { decimals: quantity.decimals }),
      ...(quantity.labels === undefined ? {} : { labels: quantity.labels }),
    });
    this.#channels.set(quantity, id);
    return id;
  }
}
