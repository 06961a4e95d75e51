import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { UplinkStatus } from '../../gateway/status.ts';
import { type Address, formatAddress } from '../api/address.ts';
import { BackOff } from '../line/back-off.ts';
import { type Sleep, sleep } from '../line/sleep.ts';
import type { Caller } from '../trust/callers.ts';
import type { Identity } from '../trust/identity.ts';
import { dialSecure, LINE_PROTOCOL } from '../trust/secure-dial.ts';
import { readVerdict } from './line-verdict.ts';

/** How long a line must have lived for the back-off to begin anew, milliseconds: one that is taken and dropped is no success. */
const LIVED_MS = 30_000;

/**
 * A line on which nothing came for so long is given up, milliseconds: pings and their answers come three times as often. HTTP/2 whose pings
 * fail ends when its last write is done, for which TCP takes a quarter of an hour on a line that was cut without a word.
 */
const SILENT_MS = 60_000;

export interface LineDialerOptions {
  /** Central. */
  readonly address: Address;
  readonly identity: Identity;
  /** Serves gRPC over a line that central took. */
  readonly serve: (line: TLSSocket, caller: Caller, raw: Socket) => void;
  readonly sleep?: Sleep;
  /** SILENT_MS unless a test is in a hurry. */
  readonly silentMs?: number;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
  /** UTC, microseconds. */
  readonly utcNow: () => number;
}

/**
 * Hands central a line, for as long as it runs: dials, serves gRPC over the connection as if central had dialled, and dials again,
 * with back-off, when it is gone. That it is gone the pings of HTTP/2 tell within 30 s.
 */
export class LineDialer {
  readonly #options: LineDialerOptions;
  readonly #backOff: BackOff;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #line: TLSSocket | undefined;
  #status: Omit<UplinkStatus, 'address'>;

  constructor(options: LineDialerOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.random);
    this.#status = { state: 'dialling', since: options.utcNow(), lines: 0, failures: 0 };
  }

  /** Begins; returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when the line is closed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#line?.destroy();
    await this.#running;
  }

  status(): UplinkStatus {
    return { address: formatAddress(this.#options.address), ...this.#status };
  }

  async #run(): Promise<void> {
    const { sleep: rest = sleep } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const problem = await this.#hold(signal);
      if (signal.aborted) return;
      this.#become('waiting', problem);
      await rest(this.#backOff.next(), signal);
      this.#become('dialling', problem);
    }
  }

  /** One line from its beginning to its end; returns why it ended. */
  async #hold(signal: AbortSignal): Promise<string> {
    const { address, identity, serve } = this.#options;
    const where = formatAddress(address);
    try {
      const expected = { roles: ['central'] } as const;
      const { socket, raw, peer } = await dialSecure(address, {
        as: identity,
        expected,
        protocol: LINE_PROTOCOL,
        signal,
      });
      this.#line = socket;
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await readVerdict(socket, where).catch((error: unknown) => {
        socket.destroy();
        throw error;
      });
      const from = performance.now();
      serve(socket, { peer }, raw);
      this.#status = { ...this.#status, lines: this.#status.lines + 1 };
      this.#become('connected', undefined, peer.name);
      const silence = this.#silence(socket, raw);
      await closed;
      silence.stop();
      if (performance.now() - from >= LIVED_MS) this.#backOff.reset();
      return silence.isFound ? 'nothing came over the line, not even pings' : 'the line was cut';
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      this.#status = { ...this.#status, failures: this.#status.failures + 1 };
      return error.hint === undefined ? messageOf(error) : `${messageOf(error)}; ${error.hint}`;
    } finally {
      this.#line = undefined;
    }
  }

  /** Looks for one, and cuts the line then. */
  #silence(line: TLSSocket, raw: Socket): { readonly isFound: boolean; stop(): void } {
    const { silentMs = SILENT_MS } = this.#options;
    let [bytes, since, isFound] = [raw.bytesRead, performance.now(), false];
    const timer = setInterval(() => {
      if (raw.bytesRead !== bytes) {
        bytes = raw.bytesRead;
        since = performance.now();
      } else if (performance.now() - since >= silentMs) {
        isFound = true;
        line.destroy();
        raw.destroy();
      }
    }, silentMs / 4);
    timer.unref();
    return {
      get isFound() {
        return isFound;
      },
      stop: () => clearInterval(timer),
    };
  }

  #become(state: UplinkStatus['state'], problem: string | undefined, central?: string): void {
    const { lines, failures } = this.#status;
    this.#status = {
      ...{ state, since: this.#options.utcNow(), lines, failures },
      ...(problem !== undefined && { problem }),
      ...(central !== undefined && { central }),
    };
  }
}
