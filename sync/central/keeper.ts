import type { ChannelDefinition } from '../../gateway/channel.ts';
import { CaissonError } from '../../gateway/errors.ts';
import type { AheadBatch, PullBatch } from '../api/pull-batch.ts';
import type { WishSource } from '../api/transfer-pull.ts';
import type { WishBook } from '../fidelity/wish-book.ts';
import type { KeepResult, Peer, PullSink, Refusal } from '../line/pull-line.ts';
import type { SignedReceipt } from '../receipts/receipt.ts';
import type { ReceiptWriter } from '../receipts/receipt-writer.ts';
import type { NamedChannel } from './asked-definitions.ts';
import { BatchPass, type Conflict, type NewBlock, type PassOutcome, type VerifiedBatch } from './batch-pass.ts';
import { type BlockStore, NO_PROGRESS, type Progress } from './block-store.ts';
import { type VerifiedOutline, verifyOutline } from './verified-outline.ts';
import { gatewayOf, type Step, verifySteps } from './verify-steps.ts';

export interface KeeperCounters {
  /** Batches committed. */
  commits: number;
  /** Milliseconds spent in them. */
  commitMs: number;
  blocks: number;
  samples: number;
  /** Blocks that were here already. */
  known: number;
  /** Blocks that claim sequence numbers which other bytes have. Kept apart. */
  conflicts: number;
  /** Holes that were taken as lost. */
  holes: number;
  /** Samples counted as lost, by the gateways and by holes. */
  lost: number;
  /** Stores that were found set back to an earlier copy of themselves. */
  setBacks: number;
}

export interface KeeperOptions {
  /** Told of every new block, after its commit. */
  readonly onBlock?: (block: NewBlock) => void;
  /** Told of samples that were kept apart. */
  readonly onConflict?: (conflict: Conflict) => void;
  /** Told when it is known that a gateway is kept here, by nobody else at the time. */
  readonly onHeld?: (gateway: string) => void;
  /** Told of channels that came without a definition, and from whom. */
  readonly onUndefined?: (peer: string, channels: readonly NamedChannel[]) => void;
  /** Told after every commit of whom it changed anything. */
  readonly onKept?: (gateways: readonly string[]) => void;
  /** Told of what a person should know. */
  readonly onProblem?: (text: string) => void;
  /** What people need now; without it nobody says. */
  readonly wishes?: WishBook;
  /** Signs what is kept; without it nothing is proven. */
  readonly receipts?: ReceiptWriter;
}

/**
 * Keeps what lines pull, in central's own store: packs verbatim after verifying them wholly, each block exactly once, every
 * batch in one change with the position it goes up to. A hole in a sequence is taken as lost only when the peer had
 * nothing more to send, and its feed was settled: a gateway tells of a gap together with, or after, the blocks around it, but where a
 * boot ended from the start of the next one on.
 */
export class Keeper implements PullSink {
  readonly counters: KeeperCounters = {
    commits: 0,
    commitMs: 0,
    blocks: 0,
    samples: 0,
    known: 0,
    conflicts: 0,
    holes: 0,
    lost: 0,
    setBacks: 0,
  };
  readonly #store: BlockStore;
  readonly #options: KeeperOptions;
  readonly wishes?: (peer: Peer) => WishSource;
  readonly prove?: (peer: Peer, wanted: Uint8Array) => Promise<SignedReceipt>;

  constructor(store: BlockStore, options: KeeperOptions = {}) {
    this.#store = store;
    this.#options = options;
    const { receipts } = options;
    const { wishes } = options;
    if (wishes !== undefined) this.wishes = (peer) => wishes.of(peer);
    if (receipts !== undefined) this.prove = ({ gateway }, wanted) => receipts.answer(gateway, wanted);
  }

  async resume({ gateway }: Peer): Promise<Progress> {
    const progress = await this.#store.progress(gateway);
    this.#options.onHeld?.(gateway);
    return progress;
  }

