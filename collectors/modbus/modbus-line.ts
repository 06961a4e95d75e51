import type { BytePort, PortState } from '../../hardware/serial/byte-port.ts';
import type { Timers } from '../../hardware/serial/timers.ts';
import type { ModbusFraming } from './framing.ts';

/** What became of a request. */
export type Outcome =
  /** The PDU that came back; valid only until the next request. */
  | { readonly kind: 'answer'; readonly pdu: Uint8Array }
  /** Time ran out; `skippedBytes` came that were no answer. */
  | { readonly kind: 'silence'; readonly skippedBytes: number }
  /** The port is not open, or was lost meanwhile. */
  | { readonly kind: 'lost' };

/** A port that carries one request at a time and waits for its answer. */
export class ModbusLine {
  readonly #port: BytePort;
  readonly #framing: ModbusFraming;
  readonly #timers: Timers;
  readonly #onOpen: () => void;
  #finish: ((outcome: Outcome) => void) | undefined;

  /** @param onOpen called whenever the port has opened */
  constructor(port: BytePort, framing: ModbusFraming, timers: Timers, onOpen: () => void) {
    this.#port = port;
    this.#framing = framing;
    this.#timers = timers;
    this.#onOpen = onOpen;
  }

  get name(): string {
    return this.#port.name;
  }

  get state(): PortState {
    return this.#port.state;
  }

  open(): Promise<void> {
    return this.#port.open(
      (bytes) => this.#take(bytes),
      (state) => this.#stateChanged(state),
    );
  }

  async close(): Promise<void> {
    this.#finish?.({ kind: 'lost' });
    await this.#port.close();
  }

  /** Sends a request; resolves with what became of it, always. One at a time. */
  request(unit: number, pdu: Uint8Array, timeoutMs: number): Promise<Outcome> {
    if (this.#finish !== undefined) throw new Error(`${this.name}: a request is under way`);
    const frame = this.#framing.request(unit, pdu);
    return new Promise((resolve) => {
      if (this.state.kind !== 'open' || !this.#port.write(frame)) {
        resolve({ kind: 'lost' });
        return;
      }
      const cancel = this.#timers.after(timeoutMs, () => {
        this.#finish?.({ kind: 'silence', skippedBytes: this.#framing.skippedBytes });
      });
      this.#finish = (outcome) => {
        cancel();
        this.#finish = undefined;
        resolve(outcome);
      };
    });
  }

  #take(bytes: Uint8Array): void {
    const pdu = this.#framing.take(bytes);
    if (pdu !== undefined) this.#finish?.({ kind: 'answer', pdu });
  }

  #stateChanged(state: PortState): void {
    this.#framing.reset();
    if (state.kind === 'open') this.#onOpen();
    else this.#finish?.({ kind: 'lost' });
  }
}
