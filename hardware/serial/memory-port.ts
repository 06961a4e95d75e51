import type { BytePort } from './byte-port.ts';
import { type Link, type LinkEvents, type ReopeningOptions, ReopeningPort } from './reopening-port.ts';

/** Bytes the far end keeps of what was written to it. At the maximum: further writes are dropped and counted. */
export const MEMORY_WIRE_BYTES_MAX = 1 << 20;

/** A wire in memory: the twin of a device for tests and simulation in one process. It can be plugged in and pulled. */
export class MemoryWire {
  readonly name: string;
  #plugged = true;
  #events: LinkEvents | undefined;
  #written: Uint8Array[] = [];
  #writtenBytes = 0;

  constructor(name = 'memory') {
    this.name = name;
  }

  /** The near end: a port that opens this wire. */
  port(options: ReopeningOptions = {}): BytePort {
    return new ReopeningPort(this.name, (events) => this.#connect(events), options);
  }

  /** True while the near end is open. */
  get isOpen(): boolean {
    return this.#events !== undefined;
  }

  /** Lets the near end read `bytes`; false when it is not open, and they are gone. Settles when they were taken. */
  async send(bytes: Uint8Array): Promise<boolean> {
    if (this.#events === undefined || bytes.length === 0) return this.#events !== undefined;
    await this.#events.data(bytes);
    return true;
  }

  /** Says that nothing more will come, as at the end of a recording. */
  end(): void {
    this.#drop()?.ended();
  }

  plug(): void {
    this.#plugged = true;
  }

  unplug(): void {
    this.#plugged = false;
    this.#drop()?.lost('the wire was unplugged');
  }

  /** What the near end wrote since the last call. */
  takeWritten(): Uint8Array[] {
    const written = this.#written;
    this.#written = [];
    this.#writtenBytes = 0;
    return written;
  }

  async #connect(events: LinkEvents): Promise<Link> {
    if (!this.#plugged) throw new Error(`${this.name}: nothing is plugged in`);
    if (this.#events !== undefined) throw new Error(`${this.name}: open already`);
    this.#events = events;
    return {
      write: (bytes) => this.#take(bytes),
      close: async () => {
        this.#events = undefined;
      },
    };
  }

  #take(bytes: Uint8Array): boolean {
    if (this.#events === undefined || this.#writtenBytes + bytes.length > MEMORY_WIRE_BYTES_MAX) return false;
    this.#written.push(bytes);
    this.#writtenBytes += bytes.length;
    return true;
  }

  #drop(): LinkEvents | undefined {
    const events = this.#events;
    this.#events = undefined;
    return events;
  }
}
