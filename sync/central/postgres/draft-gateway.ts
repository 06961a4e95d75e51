import type { Buffer } from 'node:buffer';
import type { ChannelClass, ChannelDefinition } from '../../../gateway/channel.ts';
import type { ClockReading } from '../../../gateway/clock.ts';
import type { StoredChannel } from '../../../gateway/query/telemetry.ts';
import { BlockLookup } from '../../../gateway/store/block-lookup.ts';
import type { KeptBlock, KeptBoot, KeptGap, KeptOutline, KeptPack } from '../../../gateway/store/block-rows.ts';
import { encodeDefinition } from '../../../gateway/store/definition-bytes.ts';
import type { Derivation } from '../../../gateway/store/derivation.ts';
import type { IndexEntry } from '../../../gateway/store/index-entries.ts';
import type { IndexRow } from '../../../gateway/store/index-tree.ts';
import type { Progress } from '../block-store.ts';
import { DraftIndex } from './draft-index.ts';
import type { GapList } from './gap-list.ts';
import { type HeldGateway, type KnownChannel, sequenceKey } from './held-gateway.ts';
import { requireOwnId, requireOwnPosition } from './ids.ts';
import type { MovedPack, MovedPacks, PlacedMove } from './moved-packs.ts';

/** What comes with a position of its own. */
type Placed<Thing> = Thing & { readonly position: number };

/** Packs of a roster whose samples go, of ordinals up to `end`: those that follow what went before. */
export interface RetiredPacks {
  readonly roster: number;
  readonly end: number;
  readonly packs: readonly { readonly position: number; readonly ordinal: number }[];
  readonly bytes: number;
}

/** What one change adds to a gateway, and the gateway as it is with it. */
export class DraftGateway {
  readonly held: HeldGateway;
  progress: Progress;
  position: number;
  readonly index: DraftIndex;
  readonly boots: Placed<KeptBoot>[] = [];
  readonly channels: Placed<{ readonly channel: StoredChannel; readonly definition: Buffer }>[] = [];
  readonly #channelsByName = new Map<string, KnownChannel>();
  readonly clock: Placed<{ readonly boot: number; readonly reading: ClockReading }>[] = [];
  readonly derivations: Placed<Derivation>[] = [];
  readonly packs: Placed<{ readonly bytes: Uint8Array; readonly class: ChannelClass; readonly blocks: number }>[] = [];
  readonly conflicts: Placed<
    { readonly channel: number; readonly boot: number; readonly firstSequence: number } & {
      readonly bytes: Uint8Array;
    }
  >[] = [];
  readonly outlines: KeptOutline[] = [];
  /** Numbers whose outlines give way. */
  readonly outlined: { readonly channel: number; readonly boot: number; readonly from: number; readonly to: number }[] =
    [];
  /** Lists of gaps that are others now, by channel and boot. */
  readonly gapLists = new Map<string, GapList>();
  /** First sequence numbers of gaps that came or went, by channel and boot. */
  readonly touchedGaps = new Map<string, Set<number>>();
  readonly ends = new Map<string, number>();
  readonly retired: Placed<RetiredPacks>[] = [];
  moved: PlacedMove | undefined;
  /** Positions of rosters that got packs. */
  readonly rosterPositions = new Map<number, number>();
  /** Ids of rosters that are new, by their channels. */
  readonly #addedRosters = new Map<string, number>();
  #lastId: number;

  constructor(held: HeldGateway) {
    this.held = held;
    this.progress = held.progress;
    this.position = held.position;
    this.#lastId = held.lastId;
    this.index = new DraftIndex(held.index);
  }

  get lastId(): number {
    return this.#lastId;
  }

  boot(name: string): { readonly id: number; readonly isDerived: boolean } | undefined {
    const added = this.boots.find(({ boot }) => boot === name);
    return added === undefined ? this.held.boot(name) : { id: added.id, isDerived: added.origin !== undefined };
  }

  addBoot(boot: string, started: number, origin: number | undefined): number {
    const id = this.#takeId();
    const position = this.#takePosition();
    this.boots.push({ position, id, gateway: this.held.name, boot, started, ended: undefined, origin });
    return id;
  }

  channel(name: string): KnownChannel | undefined {
    return this.#channelsByName.get(name) ?? this.held.channel(name);
  }

