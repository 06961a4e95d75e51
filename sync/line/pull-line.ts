import { CaissonError, type ErrorCode, messageOf } from '../../gateway/errors.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import type { PullBatch } from '../api/pull-batch.ts';
import type { TransferRequest } from '../api/transfer-pull.ts';
import type { SignedReceipt } from '../receipts/receipt.ts';
import { acknowledging, type KeptAnswer, type KeptWord } from './acknowledging.ts';
import { BackOff } from './back-off.ts';
import { LoopLag } from './loop-lag.ts';
import { Pacer, type PacerState } from './pacer.ts';
import { PackAssembly } from './pack-assembly.ts';
import { type Sleep, sleep } from './sleep.ts';

/** Times an item is asked for again when it is refused. Then it is left out, so that what stands behind it still comes. */
const REFUSALS_MAX = 3;

/** How often the other end is told what was kept, milliseconds: late enough to cost nothing. */
const ACKNOWLEDGE_MS = 5_000;

/** Who is at the other end. */
export type Peer = Pick<GatewayStatus, 'role' | 'gateway'>;

/** What a line needs of a client; `TelemetryClient` has it. One is made for each attempt. */
export interface PullClient {
  status(): Promise<GatewayStatus>;
  transfer(request: TransferRequest, signal: AbortSignal): AsyncIterable<PullBatch>;
  acknowledge(word: KeptWord): Promise<KeptAnswer>;
  close(): void;
}

/** An item that was not kept; everything before it was. */
export interface Refusal {
  readonly position: number;
  readonly error: CaissonError;
}

export interface KeepResult {
  /** Samples that are new. */
  readonly samples: number;
  readonly refusal?: Refusal;
}

/** Where a line brings what it pulled. Calls resolve when everything is durable, together with how far it goes. */
export interface PullSink {
  /** Where to go on with that peer's feed. */
  resume(peer: Peer): Promise<{ readonly feed: string; readonly after: number }>;
  /** Keeps a batch, each item once. */
  keep(peer: Peer, batch: PullBatch): Promise<KeepResult>;
  /** Gives up an item that was refused. */
  skip(peer: Peer, feed: string, position: number): Promise<void>;
  /** Signs what is here of what a peer wants to have proven. Missing where nothing can be signed. */
  prove?(peer: Peer, wanted: Uint8Array): Promise<SignedReceipt>;
}

export interface PullLineOptions<Client extends PullClient = PullClient> {
  /** Makes the client of one attempt. */
  connect(): Client;
  /** Does what else there is to be done over a connection, from when the other end has said how it does; returns what ends that. */
  attend?(client: Client, status: GatewayStatus): () => void;
  readonly sink: PullSink;
  /** Name under which the other end is told what was kept. */
  readonly follower: string;
  /** Of the line at most, bytes a second; undefined: what it gives. */
  readonly capBytesPerS?: number | undefined;
  /** ACKNOWLEDGE_MS unless a test is in a hurry. */
  readonly acknowledgeMs?: number;
  readonly sleep?: Sleep;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
  /** Told of what a person should know. */
  readonly onProblem?: (text: string) => void;
}

export interface PullLineHealth {
  readonly state: 'starting' | 'running' | 'waiting' | 'stopped';
  /** Why it waits. */
  readonly problem?: string;
  /** Known after the first contact. */
  readonly peer?: Peer;
  /** Items received, also those received before. */
  readonly items: number;
  /** New samples kept. */
  readonly samples: number;
  readonly connections: number;
  /** Failed attempts, cuts and refused items, by code. */
  readonly errors: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Items given up. */
  readonly skipped: number;
  /** True when the other end had nothing more at the last look. */
  readonly complete: boolean;
  /** What its pacer found; undefined before the first contact. */
  readonly pace: PacerState | undefined;
}

/**
 * Follows the feed of one gateway or central for as long as it runs: connects, goes on where the sink stands, keeps what
 * comes, and after a cut begins again with bounded back-off.
 */
export class PullLine<Client extends PullClient = PullClient> {
  readonly #options: PullLineOptions<Client>;
  readonly #sleep: Sleep;
  readonly #backOff: BackOff;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #state: PullLineHealth['state'] = 'starting';
  #problem: string | undefined;
  #peer: Peer | undefined;
  #items = 0;
  #samples = 0;
  #connections = 0;
  #skipped = 0;
  #complete = false;
  readonly #errors: Partial<Record<ErrorCode, number>> = {};
  #refused = { feed: '', position: -1, times: 0 };
  #pacer: Pacer | undefined;
  readonly #assembly = new PackAssembly();
  readonly #lag = new LoopLag();

