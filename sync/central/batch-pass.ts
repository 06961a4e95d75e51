import { type ChannelDefinition, defineChannel, type Stamp } from '../../gateway/channel.ts';
import { CaissonError } from '../../gateway/errors.ts';
import { type BootPlace, PLACE_BOOTS_MAX } from '../../gateway/store/feed.ts';
import type { BlockInfo, PackHeader } from '../../gateway/store/pack/pack-info.ts';
import { HeldNumbers } from '../fidelity/held-numbers.ts';
import { NOTHING_OUTLINED, type Outlined } from '../fidelity/outlined.ts';
import type { Peer, Refusal } from '../line/pull-line.ts';
import type { NamedChannel } from './asked-definitions.ts';
import type { HeldBlocks, Hole } from './block-store.ts';
import { cutBlock, KnownSamples } from './known-samples.ts';
import { closeHole, holeBefore, placeGap, placePack } from './sequence-ledger.ts';
import { withoutRanges } from './sequence-range.ts';
import type { VerifiedOutline } from './verified-outline.ts';
import type { VerifiedBlock, VerifiedPack } from './verified-pack.ts';
import type { Step } from './verify-steps.ts';

/** Holes of one peer that may still be filled. At the maximum: the oldest are taken as lost at once. */
const HOLES_MAX = 4096;

/** A block that is new here, with the ids of its channel and boot. */
export interface NewBlock {
  readonly channel: number;
  readonly boot: number;
  readonly stamp: Stamp;
  readonly block: VerifiedBlock;
  /** True where its samples were made anew of what was taken in, and are no news. */
  readonly isDerived: boolean;
}

/** One batch of a peer's feed, of which all that can be known without the store was found right. */
export interface VerifiedBatch {
  /** In their turn. */
  readonly steps: readonly Step[];
  /** Ahead of their turn: behind the steps, in any order. */
  readonly ahead: readonly Step[];
  /** False where some of those that came ahead are not what they should be. */
  readonly isAheadWhole: boolean;
  readonly outlines: readonly VerifiedOutline[];
  /** How far outlines have come with these; undefined: as before. */
  readonly outlined: Outlined | undefined;
  /** Position up to which all is here then, where that is more than the steps say; 0 where it is not. */
  readonly passed: number;
  /** True when the peer has nothing behind these: what is missing then is lost. */
  readonly isComplete: boolean;
  /** True where all of it should be here already: what it says of a channel that is known may be old. */
  readonly isPast: boolean;
}

/** Samples that claim sequence numbers which others have. */
export interface Conflict {
  readonly gateway: string;
  readonly boot: string;
  readonly channel: string;
  readonly firstSequence: number;
  readonly count: number;
}

/** What came of a batch. */
export interface PassOutcome {
  readonly fresh: readonly NewBlock[];
  readonly known: number;
  readonly conflicts: readonly Conflict[];
  readonly holes: number;
  readonly lost: number;
  readonly problems: readonly string[];
  /** Channels that are here now by their names alone: nothing that came defined them. */
  readonly undefinedChannels: readonly NamedChannel[];
  readonly refusal: Refusal | undefined;
}

/** What a block or a gap says of its channel. */
type KnownOfChannel = Pick<BlockInfo, 'channel'> & Partial<Pick<BlockInfo, 'type'> & Pick<PackHeader, 'stamp'>>;

/** Decides what becomes of one batch of a peer's feed, and changes what is held accordingly. */
export class BatchPass implements PassOutcome {
  readonly fresh: NewBlock[] = [];
  known = 0;
  readonly conflicts: Conflict[] = [];
  holes = 0;
  lost = 0;
  readonly problems: string[] = [];
  readonly undefinedChannels: NamedChannel[] = [];
  refusal: Refusal | undefined;
  readonly #held: HeldBlocks;
  readonly #peer: Peer;
  readonly #feed: string;
  readonly #samples: KnownSamples;
  #isPast = false;
  #open: Hole[] = [];
  /** What is noted of steps that come ahead of their turn; undefined while steps come in order. */
  #ahead: HeldNumbers | undefined;

