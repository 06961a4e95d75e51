import type { BytePort, PortState } from '../../serial/byte-port.ts';
import type { ReopeningOptions } from '../../serial/reopening-port.ts';
import { openSerialPort } from '../../serial/serial-port.ts';
import { openTcpPort } from '../../serial/tcp-port.ts';
import { systemTimers, type Timers } from '../../serial/timers.ts';
import { type CanBus, type CanBusListener, type CanBusStatus, ReasonCounts } from '../can-bus.ts';
import { FRAME_FD, FRAME_REMOTE, FrameBatch } from '../can-frame.ts';
import {
  encodeGvretSend,
  encodeGvretSetup,
  GVRET_ASK_BUSES,
  GVRET_HELLO,
  GVRET_KEEP_ALIVE,
  type GvretAnswer,
  type GvretBusSetup,
  type GvretBusState,
  GvretDecoder,
} from './gvret.ts';

/** Where an adapter listens on the network, and the speed of the line to one with a real UART, baud. */
export const GVRET_TCP_PORT = 23;
export const GVRET_BAUD_RATE = 1_000_000;

/** Frames handed on at once; more of one read follow in further calls. */
const BATCH_FRAMES = 256;
const CLASSIC_BYTES_MAX = 8;

/** Time between two questions whether the adapter is there, milliseconds, and how many may stay unanswered. */
const KEEP_ALIVE_MS = 1000;
const UNANSWERED_MAX = 5;

export interface GvretSettings {
  /** How the first two buses are to be set up; undefined: as they are. A second that is not named is switched off. */
  readonly setup?: readonly [GvretBusSetup, GvretBusSetup?];
}

/** A GVRET adapter at a serial device. */
export function openGvretSerial(
  settings: GvretSettings & { readonly path: string; readonly baudRate: number },
  options: ReopeningOptions = {},
): CanBus {
  const { path, baudRate } = settings;
  return new GvretBus(openSerialPort({ path, baudRate }, options), settings, options.timers);
}

/** A GVRET adapter on the network. */
export function openGvretTcp(
  settings: GvretSettings & { readonly host: string; readonly port: number },
  options: ReopeningOptions = {},
): CanBus {
  const { host, port } = settings;
  return new GvretBus(openTcpPort({ host, port }, options), settings, options.timers);
}

/**
 * The buses of an adapter that speaks GVRET, on any byte port: `can0`, `can1` and so on. An adapter that does not
 * answer is asked again every second, as it may have been reset by the opening of its port.
 */
export class GvretBus implements CanBus {
  readonly waits = false;
  readonly speed = 1;
  readonly #port: BytePort;
  readonly #setup: GvretSettings['setup'];
  readonly #timers: Timers;
  readonly #reasons = new ReasonCounts();
  readonly #decoder = new GvretDecoder(this.#reasons, (answer) => this.#answer(answer));
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  #listener: CanBusListener | undefined;
  #isOpen = false;
  /** Questions since the adapter was last heard. */
  #unanswered = 0;
  #cancelKeepAlive: () => void = () => {};
  #buses: readonly GvretBusState[] = [];

  constructor(port: BytePort, { setup }: GvretSettings, timers: Timers = systemTimers) {
    this.#port = port;
    this.#setup = setup;
    this.#timers = timers;
  }

  get interfaces(): readonly string[] {
    return this.#decoder.interfaces.names;
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#reasons.counts;
  }

  statusOf(index: number): CanBusStatus | undefined {
    const bus = this.#buses[Number(this.interfaces[index]?.slice('can'.length))];
    if (bus === undefined) return undefined;
    return { lost: undefined, controller: undefined, bitrate: bus.bitrate, dataBitrate: undefined };
  }

  start(listener: CanBusListener): void {
    this.#listener = listener;
    void this.#port.open(
      (bytes) => this.#take(bytes, listener),
      (state) => this.#follow(state, listener),
    );
  }

  /** Onto the first bus. */
  send(id: number, flags: number, data: Uint8Array): boolean {
    const isPossible = data.length <= CLASSIC_BYTES_MAX && (flags & (FRAME_FD | FRAME_REMOTE)) === 0;
    if (!this.#isOpen || !isPossible || this.#setup?.[0].listenOnly === true) return false;
    return this.#port.write(encodeGvretSend(0, id, flags, data));
  }

  async stop(): Promise<void> {
    this.#cancelKeepAlive();
    this.#isOpen = false;
    await this.#port.close();
    this.#listener = undefined;
  }

  #take(bytes: Uint8Array, listener: CanBusListener): void {
    const batch = this.#batch;
    this.#decoder.feed(bytes);
    for (let isMore = true; isMore; ) {
      batch.clear();
      isMore = this.#decoder.read(batch);
      if (batch.count === 0) continue;
      this.#hear();
      void listener.onFrames(batch, 0, batch.count);
    }
  }

  #answer(answer: GvretAnswer): void {
    if (answer.kind === 'buses') {
      this.#buses = answer.buses;
      if (this.#isOpen && !this.#isAsSetUp(answer.buses)) this.#reasons.add('setup-refused');
    }
    this.#hear();
  }

  #isAsSetUp(buses: readonly GvretBusState[]): boolean {
    return (this.#setup ?? []).every((wanted, index) => {
      const is = buses[index];
      return wanted === undefined || (is?.isEnabled === true && is.bitrate === wanted.bitrate);
    });
  }

  /** The adapter is there: what has to be set up is told to it once. */
  #hear(): void {
    this.#unanswered = 0;
    if (this.#isOpen) return;
    this.#isOpen = true;
    if (this.#setup !== undefined) this.#port.write(encodeGvretSetup(...this.#setup));
    this.#port.write(GVRET_ASK_BUSES);
    this.#listener?.onState({ state: 'open' });
  }

  #follow(state: PortState, listener: CanBusListener): void {
    this.#cancelKeepAlive();
    this.#isOpen = false;
    this.#buses = [];
    if (state.kind === 'ended') listener.onState({ state: 'ended' });
    if (state.kind === 'waiting') listener.onState({ state: 'waiting', problem: state.problem });
    if (state.kind !== 'open') return;
    this.#decoder.reset();
    listener.onState({ state: 'waiting', problem: 'no answer yet: is it an adapter that speaks GVRET?' });
    this.#ask();
  }

  #ask(): void {
    if (this.#unanswered >= UNANSWERED_MAX && this.#isOpen) {
      this.#isOpen = false;
      const problem = `the adapter has not answered for ${(UNANSWERED_MAX * KEEP_ALIVE_MS) / 1e3} s`;
      this.#listener?.onState({ state: 'waiting', problem });
    }
    this.#unanswered += 1;
    this.#port.write(this.#isOpen ? GVRET_KEEP_ALIVE : GVRET_HELLO);
    this.#cancelKeepAlive = this.#timers.after(KEEP_ALIVE_MS, () => this.#ask());
  }
}
