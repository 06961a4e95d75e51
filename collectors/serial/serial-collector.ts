import { textRoom } from '../../gateway/intake.ts';
import { absenceOf, type BytePort, type PortState } from '../../hardware/serial/byte-port.ts';
import { openLogPort } from '../../hardware/serial/log-port.ts';
import { openSerialPort } from '../../hardware/serial/serial-port.ts';
import { openTcpPort } from '../../hardware/serial/tcp-port.ts';
import {
  type Collector,
  type CollectorContext,
  CollectorCounters,
  type CollectorFactory,
  type CollectorHealth,
} from '../collector.ts';
import { GnssClock } from '../gnss-clock.ts';
import { RawChannel, rawChannelName, rawClass } from '../raw-channel.ts';
import { makeDecoding } from './make-decoding.ts';
import { type RawCut, RawLines } from './raw-lines.ts';
import { type SerialConfig, type SerialSettings, serialSettings } from './serial-config.ts';
import { UBX_PAYLOAD_BYTES_MAX } from './ubx/gnss-stream.ts';
import type { WireDecoding } from './wire-decoding.ts';

/** Samples that must fit before more of a recording is read: the most that one of its pieces, of 64 KiB, can hold. */
const RECORDING_ROOM_SAMPLES = 24_576;

/** The same for the piece itself, kept raw: every byte may end a line. */
const RAW_RECORDING_ROOM_SAMPLES = 64 * 1024 * textRoom(2);

/** The same for the UBX messages in it, of which every byte may be escaped, and the one that began before it. */
const MESSAGES_RECORDING_ROOM_SAMPLES = textRoom(4 * (64 * 1024 + UBX_PAYLOAD_BYTES_MAX));

/**
 * Bytes without a whole unit among them from which on health says so: half a minute of a line at 4800 baud, a second of the
 * fastest. What shares the wire sends less between two of them.
 */
export const NOISE_BYTES_MAX = 16 * 1024;

/** Time between two looks for room, milliseconds. */
const ROOM_INTERVAL_MS = 5;

/** How what comes from a wire is cut into raw samples, by what it speaks. */
const RAW_CUTS: Readonly<Record<SerialSettings['protocol'], RawCut>> = {
  nmea: 'lines',
  ubx: 'reads',
  mixed: 'reads',
  vedirect: 'reads',
  lines: 'lines',
  'line-protocol': 'lines',
  framed: 'reads',
  shdr: 'lines',
};

/** What speaks one of the serial protocols, at a port or in a recording of one. */
export const createSerialCollector: CollectorFactory<SerialConfig> = (config, context) => {
  const settings = serialSettings(config);
  return new SerialCollector(settings, context, openPort(settings));
};

function recordingRoom({ raw, messages }: SerialSettings): number {
  const rawRoom = rawClass(raw) === undefined ? 0 : RAW_RECORDING_ROOM_SAMPLES;
  return RECORDING_ROOM_SAMPLES + rawRoom + (messages.length === 0 ? 0 : MESSAGES_RECORDING_ROOM_SAMPLES);
}

function openPort({ port }: SerialSettings): BytePort {
  if ('path' in port) return openSerialPort(port);
  if ('host' in port) return openTcpPort(port);
  return openLogPort({
    path: port.log,
    ...(port.baudRate === undefined ? {} : { bytesPerSecond: port.baudRate / 10 }),
  });
}

