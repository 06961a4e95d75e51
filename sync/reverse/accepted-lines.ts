import type { TLSSocket } from 'node:tls';
import { CaissonError } from '../../gateway/errors.ts';
import { TelemetryClient } from '../api/client.ts';
import type { PullLine, PullLineOptions } from '../line/pull-line.ts';
import type { Sleep } from '../line/sleep.ts';
import type { Caller } from '../trust/callers.ts';
import { peerText } from '../trust/peer-name.ts';
import type { Peer } from '../trust/verify-peer.ts';
import { writeVerdict } from './line-verdict.ts';

/** Gateways that a central takes lines from. At the maximum: others are refused, and told so. */
const GATEWAYS_MAX = 4096;

/** How long one that is refused may take to read why, milliseconds. */
const FAREWELL_MS = 2_000;

export interface AcceptedLinesOptions {
  /** Makes what pulls over the lines of one gateway, and starts with the first of them. */
  readonly pull: (options: Pick<PullLineOptions<TelemetryClient>, 'connect' | 'sleep'>) => PullLine;
  /** Central's own name, for those it refuses. */
  readonly name: string;
}

/** What pulls from a gateway that dials in. */
export interface AcceptedLine {
  readonly gateway: string;
  readonly line: PullLine;
}

/**
 * The lines that gateways hand over. Each gateway has one at a time: of two the newer is the live one, because the older is what
 * a box left behind that came back before anybody noticed it was gone.
 */
export class AcceptedLines {
  readonly #options: AcceptedLinesOptions;
  readonly #gateways = new Map<string, DialledGateway>();
  #isStopped = false;

  constructor(options: AcceptedLinesOptions) {
    this.#options = options;
  }

  /** By gateway, also those whose line is gone at the moment. */
  get lines(): readonly AcceptedLine[] {
    return [...this.#gateways].map(([gateway, { line }]) => ({ gateway, line }));
  }

  /** Takes a line over, or tells why not and closes it. */
  take(socket: TLSSocket, caller: Caller): void {
    const refusal = 'refusal' in caller ? caller.refusal : this.#refusalOf(caller.peer);
    if (refusal !== undefined) {
      const { code, message, hint } = refusal;
      const says = `central ${this.#options.name} does not take this line: ${message}`;
      writeVerdict(socket, { taken: false, code, message: says, ...(hint !== undefined && { hint }) });
      socket.end();
      setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
      return;
    }
    if (!('peer' in caller)) return;
    const known = this.#gateways.get(caller.peer.name);
    const gateway = known ?? new DialledGateway(caller.peer.name, this.#options.pull);
    this.#gateways.set(caller.peer.name, gateway);
    gateway.take(socket);
  }

  /** Resolves when nothing is pulled any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.stop()));
  }

  #refusalOf(peer: Peer): CaissonError | undefined {
    if (this.#isStopped) return new CaissonError('access-refused', 'it stops', { retryable: true });
    if (peer.role !== 'gateway') {
      return new CaissonError('access-refused', `it is of ${peerText(peer)}, and only gateways hand over lines`);
    }
    if (this.#gateways.size < GATEWAYS_MAX || this.#gateways.has(peer.name)) return undefined;
    return new CaissonError('access-refused', `${GATEWAYS_MAX} gateways dial in, no more can`, { retryable: true });
  }
}

/** One gateway that dials in: its line of the moment, and what pulls over it. */
class DialledGateway {
  readonly line: PullLine;
  readonly #name: string;
  #socket: TLSSocket | undefined;
  /** A line that nothing was pulled over yet. */
  #fresh: TLSSocket | undefined;
  #wake: (() => void) | undefined;

  constructor(name: string, pull: AcceptedLinesOptions['pull']) {
    this.#name = name;
    this.line = pull({ connect: () => this.#connect(), sleep: this.#untilDialled });
  }

  take(socket: TLSSocket): void {
    this.#socket?.destroy();
    this.#socket = socket;
    this.#fresh = socket;
    socket.once('close', () => {
      if (this.#fresh === socket) this.#fresh = undefined;
    });
    writeVerdict(socket, { taken: true });
    this.line.start();
    this.#wake?.();
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    await this.line.stop();
  }

  /** There is nothing to try before the gateway dials in again, and nothing to wait for when it has. */
  readonly #untilDialled: Sleep = async (_ms, signal) => {
    if (this.#fresh !== undefined || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  };

  #connect(): TelemetryClient {
    const socket = this.#fresh;
    this.#fresh = undefined;
    const host = socket?.remoteAddress ?? this.#name;
    return new TelemetryClient(
      { host, port: socket?.remotePort ?? 0 },
      {
        isOneConnection: true,
        peer: () => ({ role: 'gateway', gateway: this.#name }),
        open: async () => {
          if (socket !== undefined && !socket.destroyed) return socket;
          throw new CaissonError('central-unreachable', `gateway ${this.#name} has not dialled in again`, {
            retryable: true,
          });
        },
      },
    );
  }
}
