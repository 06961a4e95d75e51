import { Buffer } from 'node:buffer';
import { readSync } from 'node:fs';
import type { SerialPort } from 'serialport';
import type { BytePort } from './byte-port.ts';
import { type Link, type LinkEvents, type ReopeningOptions, ReopeningPort } from './reopening-port.ts';
import { systemTimers, type Timers } from './timers.ts';
import { isFull, WriteQueue } from './write-queue.ts';

export interface SerialSettings {
  /** Device, best by its id, which survives another USB socket: `/dev/serial/by-id/usb-u-blox_...`. */
  readonly path: string;
  readonly baudRate: number;
  readonly dataBits?: 5 | 6 | 7 | 8;
  readonly parity?: 'none' | 'even' | 'odd';
  readonly stopBits?: 1 | 2;
  /** Hardware flow control. */
  readonly rtscts?: boolean;
  /**
   * Least time between two reads, milliseconds. Bytes after a pause are read at once; on a busy port this bounds the
   * number of wake-ups, and is what arrival times of bytes within it cannot tell apart.
   */
  readonly readIntervalMs?: number;
}

/** See {@link SerialSettings.readIntervalMs}. */
export const READ_INTERVAL_MS = 5;

/** Bytes of one read. A terminal holds 4 KiB ready; a read that finds half of it does not wait for the next. */
const READ_BYTES_MAX = 16 * 1024;
const READ_BUSY_BYTES = 2 * 1024;

/** A serial port of the machine, or the far end of a pseudo terminal. */
export function openSerialPort(settings: SerialSettings, options: ReopeningOptions = {}): BytePort {
  const timers = options.timers ?? systemTimers;
  return new ReopeningPort(settings.path, (events) => SerialLink.open(settings, events, timers), options);
}

type Device = Awaited<ReturnType<(typeof SerialPort)['binding']['open']>>;
type PolledDevice = Extract<Device, { poller: unknown }>;

/**
 * An open device. `serialport` sets it up and tells when it is readable; reading is done here, since its stream costs
 * a thread hop, a failed read and several promises for each piece: 11.6 % of a core where this costs 1.8 % (a pseudo
 * terminal carrying 130 kB/s in pieces of 27 bytes). Its reader also spins for ever on a device that was hung up.
 */
class SerialLink implements Link {
  readonly #device: PolledDevice;
  readonly #fd: number;
  readonly #events: LinkEvents;
  readonly #timers: Timers;
  readonly #intervalMs: number;
  readonly #queue: WriteQueue;
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES_MAX);
  #cancelRead: (() => void) | undefined;
  #over = false;
  #closed: Promise<void> = Promise.resolve();

  static async open(settings: SerialSettings, events: LinkEvents, timers: Timers): Promise<Link> {
    const { path, baudRate, dataBits = 8, parity = 'none', stopBits = 1, rtscts = false } = settings;
    // Loaded by those boxes alone that have a port.
    const { SerialPort } = await import('serialport');
    const device = await SerialPort.binding.open({ path, baudRate, dataBits, parity, stopBits, rtscts }).catch(explain);
    if (!('poller' in device) || device.fd === null) {
      await device.close();
      throw new Error(`${path}: serial ports are read on Linux and macOS only, this is ${process.platform}`);
    }
    return new SerialLink(device, device.fd, settings.readIntervalMs ?? READ_INTERVAL_MS, events, timers);
  }

  private constructor(device: PolledDevice, fd: number, intervalMs: number, events: LinkEvents, timers: Timers) {
    this.#device = device;
    this.#fd = fd;
    this.#intervalMs = intervalMs;
    this.#events = events;
    this.#timers = timers;
    this.#queue = new WriteQueue(fd, timers, (error) => this.#lose(error));
    this.#watch();
  }

  write(bytes: Uint8Array): boolean {
    return this.#queue.write(bytes);
  }

  close(): Promise<void> {
    if (this.#over) return this.#closed;
    // Before the device is closed, not after: closing calls whoever waits for it to be readable, in the same turn, and
    // the binding crashes the process when a device is closed twice.
    this.#over = true;
    this.#cancelRead?.();
    this.#queue.close();
    this.#closed = this.#device.close();
    return this.#closed;
  }

  #watch(): void {
    this.#cancelRead = undefined;
    this.#device.poller.once('readable', (error) => {
      if (this.#over) return;
      if (error === null) this.#read();
      else this.#lose(error);
    });
  }

  #read(): void {
    let length: number;
    try {
      length = readSync(this.#fd, this.#buffer);
    } catch (error) {
      if (isFull(error)) this.#watch();
      else this.#lose(error);
      return;
    }
    // A terminal that was hung up after it was called readable reads as ended.
    if (length === 0) {
      this.#lose(DISCONNECTED);
      return;
    }
    const taken = this.#events.data(this.#buffer.subarray(0, length));
    if (taken === undefined) this.#continue(length);
    else void taken.then(() => this.#continue(length));
  }

  #continue(length: number): void {
    if (this.#over) return;
    if (length >= READ_BUSY_BYTES || this.#intervalMs === 0) this.#watch();
    else this.#cancelRead = this.#timers.after(this.#intervalMs, () => this.#watch());
  }

  #lose(cause: unknown): void {
    if (this.#over) return;
    const problem = isHangUp(cause) ? DISCONNECTED : cause instanceof Error ? cause.message : String(cause);
    this.close().then(
      () => this.#events.lost(problem),
      () => this.#events.lost(problem),
    );
  }
}

const DISCONNECTED = 'the device was disconnected';

/** True for how a vanished device answers: to a read with EIO or ENXIO, to polling, by way of libuv, with EBADF. */
function isHangUp(cause: unknown): boolean {
  const { code, message } = cause instanceof Error ? (cause as NodeJS.ErrnoException) : {};
  return code === 'EIO' || code === 'ENXIO' || code === 'EBADF' || message === 'bad file descriptor';
}

/** Says what a person can do about a device that does not open. */
function explain(error: unknown): never {
  const message = (error instanceof Error ? error.message : String(error)).replace(/^Error: /, '');
  const hint = HINTS.find(([pattern]) => pattern.test(message))?.[1];
  throw new Error(hint === undefined ? message : `${message} (${hint})`, { cause: error });
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/permission denied/i, 'the user needs to be in the group that owns the device, usually dialout'],
  [/no such file/i, 'is it plugged in? devices are listed in /dev/serial/by-id'],
  [/cannot lock|temporarily unavailable|busy/i, 'another program has it open'],
];
