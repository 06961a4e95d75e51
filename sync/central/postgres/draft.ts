import type { ChannelClass, ChannelDefinition } from '../../../gateway/channel.ts';
import type { ClockReading } from '../../../gateway/clock.ts';
import { BlockLookup, runsOf } from '../../../gateway/store/block-lookup.ts';
import type { Extent, KeptGap, KeptOutline, KeptPack, SequenceRun } from '../../../gateway/store/block-rows.ts';
import { encodeDefinition } from '../../../gateway/store/definition-bytes.ts';
import type { Derivation } from '../../../gateway/store/derivation.ts';
import type { IndexEntry } from '../../../gateway/store/index-entries.ts';
import { type BlockOutcome, type KnownSequences, outcomeOf, singlePack } from '../../../gateway/store/known-block.ts';
import type { HeldBlocks, Progress } from '../block-store.ts';
import { DraftGateway } from './draft-gateway.ts';
import type { HeldGateway } from './held-gateway.ts';
import { gatewayOfId, gatewayOfPosition } from './ids.ts';
import type { PackCache } from './pack-cache.ts';

/**
 * One change of what is held, in memory: what is decided is decided over this, and then written. What it needs and is not
 * here is noted by the indexes and packs of the held gateways; a draft that missed anything is thrown away.
 */
export class Draft implements HeldBlocks, KnownSequences {
  /** By number. */
  readonly gateways: ReadonlyMap<number, DraftGateway>;
  readonly #byName: ReadonlyMap<string, DraftGateway>;
  readonly #packs: PackCache;

  constructor(held: readonly HeldGateway[], packs: PackCache) {
    this.#packs = packs;
    const drafts = held.map((each) => new DraftGateway(each));
    this.gateways = new Map(drafts.map((draft) => [draft.held.number, draft]));
    this.#byName = new Map(drafts.map((draft) => [draft.held.name, draft]));
  }

  progress(peer: string): Progress {
    return this.#named(peer).progress;
  }

  keepProgress(peer: string, progress: Progress): void {
    this.#named(peer).progress = progress;
  }

  boot(gateway: string, boot: string): { readonly id: number; readonly isDerived: boolean } | undefined {
    return this.#named(gateway).boot(boot);
  }

  channel(gateway: string, name: string): { readonly id: number; readonly class: ChannelClass } | undefined {
    return this.#named(gateway).channel(name);
  }

  keepBoot(gateway: string, boot: string, started: number, origin: number | undefined): number {
    const draft = this.#named(gateway);
    return draft.boot(boot)?.id ?? draft.addBoot(boot, started, origin);
  }

  keepChannel(gateway: string, definition: ChannelDefinition): number {
    const draft = this.#named(gateway);
    const known = draft.channel(definition.name);
    if (known?.definition.equals(encodeDefinition(definition))) return known.id;
    return draft.addChannel(definition, known?.id);
  }

  keepClock(boot: number, reading: ClockReading): void {
    this.#of(boot).addClock(boot, reading);
  }

  keepDerivation(derivation: Omit<Derivation, 'origin'>): void {
    this.#of(derivation.boot).addDerivation(derivation);
  }

  keepOutline(outline: KeptOutline): void {
    this.#of(outline.boot).outlines.push(outline);
  }

  dropOutlines(channel: number, boot: number, from: number, to: number): void {
    const draft = this.#of(boot);
    if (draft.held.hasOutlines) draft.outlined.push({ channel, boot, from, to });
  }

  keepPack(pack: KeptPack): BlockOutcome[] {
    const draft = this.#of(pack.boot);
    const outcomes = pack.blocks.map((block, index) => outcomeOf(this, pack, block, index));
    for (const [index, block] of pack.blocks.entries()) {
      if (outcomes[index] === 'conflict') draft.addConflict(pack.boot, block, singlePack(pack.bytes, index));
    }
    const fresh = pack.blocks.flatMap((block, index) => (outcomes[index] === 'kept' ? [{ block, index }] : []));
    if (fresh.length > 0) {
      const entries = new Map<number, IndexEntry>();
      for (const { block, index } of fresh) {
        const { channel, firstSequence, count, timeMin, timeMax, node } = block;
        const endSequence = firstSequence + count;
        entries.set(channel, { block: index, count, firstSequence, endSequence, timeMin, timeMax, node });
      }
      draft.addPack(pack, entries);
    }
    return outcomes;
  }

  keepGap(gap: KeptGap): void {
    this.#of(gap.channel).addGap(gap);
  }

  dropGap(channel: number, boot: number, firstSequence: number): void {
    this.#of(channel).dropGap(channel, boot, firstSequence);
  }

  endOf(channel: number, boot: number): number {
    return this.#of(channel).endOf(channel, boot);
  }

  touchesGap(channel: number, boot: number, first: number, end: number): boolean {
    const gap = this.#of(channel).gaps(channel, boot).lastBefore(end);
    return gap !== undefined && gap.firstSequence + gap.count > first;
  }

  runs(channel: number, boot: number, from: number, to: number): SequenceRun[] {
    const gaps = this.#of(channel).gaps(channel, boot).touching(from, to);
    return runsOf(this.blocksHolding(channel, boot, from, to), gaps);
  }

  nextSequence(channel: number, boot: number, before: number): number {
    const draft = this.#of(channel);
    const gap = draft.gaps(channel, boot).lastBefore(before);
    const end = draft.endOf(channel, boot);
    // What ends before is the end; only where more follows, which is rare, it must be looked for.
    const blocks = end <= before ? end : new BlockLookup(draft.index).endBefore(channel, boot, before, 0);
    return Math.max(gap === undefined ? 0 : gap.firstSequence + gap.count, blocks);
  }

  blocksHolding(channel: number, boot: number, from: number, to: number): Extent[] {
    const draft = this.#of(channel);
    if (from >= draft.endOf(channel, boot)) return [];
    return new BlockLookup(draft.index).holding(channel, boot, from, to);
  }

  packBytes(position: number): Uint8Array | undefined {
    const draft = this.gateways.get(gatewayOfPosition(position));
    if (draft === undefined) throw new RangeError(`position ${position} is of no gateway that this change is of`);
    const added = draft.packs.find((pack) => pack.position === position);
    return added?.bytes ?? this.#packs.bytes(position, draft.held.index.placeOf(position));
  }

  #named(gateway: string): DraftGateway {
    const draft = this.#byName.get(gateway);
    if (draft === undefined) throw new RangeError(`${gateway} is none of the gateways that this change is of`);
    return draft;
  }

  #of(id: number): DraftGateway {
    const draft = this.gateways.get(gatewayOfId(id));
    if (draft === undefined) throw new RangeError(`id ${id} is of no gateway that this change is of`);
    return draft;
  }
}