  constructor(held: HeldBlocks, peer: Peer, feed: string) {
    this.#held = held;
    this.#peer = peer;
    this.#feed = feed;
    this.#samples = new KnownSamples(held);
  }

  run({ steps, ahead, isAheadWhole, outlines, outlined, passed, isComplete, isPast }: VerifiedBatch): PassOutcome {
    this.#isPast = isPast;
    const before = this.#held.progress(this.#peer.gateway);
    const isSame = before.feed === this.#feed;
    this.#open = [...before.holes];
    // Another line to the same peer may have been faster.
    const start = isSame ? before.after : 0;
    let after = start;
    const bootsBefore = isSame ? before.boots : [];
    let boots = bootsBefore;
    let held = new HeldNumbers(isSame ? before.held : []);
    const isPlaced = this.#applyAll(
      steps.filter(({ position }) => position > start),
      (step) => {
        after = step.position;
        if (step.kind === 'boot') boots = [...boots, placeOf(step)].slice(-PLACE_BOOTS_MAX);
      },
    );
    const refused = this.refusal;
    this.refusal = undefined;
    this.#ahead = held;
    // A definition that the feed has come past by now may be an old one; of all else there is one only, but packs may have been passed over.
    const isOld = ({ kind, position }: Step) => kind !== 'verified' && position <= (kind === 'channel' ? after : start);
    const isAheadPlaced = this.#applyAll(ahead.filter((step) => !isOld(step)));
    this.#ahead = undefined;
    // Steps may stand behind packs that were passed over because they came ahead: without those nothing is had that was not before.
    if (this.refusal !== undefined || !isAheadWhole) [after, boots] = [start, bootsBefore];
    this.refusal ??= refused;
    const isWhole = this.refusal === undefined && isAheadWhole;
    if (isWhole) for (const outline of outlines) this.#keepOutline(outline);
    const isPassed = isWhole && passed > after;
    if (isPassed) after = passed;
    const isEnd = isComplete && isWhole;
    if (isEnd && !held.isEmpty) {
      this.#noteHolesBefore(held);
      held = new HeldNumbers();
    }
    const due = isEnd ? this.#open.length : Math.max(0, this.#open.length - HOLES_MAX);
    for (const hole of this.#open.splice(0, due)) this.#closeHole(hole);
    const isNews = isPlaced || isAheadPlaced || isPassed || (isWhole && outlined !== undefined) || outlines.length > 0;
    if (isNews || due > 0 || (isEnd && before.held.length > 0)) {
      const place = isNews ? { feed: this.#feed, after, boots } : before;
      const told = isWhole && outlined !== undefined ? outlined : isSame ? before.outlined : NOTHING_OUTLINED;
      this.#held.keepProgress(this.#peer.gateway, {
        ...{ feed: place.feed, after: place.after, boots: place.boots, holes: this.#open },
        ...{ held: held.list(), outlined: told },
      });
    }
    return this;
  }

  /** Applies steps up to the first that is refused; true where there was any. */
  #applyAll(steps: readonly Step[], onApplied: (step: Step) => void = () => {}): boolean {
    let isAny = false;
    for (const step of steps) {
      if (this.refusal !== undefined) break;
      const error = this.#apply(step);
      if (error !== undefined) {
        this.refusal = { position: step.position, error, isAhead: this.#ahead !== undefined };
        break;
      }
      onApplied(step);
      isAny = true;
    }
    return isAny;
  }

