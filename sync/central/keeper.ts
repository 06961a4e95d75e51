import { type ChannelClass, type ChannelDefinition, defineChannel, type Stamp } from '../../gateway/channel.ts';
import { CaissonError } from '../../gateway/errors.ts';
import type { BlockDb, FeedItem } from '../../gateway/store/block-db.ts';
import type { DerivationTerms } from '../../gateway/store/derivation.ts';
import type { BlockInfo, PackHeader } from '../../gateway/store/pack/pack-info.ts';
import type { PullBatch } from '../api/client.ts';
import type { KeepResult, Peer, PullSink, Refusal } from '../line/pull-line.ts';
import { cutBlock, unknownRanges } from './known-samples.ts';
import { type Hole, SequenceLedger } from './sequence-ledger.ts';
import { type VerifiedBlock, type VerifiedPack, verifyPack } from './verified-pack.ts';

/** Holes of one peer that may still be filled. At the maximum: the oldest are taken as lost at once. */
const HOLES_MAX = 4096;

/** A block that is new here, with the local ids of its channel and boot. */
export interface NewBlock {
  readonly channel: number;
  readonly boot: number;
  readonly stamp: Stamp;
  readonly block: VerifiedBlock;
  /** True where its samples were made anew of what was taken in, and are no news. */
  readonly isDerived: boolean;
}

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
}

export interface KeeperOptions {
  /** Told of every new block, after its commit. */
  readonly onBlock?: (block: NewBlock) => void;
  /** Told of what a person should know. */
  readonly onProblem?: (text: string) => void;
}

/** What a block or a gap says of its channel. */
type KnownOfChannel = Pick<BlockInfo, 'channel'> & Partial<Pick<BlockInfo, 'type'> & Pick<PackHeader, 'stamp'>>;

type Step = Exclude<FeedItem, { kind: 'pack' }> | VerifiedPack;