  addChannel(definition: ChannelDefinition, known: number | undefined): number {
    const id = known ?? this.#takeId();
    const channel = { id, gateway: this.held.name, ...definition };
    const bytes = encodeDefinition(definition);
    this.channels.push({ position: this.#takePosition(), channel, definition: bytes });
    this.#channelsByName.set(channel.name, { id, class: channel.class, definition: bytes });
    return id;
  }

  addClock(boot: number, reading: ClockReading): void {
    const { time, offset, source } = reading;
    const isSame = (each: ClockReading) => each.time === time && each.offset === offset && each.source === source;
    if (this.held.hasClock(boot, reading)) return;
    if (this.clock.some((each) => each.boot === boot && isSame(each.reading))) return;
    this.clock.push({ position: this.#takePosition(), boot, reading });
  }

  addDerivation(derivation: Omit<Derivation, 'origin'>): void {
    const { boot, channels } = derivation;
    if (this.held.hasDerivation(boot) || this.derivations.some((each) => each.boot === boot)) return;
    const origin = [...this.boots, ...this.held.catalogue.boots].find(({ id }) => id === boot)?.origin ?? 0;
    const ascending = channels.toSorted((a, b) => a - b);
    this.derivations.push({ ...derivation, position: this.#takePosition(), origin, channels: ascending });
  }

  addConflict(boot: number, { channel, firstSequence }: KeptBlock, bytes: Uint8Array): void {
    this.conflicts.push({ position: this.position, channel, boot, firstSequence, bytes });
  }

  /** @param entries what the pack has that is new, by channel */
  addPack({ boot, stamp, class: packClass, bytes }: KeptPack, entries: ReadonlyMap<number, IndexEntry>): void {
    const roster = this.#rosterOf([...entries.keys()].sort((a, b) => a - b));
    const members = this.index.channels(roster).map((channel) => entries.get(channel));
    const position = this.#takePosition();
    const present = [...entries.values()];
    this.packs.push({ position, bytes, class: packClass, blocks: entries.size });
    this.rosterPositions.set(roster, position);
    for (const [channel, { endSequence }] of entries) {
      const end = Math.max(this.endOf(channel, boot), endSequence);
      this.ends.set(sequenceKey(channel, boot), end);
    }
    this.index.addPack({
      ...{ roster, boot, stamp, firstPosition: position, lastPosition: position, thinned: undefined },
      timeMin: Math.min(...present.map(({ timeMin }) => timeMin)),
      timeMax: Math.max(...present.map(({ timeMax }) => timeMax)),
      entries: () => members,
    });
  }

  /** One past the last sequence number of a channel and boot in blocks. */
  endOf(channel: number, boot: number): number {
    const key = sequenceKey(channel, boot);
    const known = this.ends.get(key) ?? this.held.ends.get(key);
    if (known !== undefined) return known;
    const end = new BlockLookup(this.held.index).endBefore(channel, boot, Number.MAX_SAFE_INTEGER, 0);
    // Where anything is missing it may be what this asked for, which another channel of the roster asked for before.
    if (this.held.index.missing === 0) this.held.ends.set(key, end);
    return end;
  }

  gaps(channel: number, boot: number): GapList {
    const key = sequenceKey(channel, boot);
    return this.gapLists.get(key) ?? this.held.gaps(key);
  }

  /** Adds a gap, once. One that goes on where another of the same cause ends lets that one grow, and moves it to the end. */
  addGap(gap: KeptGap): void {
    const { channel, boot, firstSequence, count, from, to, cause } = gap;
    const gaps = this.gaps(channel, boot);
    const known = gaps.lastBefore(firstSequence + 1);
    const end = known === undefined ? 0 : known.firstSequence + known.count;
    if (known?.firstSequence === firstSequence || end > firstSequence) return;
    const position = this.#takePosition();
    if (known !== undefined && known.cause === cause && known.count > 0 && count > 0 && end === firstSequence) {
      const [least, most] = [Math.min(known.from, from), Math.max(known.to, to)];
      const grown = { ...known, position, count: known.count + count, from: least, to: most };
      this.#setGaps(channel, boot, gaps.with(grown), known.firstSequence);
      return;
    }
    this.#setGaps(channel, boot, gaps.with({ ...gap, position }), firstSequence);
  }

  dropGap(channel: number, boot: number, firstSequence: number): void {
    this.#setGaps(channel, boot, this.gaps(channel, boot).without(firstSequence), firstSequence);
  }

  retire(packs: RetiredPacks): void {
    this.retired.push({ ...packs, position: this.#takePosition() });
  }

  /** Moves packs; once, and nothing else, in one change. */
  move(packs: MovedPacks): void {
    const { roster, to } = packs;
    const position = this.#takePosition();
    const beside = this.held.catalogue.besideOf(roster)?.id ?? this.#takeId();
    if (this.held.catalogue.besideOf(roster) === undefined) {
      this.index.addRoster(beside, this.index.channels(roster), roster);
    }
    const first = this.index.packsOf(beside);
    for (const { row } of to) this.index.addPack({ ...row, roster: beside });
    this.rosterPositions.set(beside, position);
    this.moved = { ...packs, position, beside, first };
  }

  /** What became of a row of the index that was added, where it is of a pack that moved. */
  movedAt({ roster, level, ordinal }: IndexRow): MovedPack | undefined {
    const { moved } = this;
    return level === 0 && roster === moved?.beside ? moved.to[ordinal - moved.first] : undefined;
  }

  #setGaps(channel: number, boot: number, gaps: GapList, touched: number): void {
    const key = sequenceKey(channel, boot);
    this.gapLists.set(key, gaps);
    const known = this.touchedGaps.get(key);
    if (known === undefined) this.touchedGaps.set(key, new Set([touched]));
    else known.add(touched);
  }

  #rosterOf(channels: readonly number[]): number {
    const added = this.#addedRosters.get(channels.join());
    if (added !== undefined) return added;
    const choice = this.held.rosters.choose(channels);
    if ('roster' in choice) return choice.roster;
    const id = this.#takeId();
    this.index.addRoster(id, choice.channels);
    this.#addedRosters.set(choice.channels.join(), id);
    return id;
  }

  #takeId(): number {
    this.#lastId = requireOwnId(this.held.number, this.#lastId + 1);
    return this.#lastId;
  }

  #takePosition(): number {
    this.position = requireOwnPosition(this.held.number, this.position + 1);
    return this.position;
  }
}
