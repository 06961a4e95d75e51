import type { BytePort, PortState } from '../serial/byte-port.ts';
import type { ReopeningOptions } from '../serial/reopening-port.ts';
import { openSerialPort } from '../serial/serial-port.ts';
import { systemTimers, type Timers } from '../serial/timers.ts';
import type { CanBus, CanBusListener } from './can-bus.ts';
import { FrameBatch } from './can-frame.ts';
import {
  encodeSlcanClose,
  encodeSlcanFrame,
  encodeSlcanOpen,
  SLCAN_CLEAR,
  SLCAN_LINE_BYTES_MAX,
  SlcanDecoder,
} from './slcan.ts';

export interface SlcanSettings {
  /** Of the bus, bit/s: one of SLCAN_BITRATES. */
  readonly bitrate: number;
  /** Of the data phase of CAN FD, bit/s: one of SLCAN_DATA_BITRATES; undefined: as the adapter has it. */
  readonly dataBitrate?: number;
  /** Neither acknowledges nor sends: invisible to the bus. */
  readonly listenOnly?: boolean;
}

/** Frames handed on at once; more of one read follow in further calls. */
const BATCH_FRAMES = 256;

/** How long an adapter has to answer what clears it, milliseconds: four lines at the slowest baud rate in use are a tenth of it. */
const CLEAR_MS = 200;

/** Speed of the line to the adapter, baud. USB adapters ignore it; it matters to those with a real UART. */
export const SLCAN_BAUD_RATE = 115_200;

/** An SLCAN adapter at a serial device. Throws a RangeError for a bit rate that it cannot have. */
export function openSlcanBus(
  settings: SlcanSettings & { readonly path: string; readonly baudRate?: number },
  options: ReopeningOptions = {},
): CanBus {
  const { path, baudRate = SLCAN_BAUD_RATE } = settings;
  return new SlcanBus(openSerialPort({ path, baudRate }, options), settings, options.timers);
}

/** CAN through an adapter that speaks SLCAN (LAWICEL ASCII) on any byte port. */
export class SlcanBus implements CanBus {
  readonly waits = false;
  readonly speed = 1;
  readonly interfaces: readonly string[] = ['can0'];
  readonly #port: BytePort;
  readonly #settings: SlcanSettings;
  readonly #decoder = new SlcanDecoder();
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  readonly #timers: Timers;
  #cancelOpening = () => {};
  #isOpen = false;

  constructor(port: BytePort, settings: SlcanSettings, timers: Timers = systemTimers) {
    encodeSlcanOpen(settings.bitrate, false, settings.dataBitrate);
    this.#port = port;
    this.#settings = settings;
    this.#timers = timers;
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#decoder.errors;
  }

  start(listener: CanBusListener): void {
    void this.#port.open(
      (bytes) => this.#take(bytes, listener),
      (state) => this.#follow(state, listener),
    );
  }

  send(id: number, flags: number, data: Uint8Array): boolean {
    if (!this.#isOpen || this.#settings.listenOnly === true) return false;
    const line = new Uint8Array(SLCAN_LINE_BYTES_MAX + 1);
    return this.#port.write(line.subarray(0, encodeSlcanFrame(line, 0, id, flags, data, 0, data.length)));
  }

  async stop(): Promise<void> {
    this.#cancelOpening();
    this.#isOpen = false;
    if (this.#port.state.kind === 'open') this.#port.write(encodeSlcanClose());
    await this.#port.close();
  }

  #take(bytes: Uint8Array, listener: CanBusListener): void {
    const batch = this.#batch;
    let at = 0;
    while (at < bytes.length) {
      batch.clear();
      at = this.#decoder.decode(bytes, at, batch);
      if (batch.count > 0) void listener.onFrames(batch, 0, batch.count);
    }
  }

  #follow(state: PortState, listener: CanBusListener): void {
    this.#cancelOpening();
    this.#isOpen = false;
    if (state.kind === 'waiting') listener.onState({ state: 'waiting', problem: state.problem });
    if (state.kind === 'ended') listener.onState({ state: 'ended' });
    if (state.kind !== 'open') return;
    this.#decoder.clear();
    this.#port.write(SLCAN_CLEAR);
    this.#cancelOpening = this.#timers.after(CLEAR_MS, () => {
      this.#decoder.cleared();
      const { bitrate, listenOnly = false, dataBitrate } = this.#settings;
      this.#port.write(encodeSlcanOpen(bitrate, listenOnly, dataBitrate));
      this.#isOpen = true;
      listener.onState({ state: 'open' });
    });
  }
}
