import type { BytePort, PortState } from '../serial/byte-port.ts';
import type { ReopeningOptions } from '../serial/reopening-port.ts';
import { openTcpPort } from '../serial/tcp-port.ts';
import type { CanBus, CanBusListener } from './can-bus.ts';
import { FD_LENGTHS, FRAME_FD, FrameBatch } from './can-frame.ts';
import {
  encodeSocketcandOpen,
  encodeSocketcandSend,
  SOCKETCAND_RAW_MODE,
  type SocketcandAnswer,
  SocketcandDecoder,
} from './socketcand.ts';

/** Where socketcand listens unless it is told otherwise. */
export const SOCKETCAND_PORT = 29_536;

/** Frames handed on at once; more of one read follow in further calls. */
const BATCH_FRAMES = 256;
const CLASSIC_BYTES_MAX = 8;

/** How far the daemon has been brought. */
type Step = 'connected' | 'greeted' | 'opened' | 'raw';

/** A CAN bus of another machine, which runs socketcand. */
export function openSocketcandBus(
  { host, port, name }: { readonly host: string; readonly port: number; readonly name: string },
  options: ReopeningOptions = {},
): CanBus {
  return new SocketcandBus(openTcpPort({ host, port }, options), name);
}

/** CAN through socketcand on any byte port. It gives up a bus that is refused by closing the connection, which is made again. */
export class SocketcandBus implements CanBus {
  readonly waits = false;
  readonly speed = 1;
  readonly interfaces: readonly string[];
  readonly #port: BytePort;
  readonly #name: string;
  readonly #decoder = new SocketcandDecoder((answer) => this.#answer(answer));
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  #listener: CanBusListener | undefined;
  #step: Step = 'connected';
  /** Why the daemon refused what was asked for last. */
  #refusal: string | undefined;

  /** @param name of the bus there, such as `can0` */
  constructor(port: BytePort, name: string) {
    this.#port = port;
    this.#name = name;
    this.interfaces = [name];
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#decoder.errors;
  }

  start(listener: CanBusListener): void {
    this.#listener = listener;
    void this.#port.open(
      (bytes) => this.#take(bytes, listener),
      (state) => this.#follow(state, listener),
    );
  }

  send(id: number, flags: number, data: Uint8Array): boolean {
    const isFd = (flags & FRAME_FD) !== 0;
    if (this.#step !== 'raw' || !(isFd ? FD_LENGTHS.includes(data.length) : data.length <= CLASSIC_BYTES_MAX))
      return false;
    return this.#port.write(encodeSocketcandSend(id, flags, data));
  }

  async stop(): Promise<void> {
    this.#step = 'connected';
    await this.#port.close();
    this.#listener = undefined;
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
    if (state.kind !== 'open') this.#step = 'connected';
    if (state.kind === 'ended') listener.onState({ state: 'ended' });
    if (state.kind === 'waiting') listener.onState({ state: 'waiting', problem: this.#refusal ?? state.problem });
    if (state.kind !== 'open') return;
    this.#decoder.reset();
    this.#refusal = undefined;
    listener.onState({ state: 'waiting', problem: `socketcand has not opened ${this.#name} yet` });
  }

  #answer(answer: SocketcandAnswer): void {
    if (answer.kind === 'refused') {
      this.#refusal = `socketcand refused ${this.#name}: ${answer.reason}`;
      this.#listener?.onState({ state: 'waiting', problem: this.#refusal });
    } else if (answer.kind === 'hi' && this.#step === 'connected') {
      this.#step = 'greeted';
      this.#port.write(encodeSocketcandOpen(this.#name));
    } else if (answer.kind === 'ok' && this.#step === 'greeted') {
      this.#step = 'opened';
      this.#port.write(SOCKETCAND_RAW_MODE);
    } else if (answer.kind === 'ok' && this.#step === 'opened') {
      this.#step = 'raw';
      this.#listener?.onState({ state: 'open' });
    }
  }
}
