import type { ChannelClass, ChannelDefinition } from '../../gateway/channel.ts';
import type { ClockReading } from '../../gateway/clock.ts';
import type { BlockDb, BlockOutcome } from '../../gateway/store/block-db.ts';
import { AHEAD_KEY } from '../../gateway/store/block-reader.ts';
import type { Extent, KeptGap, KeptOutline, KeptPack, SequenceRun } from '../../gateway/store/block-rows.ts';
import type { Derivation } from '../../gateway/store/derivation.ts';
import type { BootPlace } from '../../gateway/store/feed.ts';
import type { HeldChannel } from '../fidelity/held-numbers.ts';
import { NOTHING_OUTLINED, type Outlined } from '../fidelity/outlined.ts';
import type { BlockStore, HeldBlocks, Hole, Progress } from './block-store.ts';
import { ChangeGroup } from './change-group.ts';
import { ArrivalDays } from './retention/arrival-days.ts';
import { dayOf } from './retention/retention-rules.ts';

/** Central's blocks in SQLite, on one machine, where this process is the only one that writes. */
export class SqliteStore implements BlockStore {
  readonly #held: SqliteBlocks;
  readonly #changes: ChangeGroup;
  /** When what is here came. */
  readonly arrivals: ArrivalDays;

  /** @param now UTC, milliseconds */
  constructor(db: BlockDb, now: () => number = Date.now) {
    const held = new SqliteBlocks(db);
    const arrivals = new ArrivalDays(db);
    this.#held = held;
    this.arrivals = arrivals;
    this.#changes = new ChangeGroup({
      transaction: (change) =>
        db.transaction(() => {
          arrivals.mark(db, dayOf(now()));
          change();
        }),
      // What the transaction gave out is gone with it.
      takenBack: () => {
        held.learn();
        arrivals.learn();
      },
    });
  }

  async progress(peer: string): Promise<Progress> {
    return this.#held.progress(peer);
  }

  change<Result>(_peer: string, _gateways: readonly string[], decide: (held: HeldBlocks) => Result): Promise<Result> {
    return this.#changes.add(() => decide(this.#held));
  }
}

/** Channels of boots of which the end is known by heart. At the maximum: all are forgotten, and looked up again. */
const ENDS_MAX = 1 << 18;

/**
 * The database, with the ids of boots and channels known by heart, and where each channel of a boot ends: what comes in order is behind
 * all that is here, and nothing has to be looked up for it.
 */
class SqliteBlocks implements HeldBlocks {
  readonly #db: BlockDb;
  /** By `channel boot`: one past the greatest sequence number in a block or gap. */
  readonly #ends = new Map<string, number>();
  /** False where there is none to be dropped, which is so most of the time. */
  #hasOutlines = true;
  /** By gateway and boot, and by gateway and name. */
  readonly #boots = new Map<string, { readonly id: number; readonly isDerived: boolean }>();
  readonly #channels = new Map<string, { readonly id: number; readonly class: ChannelClass }>();

  constructor(db: BlockDb) {
    this.#db = db;
    this.learn();
  }

  /** Reads anew what is known by heart. */
  learn(): void {
    this.#hasOutlines = true;
    this.#ends.clear();
    this.#boots.clear();
    this.#channels.clear();
    for (const { id, gateway, boot, origin } of this.#db.boots()) {
      this.#boots.set(key(gateway, boot), { id, isDerived: origin !== undefined });
    }
    for (const { id, gateway, name, class: channelClass } of this.#db.channelsAfter(0).channels) {
      this.#channels.set(key(gateway, name), { id, class: channelClass });
    }
  }

