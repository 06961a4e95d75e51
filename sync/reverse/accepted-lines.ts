import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { CaissonError } from '../../gateway/errors.ts';
import { TelemetryClient } from '../api/client.ts';
import type { PullLine } from '../line/pull-line.ts';
import type { Arrival, Way } from '../line/way.ts';
import { WireMeter } from '../line/wire-meter.ts';
import type { Caller } from '../trust/callers.ts';
import { peerText } from '../trust/peer-name.ts';
import type { Peer } from '../trust/verify-peer.ts';
import { writeVerdict } from './line-verdict.ts';

/** Gateways that a central takes lines from. At the maximum: others are refused, and told so. */
const GATEWAYS_MAX = 4096;

/** Name of the line of a gateway that nobody expected. */
const REVERSE_LINE = 'reverse';

/** How long one that is refused may take to read why, milliseconds. */
const FAREWELL_MS = 2_000;

export interface AcceptedLinesOptions {
  /** Makes what pulls over the lines of a gateway that nobody expected, and starts with the first of them. */
  readonly pull: (gateway: string, way: Way<TelemetryClient> & DialledWay) => PullLine<TelemetryClient>;
  /** Central's own name, for those it refuses. */
  readonly name: string;
}

/** What pulls from a gateway that dials in. */
export interface AcceptedLine {
  readonly gateway: string;
  readonly line: PullLine<TelemetryClient>;
}

/** A way over the lines that one gateway hands over. */
export type DialledWay = Required<Pick<Way<TelemetryClient>, 'connect' | 'meter' | 'arrival'>>;

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

  /** Of those that nobody expected, by gateway, also where the line is gone at the moment. */
  get lines(): readonly AcceptedLine[] {
    return [...this.#gateways].flatMap(([gateway, { line }]) => (line === undefined ? [] : [{ gateway, line }]));
  }

  /** The way over the lines of a gateway, for who pulls from it over other lines as well. */
  expect(gateway: string, line: string): DialledWay {
    const known = this.#gateways.get(gateway) ?? new DialledGateway(gateway, line);
    this.#gateways.set(gateway, known);
    return known.way;
  }

  /** Takes a line over, or tells why not and closes it. @param raw the connection of TCP below, of which the bytes are counted */
  take(socket: TLSSocket, caller: Caller, raw?: Socket): void {
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
    const gateway = known ?? new DialledGateway(caller.peer.name, REVERSE_LINE, this.#options.pull);
    this.#gateways.set(caller.peer.name, gateway);
    gateway.take(socket, raw);
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
  /** Undefined where somebody else pulls. */
  readonly line: PullLine<TelemetryClient> | undefined;
  readonly way: DialledWay;
  readonly #name: string;
  readonly #lineName: string;
  readonly #meter = new WireMeter();
  readonly #waiting = new Set<() => void>();
  #socket: TLSSocket | undefined;
  /** A line that nothing was pulled over yet. */
  #fresh: TLSSocket | undefined;

  /** @param line its name @param pull undefined: somebody else pulls */
  constructor(name: string, line: string, pull?: AcceptedLinesOptions['pull']) {
    this.#name = name;
    this.#lineName = line;
    const arrival: Arrival = {
      isThere: () => this.#fresh !== undefined,
      onCome: (tell) => {
        this.#waiting.add(tell);
        return () => this.#waiting.delete(tell);
      },
    };
    this.way = { connect: () => this.#connect(), meter: this.#meter, arrival };
    this.line = pull?.(name, { name: line, ...this.way });
  }

  take(socket: TLSSocket, raw: Socket | undefined): void {
    this.#socket?.destroy();
    this.#socket = socket;
    this.#fresh = socket;
    if (raw !== undefined) this.#meter.add(raw);
    socket.once('close', () => {
      if (this.#fresh === socket) this.#fresh = undefined;
    });
    writeVerdict(socket, { taken: true });
    this.line?.start();
    for (const tell of this.#waiting) tell();
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    await this.line?.stop();
  }

  #connect(): TelemetryClient {
    const socket = this.#fresh;
    this.#fresh = undefined;
    const host = socket?.remoteAddress ?? this.#name;
    return new TelemetryClient(
      { host, port: socket?.remotePort ?? 0 },
      {
        isOneConnection: true,
        line: this.#lineName,
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
