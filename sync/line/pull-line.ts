import { CaissonError, type ErrorCode, messageOf } from '../../gateway/errors.ts';
import type { GatewayStatus, LineStatus } from '../../gateway/status.ts';
import type { BootPlace } from '../../gateway/store/feed.ts';
import type { PullBatch } from '../api/pull-batch.ts';
import type { WishSource } from '../api/transfer-pull.ts';
import type { HeldChannel } from '../fidelity/held-numbers.ts';
import type { Outlined } from '../fidelity/outlined.ts';
import type { SignedReceipt } from '../receipts/receipt.ts';
import { acknowledging } from './acknowledging.ts';
import type { Admission } from './admission.ts';
import { LineChoice } from './line-choice.ts';
import { LoopLag } from './loop-lag.ts';
import { Pacer, type PacerState } from './pacer.ts';
import { PackAssembly } from './pack-assembly.ts';
import { SetBackWatch } from './set-back.ts';
import { type Sleep, sleep } from './sleep.ts';
import type { Peer, PullClient, Way } from './way.ts';

export type { Peer, PullClient, Way } from './way.ts';

/** Times an item is asked for again when it is refused. Then it is left out, so that what stands behind it still comes. */
const REFUSALS_MAX = 3;

/** How often the other end is told what was kept, milliseconds: late enough to cost nothing. */
const ACKNOWLEDGE_MS = 5_000;

/** An item that was not kept; everything before it was. */
export interface Refusal {
  readonly position: number;
  readonly error: CaissonError;
  /** True: it came ahead of its turn. */
  readonly isAhead?: boolean;
}

export interface KeepResult {
  /** Samples that are new. */
  readonly samples: number;
  readonly refusal?: Refusal;
}

/** How a feed stands at the end that pulls it. */
export interface Standing {
  readonly feed: string;
  /** Everything up to this position is durable. */
  readonly after: number;
  /** The last boots of which the feed told up to there; undefined where nobody knows. */
  readonly boots?: readonly BootPlace[];
  readonly held?: readonly HeldChannel[];
  readonly outlined?: Outlined;
}

/** Where a line brings what it pulled. Calls resolve when everything is durable, together with how far it goes. */
export interface PullSink {
  /** Where to go on with that peer's feed, with what is held of it ahead of its turn. */
  resume(peer: Peer): Promise<Standing>;
  /** Goes back in a peer's feed to `position`; what came of it stays. Missing where none is ever set back. */
  goBack?(peer: Peer, position: number): Promise<void>;
  /** What is needed now of that peer. Missing where nobody can say. */
  wishes?(peer: Peer): WishSource;
  /** Keeps a batch, each item once. */
  keep(peer: Peer, batch: PullBatch): Promise<KeepResult>;
  /** Gives up an item that was refused. */
  skip(peer: Peer, feed: string, position: number): Promise<void>;
  /** Signs what is here of what a peer wants to have proven. Missing where nothing can be signed. */
  prove?(peer: Peer, wanted: Uint8Array): Promise<SignedReceipt>;
}

/** Of a line, for what is brought over it besides the feed. */
const SPARE_PART = 0.5;

/** How often the lines are looked at while one is used, milliseconds. */
const LOOK_MS = 1_000;

/** A line that is to be left is held for at most so many looks, so that what is on its way need not be sent again. */
const LEAVING_LOOKS = 4;

export interface PullLineOptions<Client extends PullClient = PullClient> {
  /** Ways to the other end, the best first; at least one. */
  readonly ways: readonly Way<Client>[];
  /** Who must be there. Undefined: whoever is. */
  readonly wanted?: string | undefined;
  /**
   * Does what else there is to be done over a connection, from when the other end has said how it does; returns what ends that.
   * @param spareBytesPerS what may be used for that at the moment: half of what the line gives, or may give
   * @param askedMs when it was asked how it does, performance.now()
   */
  attend?(client: Client, status: GatewayStatus, spareBytesPerS: () => number, askedMs: number): () => void;
  readonly sink: PullSink;
  /** Name under which the other end is told what was kept. */
  readonly follower: string;
  /** Id of the store behind the sink, by which it is told from others of that name; empty, as by default: none is told. */
  readonly store?: string;
  /** True where two boxes have that name: that their stores differ is no news then, and neither is told what is kept of it. */
  readonly hasNamesake?: (gateway: string) => boolean;
  /** False: no outlines are wanted ahead of samples. Default: true. */
  readonly outlines?: boolean;
  /** ACKNOWLEDGE_MS unless a test is in a hurry. */
  readonly acknowledgeMs?: number;
  /** Lets it connect, where there are many lines; without it, it connects at once. */
  readonly admission?: Admission;
  /** Of this thread; without it, it looks by itself. */
  readonly lag?: LoopLag;
  readonly sleep?: Sleep;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
  /** Of a clock that never steps, milliseconds. */
  readonly steadyMs?: () => number;
  /** UTC, milliseconds. */
  readonly utcMs?: () => number;
  /** LOOK_MS unless a test is in a hurry. */
  readonly lookMs?: number;
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
  /** What the pacer of the line in use found; undefined before the first contact. */
  readonly pace: PacerState | undefined;
  /** Every way to the other end. */
  readonly lines: readonly Omit<LineStatus, 'gateway'>[];
}