export class SerialCollector implements Collector {
  readonly #context: CollectorContext;
  readonly #port: BytePort;
  readonly #counters = new CollectorCounters();
  readonly #decoding: WireDecoding;
  readonly #raw: RawLines | undefined;
  /** Only a live receiver tells what time it is now. */
  readonly #gnssClock: GnssClock | undefined;
  /** Samples that must fit before more is read; 0 where reading cannot wait. */
  readonly #room: number;
  /** Bytes since the last unit that came whole. */
  #noiseBytes = 0;
  /** Box time at which the bytes in hand were read. */
  #arrival = 0;
  #isStopped = false;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(config: SerialSettings, context: CollectorContext, port: BytePort) {
    this.#context = context;
    this.#port = port;
    this.#raw = this.#rawLines(config);
    const isRecording = 'log' in config.port;
    this.#room = isRecording ? recordingRoom(config) : 0;
    this.#gnssClock =
      'path' in config.port ? new GnssClock(config.port.baudRate, config.port.readIntervalMs) : undefined;
    this.#decoding = makeDecoding(config, context.source, context.intake, this.#counters, {
      understood: () => {
        this.#noiseBytes = 0;
      },
      fix: (utc, bytes) => {
        const reading = this.#gnssClock?.take(utc, this.#arrival, bytes);
        if (reading !== undefined) context.clock.observe(reading);
      },
    });
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
    clearInterval(this.#heartbeat);
    await this.#port.close();
    this.#publishing(() => {
      this.#raw?.lost();
      this.#decoding.lost();
    });
  }

  health(): CollectorHealth {
    const { state } = this.#port;
    const absence = absenceOf(state);
    if (absence !== undefined) return this.#counters.health('waiting', `${this.#port.name}: ${absence}`);
    if (state.kind === 'ended') {
      return this.#counters.health('stopped', state.problem && `${this.#port.name}: ${state.problem}`);
    }
    if (state.kind === 'closed') return this.#counters.health('stopped');
    if (this.#noiseBytes > NOISE_BYTES_MAX) {
      const problem = `no ${this.#decoding.unit} in the last ${this.#noiseBytes} bytes; is the baudRate that of the device, and the protocol what it speaks?`;
      return this.#counters.health('waiting', `${this.#port.name}: ${problem}`);
    }
    return this.#counters.health(this.#counters.samples === 0 ? 'starting' : 'running');
  }

  #rawLines({ raw: config, protocol }: SerialSettings): RawLines | undefined {
    const ofClass = rawClass(config);
    if (ofClass === undefined) return undefined;
    const { source, intake } = this.#context;
    const cut = RAW_CUTS[protocol];
    const piece = cut === 'lines' ? 'a line' : 'a read';
    const description = `bytes as they came, ${piece} a sample, what is not printable escaped as in C`;
    const raw = new RawChannel(intake, {
      source,
      name: rawChannelName(source),
      class: ofClass,
      stamp: 'arrival',
      description,
    });
    return new RawLines((text) => {
      if (raw.push(this.#arrival, text)) this.#counters.samples += 1;
      else this.#counters.dropped += 1;
    }, cut);
  }

  #portState(state: PortState): void {
    clearInterval(this.#heartbeat);
    if (state.kind === 'open') {
      this.#beat();
      return;
    }
    this.#publishing(() => {
      if (state.kind === 'ended') {
        this.#raw?.end();
        this.#decoding.end();
      } else {
        this.#raw?.lost();
        this.#decoding.lost();
        this.#noiseBytes = 0;
      }
    });
  }

  /** Says what the far end wants to hear, now and again and again. */
  #beat(): void {
    const { heartbeat } = this.#decoding;
    if (heartbeat === undefined) return;
    this.#port.write(heartbeat.bytes);
    this.#heartbeat = setInterval(() => this.#port.write(heartbeat.bytes), heartbeat.everyMs);
    this.#heartbeat.unref();
  }

  #publishing(work: () => void): void {
    const before = this.#counters.samples;
    work();
    if (this.#counters.samples > before) this.#context.intake.publish();
  }

  #take(bytes: Uint8Array): void | Promise<void> {
    this.#arrival = this.#context.clock.now();
    this.#noiseBytes += bytes.length;
    this.#publishing(() => {
      this.#raw?.feed(bytes);
      this.#decoding.feed(bytes, this.#arrival);
    });
    if (this.#room > 0 && !this.#context.intake.hasRoom(this.#room)) return this.#awaitRoom();
  }

  /** A recording can wait for the store; a device cannot, and what does not fit then is counted as lost. */
  async #awaitRoom(): Promise<void> {
    while (!this.#isStopped && !this.#context.intake.hasRoom(this.#room)) {
      await new Promise((resolve) => setTimeout(resolve, ROOM_INTERVAL_MS));
    }
  }
}
