import type { ChannelClass, ChannelDefinition } from '../../gateway/channel.ts';
import type { ClockReading } from '../../gateway/clock.ts';
import type { BlockOutcome } from '../../gateway/store/block-db.ts';
import type { Extent, KeptGap, KeptOutline, KeptPack, SequenceRun } from '../../gateway/store/block-rows.ts';
import type { Derivation } from '../../gateway/store/derivation.ts';
import type { BootPlace } from '../../gateway/store/feed.ts';
import type { HeldChannel } from '../fidelity/held-numbers.ts';
import { NOTHING_OUTLINED, type Outlined } from '../fidelity/outlined.ts';
import type { SequenceRange } from './sequence-range.ts';

/** Sequence numbers of one channel and boot that have not come although later ones have. */
export interface Hole extends SequenceRange {
  readonly channel: number;
  readonly boot: number;
  /** When the gap was that showed it, microseconds: without samples around it nothing else says when they were taken. */
  readonly time?: number | undefined;
}

/** How far the feed of one peer was taken over. */
export interface Progress {
  /** Id of its feed; empty where nothing of it was kept. */
  readonly feed: string;
  /** Position of the last item kept or left out. */
  readonly after: number;
  /** The last boots of which the feed told up to there, in its order; at most PLACE_BOOTS_MAX. */
  readonly boots: readonly BootPlace[];
  /** Holes that may still be filled, oldest first. */
  readonly holes: readonly Hole[];
  /** What came ahead of its turn, and stands behind `after`. */
  readonly held: readonly HeldChannel[];
  /** How far outlines have come. */
  readonly outlined: Outlined;
}

export const NO_PROGRESS: Progress = { feed: '', after: 0, boots: [], holes: [], held: [], outlined: NOTHING_OUTLINED };

/** Sequence numbers as they are accounted for: in blocks, or in gaps. */
export interface HeldSequences {
  /** Blocks and gaps of a channel and boot that hold sequence numbers of [from, to), in their order. */
  runs(channel: number, boot: number, from: number, to: number): SequenceRun[];
  /** One past the greatest sequence number in a block or gap which begins before `before`; 0 where there is none. */
  nextSequence(channel: number, boot: number, before: number): number;
  /** Keeps a pack, each of its blocks under its identity, once; says what became of each. */
  keepPack(pack: KeptPack): BlockOutcome[];
  /** Adds a gap, once; one that goes on where another of the same cause ends may let that one grow. */
  keepGap(gap: KeptGap): void;
  /** Takes back a gap that turned out not to be one. */
  dropGap(channel: number, boot: number, firstSequence: number): void;
}

/** Blocks that are kept, to be compared with what comes. */
export interface HeldPacks {
  /** Blocks of a channel and boot that hold sequence numbers of [from, to). */
  blocksHolding(channel: number, boot: number, from: number, to: number): Extent[];
  /** The bytes of a pack; undefined when it is gone or thinned. */
  packBytes(position: number): Uint8Array | undefined;
}

/** What a store holds, as one change of it sees and alters it. Ids are the store's own. */
export interface HeldBlocks extends HeldSequences, HeldPacks {
  progress(peer: string): Progress;
  keepProgress(peer: string, progress: Progress): void;
  boot(gateway: string, boot: string): { readonly id: number; readonly isDerived: boolean } | undefined;
  channel(gateway: string, name: string): { readonly id: number; readonly class: ChannelClass } | undefined;
  /**
   * Returns the id of a boot, kept now if it is new.
   * @param started its first box time, microseconds
   * @param origin id of the boot that its samples derive from; undefined where they are taken in
   */
  keepBoot(gateway: string, boot: string, started: number, origin: number | undefined): number;
  /** Keeps a channel's definition, or another one of a channel that is there. Returns its id. */
  keepChannel(gateway: string, definition: ChannelDefinition): number;
  /** Adds a row of the UTC map, once. */
  keepClock(boot: number, reading: ClockReading): void;
  /** Keeps an outline, in the place of one with the same first number. */
  keepOutline(outline: KeptOutline): void;
  /** Forgets the outlines of a channel and boot that lie in numbers of [from, to) with all of theirs. */
  dropOutlines(channel: number, boot: number, from: number, to: number): void;
  /** Keeps a derivation, once. Its samples must have been kept before. */
  keepDerivation(derivation: Omit<Derivation, 'origin'>): void;
}

/**
 * Where central keeps what it pulls. What central decides (`keeper.ts`) is the same over every one of them, and
 * synchronous: a store hands it what is held and makes the change durable.
 */
export interface BlockStore {
  /** Where to go on with a peer's feed. */
  progress(peer: string): Promise<Progress>;

  /**
   * Makes one change, wholly or not at all; when the promise resolves it is durable.
   *
   * @param peer whose feed it comes from
   * @param gateways whose data it may touch; nobody else changes them meanwhile
   * @param decide says what to change. It may be called several times, of which the last counts: it must do nothing but
   *   through what it is given
   */
  change<Result>(peer: string, gateways: readonly string[], decide: (held: HeldBlocks) => Result): Promise<Result>;
}