  constructor(options: PullLineOptions<Client>) {
    this.#options = options;
    this.#sleep = options.sleep ?? sleep;
    this.#backOff = new BackOff(options.random);
  }

  /** Begins; returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is kept any more and the connection is closed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#state = 'stopped';
  }

  health(): PullLineHealth {
    return {
      state: this.#state,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
      ...(this.#peer === undefined ? {} : { peer: this.#peer }),
      items: this.#items,
      samples: this.#samples,
      connections: this.#connections,
      errors: { ...this.#errors },
      skipped: this.#skipped,
      complete: this.#complete,
      pace: this.#pacer?.state,
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      let leastMs: number | undefined;
      try {
        await this.#follow(signal);
        this.#wait('the other end closed the connection');
      } catch (error) {
        this.#count(error instanceof CaissonError ? error.code : 'store-failed');
        if (error instanceof CaissonError) leastMs = error.retryAfterMs;
        this.#wait(messageOf(error));
      }
      if (!signal.aborted) await this.#sleep(this.#backOff.next(leastMs), signal);
    }
  }

  /** One connection, from its beginning to its end. */
  async #follow(signal: AbortSignal): Promise<void> {
    const client = this.#options.connect();
    this.#lag.start();
    let stopTelling = () => {};
    let stopAttending = () => {};
    try {
      const peer = await client.status();
      if (signal.aborted) return;
      this.#peer = peer;
      stopAttending = this.#options.attend?.(client, peer) ?? stopAttending;
      this.#connections += 1;
      const { feed, after } = await this.#options.sink.resume(peer);
      stopTelling = this.#acknowledging(client, peer);
      const pacer = new Pacer({ capBytesPerS: this.#options.capBytesPerS, earlier: this.#pacer?.state });
      this.#pacer = pacer;
      for await (const batch of client.transfer(
        { feed, after, pacer, lag: this.#lag, assembly: this.#assembly },
        signal,
      )) {
        if (signal.aborted) return;
        await this.#take(peer, batch);
      }
    } finally {
      stopTelling();
      stopAttending();
      this.#lag.stop();
      client.close();
    }
  }

  /** Tells the other end from time to time what is durable here. */
  #acknowledging(client: PullClient, peer: Peer): () => void {
    const { sink, follower, acknowledgeMs = ACKNOWLEDGE_MS, onProblem = () => {} } = this.#options;
    return acknowledging({
      follower,
      kept: () => sink.resume(peer),
      tell: (word) => client.acknowledge(word),
      prove: sink.prove?.bind(sink, peer),
      intervalMs: acknowledgeMs,
      onProblem: (text) => onProblem(`${peer.gateway}: ${text}`),
    });
  }

  /** @throws CaissonError for an item that was refused: the connection is given up and the item asked for again */
  async #take(peer: Peer, batch: PullBatch): Promise<void> {
    const { samples, refusal } = await this.#options.sink.keep(peer, batch);
    this.#items += batch.items.length;
    this.#samples += samples;
    if (refusal !== undefined) await this.#refuse(peer, batch.feed, refusal);
    this.#complete = batch.complete;
    this.#state = 'running';
    this.#problem = undefined;
    this.#backOff.reset();
  }

  async #refuse(peer: Peer, feed: string, { position, error }: Refusal): Promise<never> {
    const again = this.#refused.feed === feed && this.#refused.position === position;
    this.#refused = { feed, position, times: again ? this.#refused.times + 1 : 1 };
    if (this.#refused.times >= REFUSALS_MAX) {
      await this.#options.sink.skip(peer, feed, position);
      this.#skipped += 1;
      this.#options.onProblem?.(
        `item ${position} of ${peer.gateway} was refused ${REFUSALS_MAX} times and is left out: ${error.message}`,
      );
    }
    throw error;
  }

  #wait(problem: string): void {
    this.#state = 'waiting';
    this.#problem = problem;
    this.#complete = false;
  }

  #count(code: ErrorCode): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1;
  }
}