/**
 * Follows the feed of one gateway or central for as long as it runs: connects over the best line there is, goes on where the sink
 * stands, keeps what comes, and after a cut goes on over the next line, or over the same one with bounded back-off. It uses one line
 * at a time, so that nothing travels twice.
 */
export class PullLine<Client extends PullClient = PullClient> {
  readonly #options: PullLineOptions<Client>;
  readonly #sleep: Sleep;
  readonly #choice: LineChoice<Client>;
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
  /** True once something was refused that came ahead of its turn: what is wrong with it is found out in order. */
  #inOrder = false;
  #refused = { feed: '', position: -1, times: 0 };
  #pacer: Pacer | undefined;
  #isProbing = false;
  readonly #assembly = new PackAssembly();
  readonly #lag: LoopLag;
  readonly #setBack = new SetBackWatch();

  constructor(options: PullLineOptions<Client>) {
    this.#options = options;
    this.#sleep = options.sleep ?? sleep;
    this.#lag = options.lag ?? new LoopLag();
    const { ways, random, steadyMs = () => performance.now(), utcMs = Date.now } = options;
    this.#choice = new LineChoice({ ways, random, steadyMs, utcMs });
  }

  /** Begins; returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is kept any more and the connection is closed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#choice.close();
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
      lines: this.#choice.status(),
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const choice = this.#choice.choose();
      if (choice.way === undefined) {
        this.#wait(choice.why);
        await this.#rest(choice.waitMs, signal);
        continue;
      }
      try {
        const left = await this.#follow(choice.way, signal);
        if (!left) this.#wait('the other end closed the connection');
        this.#choice.ended(left ? undefined : this.#problem);
      } catch (error) {
        this.#count(error instanceof CaissonError ? error.code : 'store-failed');
        this.#wait(messageOf(error));
        this.#choice.ended(messageOf(error), error instanceof CaissonError ? error.retryAfterMs : undefined);
      }
    }
  }

  /** Waits, or until the other end opens a line. */
  async #rest(waitMs: number, signal: AbortSignal): Promise<void> {
    const came = new AbortController();
    const unfollow = this.#options.ways.map(({ arrival }) => arrival?.onCome(() => came.abort()));
    const from = performance.now();
    try {
      await this.#sleep(waitMs, AbortSignal.any([signal, came.signal]));
    } finally {
      for (const end of unfollow) end?.();
    }
    if (!came.signal.aborted) this.#choice.waited(waitMs, performance.now() - from);
  }

  /** One connection, from its beginning to its end; true where the line was left for a better one, or may be used no more. */
  async #follow(way: Way<Client>, signal: AbortSignal): Promise<boolean> {
    this.#lag.start();
    const admitted = (await this.#options.admission?.enter(signal)) ?? (() => {});
    const client = way.connect();
    const leaving = new AbortController();
    let stopTelling = () => {};
    let stopAttending = () => {};
    let stopLooking = () => {};
    try {
      const askedMs = performance.now();
      const peer = await client.status();
      if (signal.aborted) return true;
      requireWanted(peer, way.name, this.#options.wanted);
      this.#peer = peer;
      stopAttending = this.#options.attend?.(client, peer, () => this.#spare(way), askedMs) ?? stopAttending;
      this.#connections += 1;
      this.#choice.connected();
      const { sink, hasNamesake } = this.#options;
      const onProblem = hasNamesake?.(peer.gateway) === true ? undefined : this.#options.onProblem;
      const { feed, after, held = [], outlined } = await this.#setBack.standing({ peer, client, sink, onProblem });
      const ahead = {
        ...{ held, inOrder: this.#inOrder, wishes: this.#inOrder ? undefined : sink.wishes?.(peer) },
        outlined: this.#options.outlines === false || this.#inOrder ? undefined : outlined,
      };
      stopTelling = this.#acknowledging(client, peer);
      const left = way.budget === undefined ? undefined : () => this.#choice.grantable(way);
      const pacer = new Pacer({ capBytesPerS: way.capBytesPerS, earlier: this.#choice.paceOf(way), left });
      this.#pacer = pacer;
      stopLooking = this.#looking(pacer, leaving);
      const ending = AbortSignal.any([signal, leaving.signal]);
      const opening = { feed, after, pacer, lag: this.#lag, assembly: this.#assembly, ...ahead };
      for await (const batch of client.transfer(opening, ending)) {
        if (signal.aborted) return true;
        await this.#take(peer, batch);
        admitted();
      }
      return ending.aborted;
    } finally {
      admitted();
      stopLooking();
      stopTelling();
      stopAttending();
      this.#lag.stop();
      client.close();
    }
  }

  /** What of a line need not be left to its pacer, bytes a second: where nothing waits, all that it may give. */
  #spare({ capBytesPerS = Number.POSITIVE_INFINITY }: Way<Client>): number {
    const found = this.#complete ? Number.POSITIVE_INFINITY : (this.#pacer?.state.bytesPerS ?? 0);
    return SPARE_PART * Math.min(capBytesPerS, found > 0 ? found : Number.POSITIVE_INFINITY);
  }

  /** Looks at all lines from time to time while one is used. Returns what ends it. */
  #looking(pacer: Pacer, leaving: AbortController): () => void {
    // A pacer to which nothing comes finds nothing.
    const paced = () => this.#choice.paced({ ...pacer.state, ...(this.#complete && { reason: 'idle' as const }) });
    let looksLeft = LEAVING_LOOKS;
    const timer = setInterval(() => {
      paced();
      if (looksLeft < LEAVING_LOOKS) {
        looksLeft -= 1;
        if (!pacer.isOnItsWay || looksLeft <= 0) leaving.abort();
        return;
      }
      const { leave, probe } = this.#choice.look();
      if (leave !== undefined) {
        pacer.hold();
        looksLeft -= 1;
      } else if (probe !== undefined && !this.#isProbing) void this.#probe(probe);
    }, this.#options.lookMs ?? LOOK_MS);
    return () => {
      clearInterval(timer);
      paced();
    };
  }

  /** Asks over a better line whether it is well. */
  async #probe(way: Way<Client>): Promise<void> {
    this.#isProbing = true;
    let failure: string | undefined;
    try {
      const client = way.connect();
      await client.status().finally(() => client.close());
    } catch (error) {
      failure = messageOf(error);
    }
    this.#isProbing = false;
    this.#choice.probed(way, failure);
  }

  /** Tells the other end from time to time what is durable here. */
  #acknowledging(client: PullClient, peer: Peer): () => void {
    const {
      sink,
      follower,
      store = '',
      acknowledgeMs = ACKNOWLEDGE_MS,
      onProblem = () => {},
      hasNamesake,
    } = this.#options;
    return acknowledging({
      ...{ follower, store },
      kept: () => sink.resume(peer),
      lines: () => this.#choice.status().map((line) => ({ gateway: follower, ...line })),
      tell: (word) => client.acknowledge(word),
      prove: sink.prove?.bind(sink, peer),
      isDoubted: () => hasNamesake?.(peer.gateway) === true,
      intervalMs: acknowledgeMs,
      onProblem: (text) => onProblem(`${peer.gateway}: ${text}`),
    });
  }

  /** @throws CaissonError for an item that was refused: the connection is given up and the item asked for again */
  async #take(peer: Peer, batch: PullBatch): Promise<void> {
    const { samples, refusal } = await this.#options.sink.keep(peer, batch);
    this.#items += batch.items.length + (batch.ahead?.items.length ?? 0);
    this.#samples += samples;
    if (refusal !== undefined) await this.#refuse(peer, batch.feed, refusal);
    this.#complete = batch.complete;
    if (batch.complete) this.#inOrder = false;
    this.#state = 'running';
    this.#problem = undefined;
    this.#choice.brought();
  }

  async #refuse(peer: Peer, feed: string, { position, error, isAhead = false }: Refusal): Promise<never> {
    if (isAhead) {
      this.#inOrder = true;
      throw error;
    }
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

/** @throws CaissonError `peer-invalid`: where there are no certificates, an address that is another's is told by its name only */
function requireWanted({ role, gateway }: Peer, line: string, wanted: string | undefined): void {
  if (wanted === undefined || gateway === wanted) return;
  throw new CaissonError('peer-invalid', `at the end of ${line} is ${role} ${gateway}, expected ${wanted}`, {
    hint: 'look at the address of that line',
    retryable: true,
  });
}