  /** Returns why the step was refused. */
  #apply(step: Step): CaissonError | undefined {
    if (step.kind === 'verified') return this.#keepPack(step);
    const { gateway } = step;
    if (step.kind === 'channel') {
      const isOld = this.#isPast && this.#held.channel(gateway, step.definition.name) !== undefined;
      if (!isOld) this.#held.keepChannel(gateway, step.definition);
      return undefined;
    }
    if (step.kind === 'boot') return this.#keepBoot(step);
    const boot = this.#held.boot(gateway, step.boot);
    if (boot === undefined) return unknownBoot(step);
    switch (step.kind) {
      case 'clock':
        this.#held.keepClock(boot.id, step.reading);
        return undefined;
      case 'gap':
        this.#placeGap(gateway, boot.id, { ...step.gap, channel: step.channel });
        this.#noteAhead(step.gateway, step.boot, step.channel, step.gap);
        return undefined;
      case 'given-up':
        for (const gap of step.gaps) this.#placeGap(gateway, boot.id, gap);
        return undefined;
      case 'derivation': {
        // Before all of its samples are here it must not be shown.
        if (!boot.isDerived || this.#ahead !== undefined) return unknownBoot(step);
        const channels = step.channels.map((channel) => this.#channelOf(gateway, { channel }));
        this.#held.keepDerivation({ ...step.derivation, boot: boot.id, channels });
        return undefined;
      }
    }
  }

  /** Outlines of samples that are here are no news, and those of a boot that is not known wait for their samples. */
  #keepOutline({ gateway, boot: name, channel: channelName, ...outline }: VerifiedOutline): void {
    const boot = this.#held.boot(gateway, name);
    if (boot === undefined) return;
    const channel = this.#channelOf(gateway, { channel: channelName, stamp: outline.stamp });
    const { firstSequence: first, end } = outline;
    const here = this.#held.blocksHolding(channel, boot.id, first, end);
    const taken = here.map((extent) => ({ first: extent.firstSequence, end: extent.endSequence }));
    taken.sort((a, b) => a.first - b.first);
    if (withoutRanges({ first, end }, taken).length > 0) {
      this.#held.keepOutline({ ...outline, channel, boot: boot.id });
    }
  }

  /** Once all before is here, what is missing before samples that came ahead never comes. */
  #noteHolesBefore(held: HeldNumbers): void {
    for (const { gateway, boot, channel, runs } of held.list()) {
      const [bootId, channelId] = [this.#held.boot(gateway, boot)?.id, this.#held.channel(gateway, channel)?.id];
      if (bootId === undefined || channelId === undefined) continue;
      for (let i = 0; i < runs.length; i += 2) this.#noteHole(channelId, bootId, runs[i] ?? 0);
    }
  }