/**
 * Keeps what lines pull, in central's own store: packs verbatim after verifying them wholly, each block exactly once, every
 * batch in one transaction with the position it goes up to. A hole in a sequence is taken as lost only when the peer had
 * nothing more to send: a gateway tells of a gap together with, or after, the blocks around it.
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
  };
  readonly #db: BlockDb;
  readonly #ledger: SequenceLedger;
  readonly #options: KeeperOptions;
  /** Local ids by gateway and boot, and by gateway and name. */
  readonly #boots = new Map<string, number>();
  /** Local ids of boots of derived samples. */
  readonly #derived = new Set<number>();
  readonly #channels = new Map<string, number>();
  /** By local id of the channel. */
  readonly #classes = new Map<number, ChannelClass>();

  constructor(db: BlockDb, options: KeeperOptions = {}) {
    this.#db = db;
    this.#ledger = new SequenceLedger(db);
    this.#options = options;
    this.#learnIds();
  }

  resume(peer: Peer): { feed: string; after: number } {
    return { feed: this.#db.meta(feedKey(peer)) ?? '', after: this.#db.cursor(peer.gateway) };
  }

  keep(peer: Peer, batch: PullBatch): KeepResult {
    const known = this.resume(peer);
    const after = known.feed === batch.feed ? known.after : 0;
    const items = batch.items.filter((item) => item.position > after);
    const { steps, refusal } = verifySteps(peer, items);
    const isComplete = batch.complete && refusal === undefined;
    // A pass that would change nothing is not worth an fsync.
    if (steps.length === 0 && !(isComplete && this.#holes(peer).length > 0))
      return { samples: 0, ...withRefusal(refusal) };
    const outcome = this.#commit(peer, batch.feed, steps, isComplete);
    for (const block of outcome.fresh) this.#options.onBlock?.(block);
    const samples = outcome.fresh.reduce((sum, { block }) => sum + block.count, 0);
    return { samples, ...withRefusal(outcome.refusal ?? refusal) };
  }

  skip(peer: Peer, feed: string, position: number): void {
    this.#db.transaction(() => this.#advance(peer, feed, position));
  }

  #commit(peer: Peer, feed: string, steps: readonly Step[], isComplete: boolean): Pass {
    const started = performance.now();
    let pass: Pass;
    try {
      pass = this.#db.transaction(() => this.#apply(peer, feed, steps, isComplete));
    } catch (error) {
      // Ids that the transaction gave out are gone with it.
      this.#learnIds();
      throw error;
    }
    this.counters.commits += 1;
    this.counters.commitMs += performance.now() - started;
    this.counters.blocks += pass.fresh.length;
    this.counters.samples += pass.fresh.reduce((sum, { block }) => sum + block.count, 0);
    this.counters.known += pass.known;
    this.counters.conflicts += pass.conflicts;
    this.counters.holes += pass.holes;
    this.counters.lost += pass.lost;
    for (const problem of pass.problems) this.#options.onProblem?.(problem);
    return pass;
  }

  #apply(peer: Peer, feed: string, steps: readonly Step[], isComplete: boolean): Pass {
    const pass: Pass = { fresh: [], known: 0, conflicts: 0, holes: 0, lost: 0, problems: [], refusal: undefined };
    const before = this.#holes(peer);
    const holes = [...before];
    for (const step of steps) {
      const error = this.#applyStep(step, pass, holes);
      if (error !== undefined) {
        pass.refusal = { position: step.position, error };
        break;
      }
      this.#advance(peer, feed, step.position);
    }
    const due = isComplete && pass.refusal === undefined ? holes.length : Math.max(0, holes.length - HOLES_MAX);
    for (const hole of holes.splice(0, due)) this.#closeHole(peer, hole, pass);
    if (due > 0 || holes.length > before.length) this.#db.keepMeta(holesKey(peer), JSON.stringify(holes));
    return pass;
  }

  /** Returns why the step was refused. */
  #applyStep(step: Step, pass: Pass, holes: Hole[]): CaissonError | undefined {
    switch (step.kind) {
      case 'boot':
        return this.#keepBoot(step);
      case 'channel':
        this.#keepChannel(step.gateway, step.definition);
        return undefined;
      case 'clock': {
        const boot = this.#boots.get(key(step.gateway, step.boot));
        if (boot === undefined) return unknownBoot(step);
        this.#db.keepClock(boot, step.reading);
        return undefined;
      }
      case 'gap': {
        const boot = this.#boots.get(key(step.gateway, step.boot));
        if (boot === undefined) return unknownBoot(step);
        const channel = this.#channelOf(step.gateway, step);
        pass.lost += this.#ledger.placeGap({ ...step.gap, channel, boot });
        return undefined;
      }
      case 'given-up': {
        const { gateway, gaps } = step;
        const boot = this.#boots.get(key(gateway, step.boot));
        if (boot === undefined) return unknownBoot(step);
        for (const gap of gaps) {
          pass.lost += this.#ledger.placeGap({ ...gap, channel: this.#channelOf(gateway, gap), boot });
        }
        return undefined;
      }
      case 'derivation': {
        const boot = this.#boots.get(key(step.gateway, step.boot));
        if (boot === undefined || !this.#derived.has(boot)) return unknownBoot(step);
        const channels = step.channels.map((channel) => this.#channelOf(step.gateway, { channel }));
        this.#db.keepDerivation({ ...step.derivation, boot, channels });
        return undefined;
      }
      case 'verified':
        return this.#keepPack(step, pass, holes);
    }
  }

  #keepBoot(step: Extract<FeedItem, { kind: 'boot' }>): CaissonError | undefined {
    const { gateway, boot, started, origin } = step;
    const from = origin === undefined ? undefined : this.#boots.get(key(gateway, origin));
    if (origin !== undefined && from === undefined) return unknownBoot({ gateway, boot: origin });
    const id = this.#db.keepBoot(gateway, boot, started, from);
    this.#boots.set(key(gateway, boot), id);
    if (from !== undefined) this.#derived.add(id);
    return undefined;
  }

  #keepPack(pack: VerifiedPack, pass: Pass, holes: Hole[]): CaissonError | undefined {
    const { header, blocks } = pack;
    const { gateway, stamp } = header;
    const boot = this.#boots.get(key(gateway, header.boot));
    if (boot === undefined) return unknownBoot(header);
    const channels = blocks.map(({ channel, type }) => this.#channelOf(gateway, { channel, type, stamp }));
    const unknown = blocks.map((block, i) => unknownRanges(this.#db, channels[i] ?? 0, boot, block));
    if (unknown.every((ranges) => ranges === undefined)) {
      this.#placePack(pack, { boot, channels }, pass, holes);
      return undefined;
    }
    for (const [i, block] of blocks.entries()) {
      const whole = { first: block.firstSequence, end: block.firstSequence + block.count };
      const ranges = unknown[i] ?? [whole];
      if (ranges.length === 0) pass.known += 1;
      for (const range of ranges) {
        this.#placePack(cutBlock(header, block, range), { boot, channels: [channels[i] ?? 0] }, pass, holes);
      }
    }
    return undefined;
  }

  #placePack(
    { header, blocks, bytes }: Pick<VerifiedPack, 'header' | 'blocks' | 'bytes'>,
    { boot, channels }: { readonly boot: number; readonly channels: readonly number[] },
    pass: Pass,
    holes: Hole[],
  ): void {
    const { gateway, stamp } = header;
    const outcomes = this.#ledger.placePack({
      boot,
      stamp,
      class: this.#classOf(channels[0] ?? 0),
      bytes,
      blocks: blocks.map(({ firstSequence, count, timeMin, timeMax, node }, i) => {
        return { channel: channels[i] ?? 0, firstSequence, count, timeMin, timeMax, node };
      }),
    });
    for (const [i, block] of blocks.entries()) {
      const channel = channels[i] ?? 0;
      const { firstSequence, count } = block;
      if (outcomes[i] === 'known') pass.known += 1;
      if (outcomes[i] === 'conflict') {
        pass.conflicts += 1;
        pass.problems.push(
          `${gateway} sent another block for ${block.channel}, boot ${header.boot}, samples ${firstSequence} to ${firstSequence + count - 1}: kept apart`,
        );
      }
      if (outcomes[i] !== 'kept') continue;
      pass.fresh.push({ channel, boot, stamp, block, isDerived: this.#derived.has(boot) });
      const hole = this.#ledger.holeBefore(channel, boot, firstSequence);
      if (hole !== undefined) holes.push(hole);
    }
  }

  #closeHole(peer: Peer, hole: Hole, pass: Pass): void {
    const missing = this.#ledger.closeHole(hole);
    if (missing === 0) return;
    pass.holes += 1;
    pass.lost += missing;
    const { channel, boot, first, end } = hole;
    pass.problems.push(
      `${peer.gateway} never sent ${missing} samples of channel ${channel}, boot ${boot}, between ${first} and ${end - 1}: counted as lost`,
    );
  }

  #classOf(channel: number): ChannelClass {
    return this.#classes.get(channel) ?? 'standard';
  }

  #channelOf(gateway: string, known: KnownOfChannel): number {
    return this.#channels.get(key(gateway, known.channel)) ?? this.#keepChannel(gateway, provisionalDefinition(known));
  }

  #keepChannel(gateway: string, definition: ChannelDefinition): number {
    const name = key(gateway, definition.name);
    const id = this.#db.keepChannel(gateway, definition, this.#channels.get(name));
    this.#channels.set(name, id);
    this.#classes.set(id, definition.class);
    return id;
  }

  #advance(peer: Peer, feed: string, position: number): void {
    if (this.#db.meta(feedKey(peer)) !== feed) this.#db.keepMeta(feedKey(peer), feed);
    this.#db.keepCursor(peer.gateway, position);
  }

  #holes(peer: Peer): Hole[] {
    return JSON.parse(this.#db.meta(holesKey(peer)) ?? '[]') as Hole[];
  }

  #learnIds(): void {
    this.#boots.clear();
    this.#channels.clear();
    this.#derived.clear();
    for (const { id, gateway, boot, origin } of this.#db.boots()) {
      this.#boots.set(key(gateway, boot), id);
      if (origin !== undefined) this.#derived.add(id);
    }
    for (const channel of this.#db.channelsAfter(0).channels) {
      this.#channels.set(key(channel.gateway, channel.name), channel.id);
      this.#classes.set(channel.id, channel.class);
    }
  }
}