  async keep(peer: Peer, batch: PullBatch): Promise<KeepResult> {
    const known = await this.resume(peer);
    const after = known.feed === batch.feed ? known.after : 0;
    const items = batch.items.filter((item) => item.position > after);
    const { steps, refusal: refused } = verifySteps(peer, items);
    const early = verifyAhead(peer, batch.ahead);
    const isWhole = refused === undefined && early.refusal === undefined;
    const verified: VerifiedBatch = {
      ...{ steps, ahead: early.ahead, isAheadWhole: early.refusal === undefined, outlines: early.outlines },
      outlined: isWhole ? batch.ahead?.outlined : undefined,
      passed: isWhole ? (batch.passed ?? 0) : 0,
      isComplete: batch.complete && isWhole,
      isPast: batch.isPast ?? false,
    };
    // A pass that would change nothing is not worth an fsync.
    if (isIdle(verified, known, after)) return { samples: 0, ...withRefusal(early.refusal ?? refused) };
    const pass = await this.#commit(peer, batch.feed, verified);
    for (const block of pass.fresh) this.#options.onBlock?.(block);
    const samples = pass.fresh.reduce((sum, { block }) => sum + block.count, 0);
    return { samples, ...withRefusal(early.refusal ?? pass.refusal ?? refused) };
  }

  async skip({ gateway }: Peer, feed: string, position: number): Promise<void> {
    await this.#store.change(gateway, [], (held) => {
      held.keepProgress(gateway, { ...held.progress(gateway), feed, after: position });
    });
  }

  async goBack({ gateway }: Peer, position: number): Promise<void> {
    await this.#store.change(gateway, [], (held) => {
      const { feed, boots, holes } = held.progress(gateway);
      const before = boots.filter((boot) => boot.position <= position);
      held.keepProgress(gateway, { ...NO_PROGRESS, feed, holes, after: position, boots: before });
    });
    this.counters.setBacks += 1;
  }

  /** Keeps definitions of a gateway's channels, which it was asked for. */
  async define(gateway: string, definitions: readonly ChannelDefinition[]): Promise<void> {
    await this.#store.change(gateway, [gateway], (held) => {
      for (const definition of definitions) held.keepChannel(gateway, definition);
    });
    this.#options.onKept?.([gateway]);
  }

  async #commit(peer: Peer, feed: string, batch: VerifiedBatch): Promise<PassOutcome> {
    const started = performance.now();
    const { steps, ahead, outlines } = batch;
    const named = [...steps.map(gatewayOf), ...ahead.map(gatewayOf), ...outlines.map(({ gateway }) => gateway)];
    const gateways = [...new Set(named)];
    const pass = await this.#store.change(peer.gateway, gateways, (held) => new BatchPass(held, peer, feed).run(batch));
    this.counters.commits += 1;
    this.counters.commitMs += performance.now() - started;
    this.counters.blocks += pass.fresh.length;
    this.counters.samples += pass.fresh.reduce((sum, { block }) => sum + block.count, 0);
    this.counters.known += pass.known;
    this.counters.conflicts += pass.conflicts.length;
    for (const conflict of pass.conflicts) this.#options.onConflict?.(conflict);
    this.counters.holes += pass.holes;
    this.counters.lost += pass.lost;
    this.#options.onKept?.([...new Set([peer.gateway, ...gateways])]);
    if (pass.undefinedChannels.length > 0) this.#options.onUndefined?.(peer.gateway, pass.undefinedChannels);
    for (const problem of pass.problems) this.#options.onProblem?.(problem);
    return pass;
  }
}

interface VerifiedAhead {
  readonly ahead: readonly Step[];
  readonly outlines: readonly VerifiedOutline[];
  readonly refusal: Refusal | undefined;
}

const NOTHING_AHEAD: VerifiedAhead = { ahead: [], outlines: [], refusal: undefined };

/** What came ahead, up to the first that is not what it should be. */
function verifyAhead(peer: Peer, batch: AheadBatch | undefined): VerifiedAhead {
  if (batch === undefined) return NOTHING_AHEAD;
  const { steps: ahead, refusal } = verifySteps(peer, batch.items, true);
  if (refusal !== undefined) return { ahead, outlines: [], refusal };
  const outlines: VerifiedOutline[] = [];
  for (const outline of batch.outlines) {
    try {
      outlines.push(verifyOutline(peer, outline));
    } catch (error) {
      if (error instanceof CaissonError) return { ahead, outlines, refusal: { position: 0, error, isAhead: true } };
      throw error;
    }
  }
  return { ahead, outlines, refusal: undefined };
}

function isIdle(
  { steps, ahead, outlines, outlined, passed, isComplete }: VerifiedBatch,
  known: Progress,
  after: number,
) {
  const isClosing = isComplete && (known.holes.length > 0 || known.held.length > 0);
  const isMoving = passed > after || outlined !== undefined;
  return steps.length + ahead.length + outlines.length === 0 && !isClosing && !isMoving;
}

function withRefusal(refusal: Refusal | undefined): { refusal?: Refusal } {
  return refusal === undefined ? {} : { refusal };
}