  #keepBoot({ gateway, boot, started, origin }: Extract<Step, { kind: 'boot' }>): CaissonError | undefined {
    const from = origin === undefined ? undefined : this.#held.boot(gateway, origin);
    if (origin !== undefined && from === undefined) return unknownBoot({ gateway, boot: origin });
    this.#held.keepBoot(gateway, boot, started, from?.id);
    return undefined;
  }

  #placeGap(gateway: string, boot: number, { channel, ...gap }: Extract<Step, { kind: 'given-up' }>['gaps'][number]) {
    const id = this.#channelOf(gateway, { channel });
    // What stood before it may be gone at the gateway. Asked before it is kept: one without a sample ends where it begins.
    this.#noteHole(id, boot, gap.firstSequence, gap.from);
    this.lost += placeGap(this.#held, { ...gap, boot, channel: id });
  }

  /** Remembers what came ahead of its turn, until its turn comes. */
  #noteAhead(
    gateway: string,
    boot: string,
    channel: string,
    numbers: Pick<BlockInfo, 'firstSequence' | 'count'>,
  ): void {
    const { firstSequence: first, count } = numbers;
    this.#ahead?.add({ gateway, boot, channel, first, end: first + count });
  }

  #noteHole(channel: number, boot: number, firstSequence: number, time?: number): void {
    const hole = this.#holeBefore(channel, boot, firstSequence);
    if (hole !== undefined) this.#open.push({ ...hole, time });
  }

  #holeBefore(channel: number, boot: number, firstSequence: number): Hole | undefined {
    // What is before something that came ahead has its turn yet.
    return this.#ahead === undefined ? holeBefore(this.#held, channel, boot, firstSequence) : undefined;
  }

  #keepPack(pack: VerifiedPack): CaissonError | undefined {
    const { header, blocks } = pack;
    const { gateway, stamp } = header;
    const boot = this.#held.boot(gateway, header.boot);
    if (boot === undefined) return unknownBoot(header);
    for (const block of blocks) this.#noteAhead(gateway, header.boot, block.channel, block);
    const channels = blocks.map(({ channel, type }) => this.#channelOf(gateway, { channel, type, stamp }));
    const unknown = blocks.map((block, i) => this.#samples.unknownRanges(channels[i] ?? 0, boot.id, stamp, block));
    if (unknown.every((ranges) => ranges === undefined)) {
      this.#placePack(pack, boot, channels);
      return undefined;
    }
    for (const [i, block] of blocks.entries()) {
      const whole = { first: block.firstSequence, end: block.firstSequence + block.count };
      const ranges = unknown[i] ?? [whole];
      if (ranges.length === 0) this.known += 1;
      for (const range of ranges) this.#placePack(cutBlock(header, block, range), boot, [channels[i] ?? 0]);
    }
    return undefined;
  }

  #placePack(
    { header, blocks, bytes }: Pick<VerifiedPack, 'header' | 'blocks' | 'bytes'>,
    { id: boot, isDerived }: { readonly id: number; readonly isDerived: boolean },
    channels: readonly number[],
  ): void {
    const { gateway, stamp } = header;
    // Asked before: what comes in order is then behind all that is here, which takes no look.
    const holes = blocks.map(({ firstSequence }, i) => this.#holeBefore(channels[i] ?? 0, boot, firstSequence));
    const outcomes = placePack(this.#held, {
      boot,
      stamp,
      class: this.#held.channel(gateway, blocks[0]?.channel ?? '')?.class ?? 'standard',
      bytes,
      blocks: blocks.map(({ firstSequence, count, timeMin, timeMax, node }, i) => {
        return { channel: channels[i] ?? 0, firstSequence, count, timeMin, timeMax, node };
      }),
    });
    for (const [i, block] of blocks.entries()) {
      const channel = channels[i] ?? 0;
      const { firstSequence, count } = block;
      if (outcomes[i] !== 'conflict') this.#held.dropOutlines(channel, boot, firstSequence, firstSequence + count);
      if (outcomes[i] === 'known') this.known += 1;
      if (outcomes[i] === 'conflict') {
        this.conflicts.push({ gateway, boot: header.boot, channel: block.channel, firstSequence, count });
        this.problems.push(
          `${gateway} sent another block for ${block.channel}, boot ${header.boot}, samples ${firstSequence} to ${firstSequence + count - 1}: kept apart`,
        );
      }
      if (outcomes[i] !== 'kept') continue;
      this.fresh.push({ channel, boot, stamp, block, isDerived });
      const hole = holes[i];
      if (hole !== undefined) this.#open.push(hole);
    }
  }

  #closeHole(hole: Hole): void {
    const missing = closeHole(this.#held, hole);
    if (missing === 0) return;
    this.holes += 1;
    this.lost += missing;
    const { channel, boot, first, end } = hole;
    this.problems.push(
      `${this.#peer.gateway} never sent ${missing} samples of channel ${channel}, boot ${boot}, between ${first} and ${end - 1}: counted as lost`,
    );
  }

  #channelOf(gateway: string, known: KnownOfChannel): number {
    const channel = this.#held.channel(gateway, known.channel);
    if (channel !== undefined) return channel.id;
    this.undefinedChannels.push({ gateway, name: known.channel });
    return this.#held.keepChannel(gateway, provisionalDefinition(known));
  }
}

function placeOf({ boot, position }: Extract<Step, { kind: 'boot' }>): BootPlace {
  return { boot, position };
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