/** What one transaction did. */
interface Pass {
  readonly fresh: NewBlock[];
  known: number;
  conflicts: number;
  holes: number;
  lost: number;
  readonly problems: string[];
  refusal: Refusal | undefined;
}

/** The items up to the first that is not what it should be. */
function verifySteps(peer: Peer, items: readonly FeedItem[]): { steps: Step[]; refusal: Refusal | undefined } {
  const steps: Step[] = [];
  for (const item of items) {
    try {
      requireAscending(steps.at(-1)?.position ?? 0, item.position);
      const step = item.kind === 'pack' ? verifyPack(item) : item;
      requireOwn(peer, step.kind === 'verified' ? step.header.gateway : step.gateway);
      if (step.kind === 'gap') requireGap(step.gap);
      if (step.kind === 'given-up') for (const gap of step.gaps) requireGap(gap);
      if (step.kind === 'derivation') requireDerivation(step.derivation);
      steps.push(step);
    } catch (error) {
      if (error instanceof CaissonError) return { steps, refusal: { position: item.position, error } };
      throw error;
    }
  }
  return { steps, refusal: undefined };
}

function requireAscending(last: number, position: number): void {
  if (position > last && Number.isSafeInteger(position)) return;
  throw new CaissonError('peer-invalid', `position ${position} follows ${last} in the feed, expected a greater one`);
}

