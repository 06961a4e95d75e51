import { closeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { native } from 'node-pty';
import { SerialPort } from 'serialport';
import { systemTimers, type Timers } from './timers.ts';
import { WriteQueue } from './write-queue.ts';

/**
 * The device's side of a pseudo terminal: what a simulated instrument writes here, a serial port opened at `path`
 * reads, and the other way round. Eight bits clean, no echo, no line editing.
 */
export interface Pty {
  /** Where the other side is opened, like `/dev/pts/7`; gone after `close`. */
  readonly path: string;
  /** Bytes dropped because nobody read them, see {@link Pty.write}. */
  readonly droppedBytes: number;
  /** Bytes of writes that the kernel has not taken yet: 0 while the other side reads, and for some KiB more. */
  readonly waitingBytes: number;

  /**
   * Sends all of `bytes` or none of it; false when they were dropped. What nobody reads is kept by the kernel (some
   * KiB), then here up to `WRITE_QUEUE_BYTES_MAX`; beyond that a write is dropped whole and counted, as a UART
   * loses what nobody takes. The bytes are taken over: do not change them afterwards.
   */
  write(bytes: Uint8Array): boolean;

  /** Takes what the other side sends; replaces the listener before. The array is the listener's to keep. */
  onData(listener: (bytes: Uint8Array) => void): void;

  /** Pulls the plug: the other side sees its device vanish. */
  close(): Promise<void>;
}

/** Makes a pseudo terminal pair. Rejects where the system has none left. */
export async function openPty(timers: Timers = systemTimers): Promise<Pty> {
  const { master, slave, pty: path } = openPair();
  try {
    await makeRaw(path);
  } catch (error) {
    closeSync(slave);
    closeSync(master);
    throw error;
  }
  return new MasterSide(path, master, slave, timers);
}

class MasterSide implements Pty {
  readonly path: string;
  droppedBytes = 0;
  readonly #stream: ReadStream;
  /** Kept open so that settings survive, and nobody reads an error, while the other side is closed. */
  readonly #slave: number;
  readonly #queue: WriteQueue;
  #listener: (bytes: Uint8Array) => void = () => {};
  #closing: Promise<void> | undefined;

  constructor(path: string, master: number, slave: number, timers: Timers) {
    this.path = path;
    this.#slave = slave;
    this.#queue = new WriteQueue(master, timers, () => {});
    this.#stream = new ReadStream(master);
    this.#stream.on('data', (bytes: Uint8Array) => this.#listener(bytes));
    // Linux reports the last close of the other side as an error of this one.
    this.#stream.on('error', () => {});
  }

  get waitingBytes(): number {
    return this.#queue.waitingBytes;
  }

  write(bytes: Uint8Array): boolean {
    const taken = this.#queue.write(bytes);
    if (!taken) this.droppedBytes += bytes.length;
    return taken;
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener;
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#listener = () => {};
      this.#queue.close();
      closeSync(this.#slave);
      this.#stream.once('close', () => resolve());
      this.#stream.destroy();
    });
    return this.#closing;
  }
}

interface Pair {
  readonly master: number;
  readonly slave: number;
  readonly pty: string;
}

declare module 'node-pty' {
  /** Left out of the package's own types. Null on Windows. */
  const native: { open(columns: number, rows: number): Pair } | null;
}

/** Only node-pty's native half gives both descriptors; its `open` keeps the slave and reads from it. */
function openPair(): Pair {
  if (native === null) throw new Error(`pseudo terminals are not supported on ${process.platform}`);
  return native.open(80, 24);
}

/** Opening by `serialport` sets raw mode, which stays while any descriptor is open. */
async function makeRaw(path: string): Promise<void> {
  const device = await SerialPort.binding.open({ path, baudRate: 115_200, lock: false });
  await device.close();
}
