import { FrameBatch } from '../can/can-frame.ts';
import { SlcanAdapter } from '../can/slcan-adapter.ts';
import { openPty, type Pty } from '../serial/pty.ts';
import type { SentFrame } from './can-sender.ts';
import { LineOut } from './line-out.ts';

/** Frames handed on in one write; more of one tick follow in another. */
const BATCH_FRAMES = 128;
/** Bytes an adapter keeps for a host that does not read, some 300 ms of a bus, behind what the kernel keeps. */
const HELD_BYTES_MAX = 16 * 1024;

/** An SLCAN adapter on a pseudo terminal, between a simulated bus and whoever opens the terminal. */
export class SimulatedAdapter {
  /** Frames that were on the bus while no host had the channel open. */
  unheard = 0;
  readonly #pty: Pty;
  readonly #out: LineOut;
  readonly #adapter: SlcanAdapter;
  readonly #batch = new FrameBatch(BATCH_FRAMES);

  static async open(): Promise<SimulatedAdapter> {
    return new SimulatedAdapter(await openPty());
  }

  private constructor(pty: Pty) {
    this.#pty = pty;
    this.#out = new LineOut(pty, HELD_BYTES_MAX);
    this.#adapter = new SlcanAdapter((bytes) => this.#out.write(bytes));
    pty.onData((bytes) => this.#adapter.receive(bytes));
  }

  /** Where a host opens the adapter. */
  get path(): string {
    return this.#pty.path;
  }

  get isOpen(): boolean {
    return this.#adapter.isOpen;
  }

  /** Writes to the host that were dropped because it did not read. */
  get dropped(): number {
    return this.#out.dropped;
  }

  /** Takes a frame from the bus; it goes to the host with the next {@link SimulatedAdapter.flush}. */
  hear(frame: SentFrame): void {
    if (!this.#adapter.isOpen) {
      this.unheard++;
      return;
    }
    if (this.#batch.full) this.flush();
    this.#batch.add(frame.id, 0, frame.data, 0, frame.length);
  }

  /** Sends the frames heard since the last time. */
  flush(): void {
    const { count } = this.#batch;
    if (count > 0 && !this.#adapter.pass(this.#batch, 0, count)) this.unheard += count;
    this.#batch.clear();
    this.#out.flush();
  }

  close(): Promise<void> {
    return this.#pty.close();
  }
}