/** A gateway speaks for itself only; a central for those it pulled from. */
function requireOwn(peer: Peer, gateway: string): void {
  if (peer.role === 'central' || gateway === peer.gateway) return;
  throw new CaissonError('peer-invalid', `gateway ${peer.gateway} sent an item of gateway ${gateway}`);
}

function requireGap({ firstSequence, count, from, to }: Extract<FeedItem, { kind: 'gap' }>['gap']): void {
  const isRange = firstSequence >= 0 && count >= 0 && Number.isSafeInteger(firstSequence + count);
  if (isRange && Number.isSafeInteger(from) && Number.isSafeInteger(to) && from <= to) return;
  throw new CaissonError(
    'peer-invalid',
    `a gap of ${count} samples from number ${firstSequence}, time ${from} to ${to}`,
  );
}

function requireDerivation({ version, made, spans }: DerivationTerms): void {
  const isNumbered = Number.isSafeInteger(version) && version > 0 && Number.isFinite(made);
  const inOrder = [spans.arrival, spans.device].every((all) =>
    all.every(({ from, to }, index) => from < to && (all[index - 1]?.to ?? Number.NEGATIVE_INFINITY) <= from),
  );
  if (isNumbered && inOrder) return;
  throw new CaissonError(
    'peer-invalid',
    `a derivation, version ${version}, made ${made}, of which the spans are not in order`,
  );
}

function unknownBoot({ gateway, boot }: { gateway: string; boot: string }): CaissonError {
  return new CaissonError(
    'peer-invalid',
    `an item of boot ${boot} of gateway ${gateway}, which the feed has not told of`,
  );
}

/**
 * What can be said of a channel before its definition arrives, which a redefinition may have moved behind its blocks. It
 * must not travel until it is known that it may.
 */
function provisionalDefinition({ channel: name, type, stamp }: KnownOfChannel): ChannelDefinition {
  return {
    ...defineChannel({ name, source: name.split('/')[0] ?? '', residency: 'local' }),
    name,
    ...(type === undefined ? {} : { type }),
    ...(stamp === undefined ? {} : { stamp }),
  };
}

function withRefusal(refusal: Refusal | undefined): { refusal?: Refusal } {
  return refusal === undefined ? {} : { refusal };
}

function key(gateway: string, name: string): string {
  return `${gateway}\n${name}`;
}

function feedKey(peer: Peer): string {
  return `feed of ${peer.gateway}`;
}

function holesKey(peer: Peer): string {
  return `holes of ${peer.gateway}`;
}
