import { type ChannelDefinition, defineChannel, type Stamp } from '../../gateway/channel.ts';
import { CaissonError } from '../../gateway/errors.ts';
import type { BlockInfo, PackHeader } from '../../gateway/store/pack/pack-info.ts';
import type { Peer, Refusal } from '../line/pull-line.ts';
import type { HeldBlocks, Hole } from './block-store.ts';
import { cutBlock, unknownRanges } from './known-samples.ts';
import { closeHole, holeBefore, placeGap, placePack } from './sequence-ledger.ts';
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

/** What came of a batch. */
export interface PassOutcome {
  readonly fresh: readonly NewBlock[];
  readonly known: number;
  readonly conflicts: number;
  readonly holes: number;
  readonly lost: number;
  readonly problems: readonly string[];
  readonly refusal: Refusal | undefined;
}

/** What a block or a gap says of its channel. */
type KnownOfChannel = Pick<BlockInfo, 'channel'> & Partial<Pick<BlockInfo, 'type'> & Pick<PackHeader, 'stamp'>>;

/** Decides what becomes of one batch of a peer's feed, and changes what is held accordingly. */
export class BatchPass implements PassOutcome {
  readonly fresh: NewBlock[] = [];
  known = 0;
  conflicts = 0;
  holes = 0;
  lost = 0;
  readonly problems: string[] = [];
  refusal: Refusal | undefined;
  readonly #held: HeldBlocks;
  readonly #peer: Peer;
  readonly #feed: string;
  #open: Hole[] = [];

  constructor(held: HeldBlocks, peer: Peer, feed: string) {
    this.#held = held;
    this.#peer = peer;
    this.#feed = feed;
  }

  /** @param isComplete true when the peer has nothing behind these: what is missing then is lost */
  run(steps: readonly Step[], isComplete: boolean): PassOutcome {
    const before = this.#held.progress(this.#peer.gateway);
    this.#open = [...before.holes];
    // Another line to the same peer may have been faster.
    let after = before.feed === this.#feed ? before.after : 0;
    const ahead = steps.filter(({ position }) => position > after);
    let applied = 0;
    for (const step of ahead) {
      const error = this.#apply(step);
      if (error !== undefined) {
        this.refusal = { position: step.position, error };
        break;
      }
      after = step.position;
      applied += 1;
    }
    const isEnd = isComplete && this.refusal === undefined;
    const due = isEnd ? this.#open.length : Math.max(0, this.#open.length - HOLES_MAX);
    for (const hole of this.#open.splice(0, due)) this.#closeHole(hole);
    if (applied > 0 || due > 0) {
      const place = applied > 0 ? { feed: this.#feed, after } : before;
      this.#held.keepProgress(this.#peer.gateway, { feed: place.feed, after: place.after, holes: this.#open });
    }
    return this;
  }

  /** Returns why the step was refused. */
  #apply(step: Step): CaissonError | undefined {
    if (step.kind === 'verified') return this.#keepPack(step);
    const { gateway } = step;
    if (step.kind === 'channel') {
      this.#held.keepChannel(gateway, step.definition);
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
        return undefined;
      case 'given-up':
        for (const gap of step.gaps) this.#placeGap(gateway, boot.id, gap);
        return undefined;
      case 'derivation': {
        if (!boot.isDerived) return unknownBoot(step);
        const channels = step.channels.map((channel) => this.#channelOf(gateway, { channel }));
        this.#held.keepDerivation({ ...step.derivation, boot: boot.id, channels });
        return undefined;
      }
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
    this.lost += placeGap(this.#held, { ...gap, boot, channel: id });
    // What stood before it may be gone at the gateway.
    this.#noteHole(id, boot, gap.firstSequence);
  }

  #noteHole(channel: number, boot: number, firstSequence: number): void {
    const hole = holeBefore(this.#held, channel, boot, firstSequence);
    if (hole !== undefined) this.#open.push(hole);
  }

  #keepPack(pack: VerifiedPack): CaissonError | undefined {
    const { header, blocks } = pack;
    const { gateway, stamp } = header;
    const boot = this.#held.boot(gateway, header.boot);
    if (boot === undefined) return unknownBoot(header);
    const channels = blocks.map(({ channel, type }) => this.#channelOf(gateway, { channel, type, stamp }));
    const unknown = blocks.map((block, i) => unknownRanges(this.#held, channels[i] ?? 0, boot.id, block));
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
      if (outcomes[i] === 'known') this.known += 1;
      if (outcomes[i] === 'conflict') {
        this.conflicts += 1;
        this.problems.push(
          `${gateway} sent another block for ${block.channel}, boot ${header.boot}, samples ${firstSequence} to ${firstSequence + count - 1}: kept apart`,
        );
      }
      if (outcomes[i] !== 'kept') continue;
      this.fresh.push({ channel, boot, stamp, block, isDerived });
      this.#noteHole(channel, boot, firstSequence);
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
    return channel?.id ?? this.#held.keepChannel(gateway, provisionalDefinition(known));
  }
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