  progress(peer: string): Progress {
    return {
      feed: this.#db.meta(feedKey(peer)) ?? '',
      after: this.#db.cursor(peer),
      boots: JSON.parse(this.#db.meta(bootsKey(peer)) ?? '[]') as BootPlace[],
      holes: JSON.parse(this.#db.meta(holesKey(peer)) ?? '[]') as Hole[],
      held: JSON.parse(this.#db.meta(heldKey(peer)) ?? '[]') as HeldChannel[],
      outlined: JSON.parse(this.#db.meta(outlinedKey(peer)) ?? JSON.stringify(NOTHING_OUTLINED)) as Outlined,
    };
  }

  keepProgress(peer: string, { feed, after, boots, holes, held, outlined }: Progress): void {
    this.#keepMeta(feedKey(peer), feed);
    this.#keepMeta(bootsKey(peer), JSON.stringify(boots));
    this.#keepMeta(holesKey(peer), JSON.stringify(holes));
    this.#keepMeta(heldKey(peer), JSON.stringify(held));
    this.#keepMeta(outlinedKey(peer), JSON.stringify(outlined));
    this.#db.keepCursor(peer, after);
    this.#hasOutlines = this.#hasOutlines && this.#db.hasOutlines();
  }

  boot(gateway: string, boot: string): { readonly id: number; readonly isDerived: boolean } | undefined {
    return this.#boots.get(key(gateway, boot));
  }

  channel(gateway: string, name: string): { readonly id: number; readonly class: ChannelClass } | undefined {
    return this.#channels.get(key(gateway, name));
  }

  keepBoot(gateway: string, boot: string, started: number, origin: number | undefined): number {
    const id = this.#db.keepBoot(gateway, boot, started, origin);
    this.#boots.set(key(gateway, boot), { id, isDerived: origin !== undefined });
    return id;
  }

  keepChannel(gateway: string, definition: ChannelDefinition): number {
    const name = key(gateway, definition.name);
    const id = this.#db.keepChannel(gateway, definition, this.#channels.get(name)?.id);
    this.#channels.set(name, { id, class: definition.class });
    return id;
  }

  keepClock(boot: number, reading: ClockReading): void {
    this.#db.keepClock(boot, reading);
  }

  keepDerivation(derivation: Omit<Derivation, 'origin'>): void {
    this.#db.keepDerivation(derivation);
  }

  keepOutline(outline: KeptOutline): void {
    this.#db.keepOutline(outline);
    this.#hasOutlines = true;
  }

  dropOutlines(channel: number, boot: number, from: number, to: number): void {
    if (this.#hasOutlines) this.#db.dropOutlines(channel, boot, from, to);
  }

  keepPack(pack: KeptPack): BlockOutcome[] {
    const outcomes = this.#db.keepPack(pack);
    for (const { channel, firstSequence, count } of pack.blocks) this.#reach(channel, pack.boot, firstSequence + count);
    return outcomes;
  }

  keepGap(gap: KeptGap): void {
    this.#db.keepGap(gap);
    this.#reach(gap.channel, gap.boot, gap.firstSequence + gap.count);
  }

  dropGap(channel: number, boot: number, firstSequence: number): void {
    this.#db.dropGap(channel, boot, firstSequence);
    this.#ends.delete(endKey(channel, boot));
  }

  runs(channel: number, boot: number, from: number, to: number): SequenceRun[] {
    return from >= this.#endOf(channel, boot) ? [] : this.#db.runs(channel, boot, from, to);
  }

  nextSequence(channel: number, boot: number, before: number): number {
    const end = this.#endOf(channel, boot);
    return before >= end ? end : this.#db.nextSequence(channel, boot, before);
  }

  blocksHolding(channel: number, boot: number, from: number, to: number): Extent[] {
    return from >= this.#endOf(channel, boot) ? [] : this.#db.blocksHolding(channel, boot, from, to);
  }

  packBytes(position: number): Uint8Array | undefined {
    return this.#db.packBytes(position);
  }

  #endOf(channel: number, boot: number): number {
    const key = endKey(channel, boot);
    let end = this.#ends.get(key);
    if (end === undefined) {
      end = this.#db.nextSequence(channel, boot, Number.MAX_SAFE_INTEGER);
      if (this.#ends.size >= ENDS_MAX) this.#ends.clear();
      this.#ends.set(key, end);
    }
    return end;
  }

  #reach(channel: number, boot: number, end: number): void {
    const key = endKey(channel, boot);
    const known = this.#ends.get(key);
    if (known !== undefined && known < end) this.#ends.set(key, end);
  }

  #keepMeta(name: string, value: string): void {
    if (this.#db.meta(name) !== value) this.#db.keepMeta(name, value);
  }
}

function endKey(channel: number, boot: number): string {
  return `${channel} ${boot}`;
}

function key(gateway: string, name: string): string {
  return `${gateway}\n${name}`;
}

function feedKey(peer: string): string {
  return `feed of ${peer}`;
}

function bootsKey(peer: string): string {
  return `boots of ${peer}`;
}

function heldKey(peer: string): string {
  return `${AHEAD_KEY}${peer}`;
}

function outlinedKey(peer: string): string {
  return `outlined of ${peer}`;
}

function holesKey(peer: string): string {
  return `holes of ${peer}`;
}
