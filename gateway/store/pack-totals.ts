import type { ChannelClass } from '../channel.ts';
import type { Database } from './database.ts';
import { GATEWAY_BYTES_KEY, gatewayBytes } from './gateway-holdings.ts';

/** What is counted over all packs. */
export interface Totals {
  readonly blocks: number;
  readonly bytes: number;
  /** Greatest time of all blocks in box time, microseconds. */
  readonly lastTime: number;
  readonly classes: Readonly<Record<ChannelClass, HeldPacks>>;
  /** Bytes of the gateways whose packs changed since {@link PackTotals.settle}. */
  readonly changed: ReadonlyMap<string, number>;
}

/** Packs of a class: how many have their samples, and of how many only the index is left. */
export interface HeldPacks {
  readonly whole: number;
  readonly thinned: number;
  /** Bytes of those that have their samples. */
  readonly bytes: number;
  /** Positions before which there is none of either. */
  readonly wholeFrom: number;
  readonly thinnedFrom: number;
}

/** A pack that comes to be kept. */
interface AddedPack {
  readonly gateway: string;
  readonly class: ChannelClass;
  readonly position: number;
  readonly blocks: number;
  readonly bytes: number;
  /** Greatest stored time in box time, microseconds; -Infinity where its times are of devices. */
  readonly lastTime: number;
}

const NONE_HELD: HeldPacks = { whole: 0, thinned: 0, bytes: 0, wholeFrom: 0, thinnedFrom: 0 };

/** Where {@link HeldPacks} are kept. */
const HELD_KEY = 'held packs';

const NONE_CHANGED: ReadonlyMap<string, number> = new Map();

/** Counts once what a store has that was begun before it did. Of one gateway, as at every box, all is known without a look at its packs. */
export function countGateways(db: Database): void {
  const sql = (text: string) => db.prepare(text);
  if (gatewayBytes(sql).size > 0) return;
  const gateways = sql('SELECT DISTINCT gateway FROM boots').pluck().all() as string[];
  const all = Number(sql("SELECT value FROM meta WHERE key = 'bytes'").pluck().get() ?? 0);
  const sums = sql('SELECT gateway, SUM(size) FROM packs JOIN boots ON boots.id = packs.boot GROUP BY gateway').raw();
  const counted = gateways.length < 2 ? gateways.map((gateway) => [gateway, all]) : sums.all();
  const insert = sql('INSERT INTO meta VALUES (?, ?)');
  db.transaction(() => {
    for (const [gateway, bytes] of counted as [string, number][])
      insert.run(GATEWAY_BYTES_KEY + gateway, String(bytes));
  })();
}

/**
 * What is counted over all packs, so that nobody has to read them: in memory, and in `meta` with the transaction that changes
 * it. {@link PackTotals.now} is never changed but replaced, so that a transaction that fails can take back what it counted.
 */
export class PackTotals {
  now: Totals;
  /** As of {@link PackTotals.settle}. */
  readonly #gateways: Map<string, number>;

  /**
   * @param meta reads a value that was kept
   * @param gateways bytes of each
   */
  constructor(meta: (key: string) => string | undefined, gateways: Map<string, number>) {
    this.#gateways = gateways;
    this.now = {
      blocks: Number(meta('blocks') ?? 0),
      bytes: Number(meta('bytes') ?? 0),
      lastTime: Number(meta('last time') ?? 0),
      classes: heldOf(meta(HELD_KEY)),
      changed: NONE_CHANGED,
    };
  }

  /** What was counted until now is true for good: it stands in a transaction that has ended. */
  settle(): void {
    if (this.now.changed === NONE_CHANGED) return;
    for (const [gateway, bytes] of this.now.changed) this.#gateways.set(gateway, bytes);
    this.now = { ...this.now, changed: NONE_CHANGED };
  }

  /** Belongs in the transaction that changed it. */
  keep(keepMeta: (key: string, value: string) => void): void {
    const { blocks, bytes, lastTime, classes, changed } = this.now;
    keepMeta('blocks', String(blocks));
    keepMeta('bytes', String(bytes));
    keepMeta('last time', String(lastTime));
    keepMeta(HELD_KEY, JSON.stringify(classes));
    for (const [gateway, bytesOf] of changed) keepMeta(GATEWAY_BYTES_KEY + gateway, String(bytesOf));
  }

  add({ gateway, class: packClass, position, blocks, bytes, lastTime }: AddedPack): void {
    this.#count(gateway, blocks, bytes);
    this.now = { ...this.now, lastTime: Math.max(this.now.lastTime, lastTime) };
    const held = this.now.classes[packClass];
    this.#hold(packClass, {
      ...held,
      whole: held.whole + 1,
      bytes: held.bytes + bytes,
      wholeFrom: held.whole === 0 ? position : held.wholeFrom,
    });
  }

  /** The samples of the pack at `position` went: `bytes`. */
  thin(gateway: string, packClass: ChannelClass, position: number, bytes: number): void {
    this.#count(gateway, 0, -bytes);
    const held = this.now.classes[packClass];
    this.#hold(packClass, {
      whole: held.whole - 1,
      thinned: held.thinned + 1,
      bytes: held.bytes - bytes,
      wholeFrom: held.wholeFrom === position ? position + 1 : held.wholeFrom,
      thinnedFrom: held.thinned === 0 ? position : Math.min(held.thinnedFrom, position),
    });
  }

  /** The pack at `position`, the oldest thinned one, went with its `blocks`. */
  drop(packClass: ChannelClass, position: number, blocks: number): void {
    this.now = { ...this.now, blocks: this.now.blocks - blocks };
    const held = this.now.classes[packClass];
    this.#hold(packClass, { ...held, thinned: held.thinned - 1, thinnedFrom: position + 1 });
  }

  /** Packs that have their samples became others: by so many more, or fewer, are there of each. */
  replace(
    gateway: string,
    packClass: ChannelClass,
    { packs, blocks, bytes }: Readonly<Record<'packs' | 'blocks' | 'bytes', number>>,
  ): void {
    this.#count(gateway, blocks, bytes);
    const held = this.now.classes[packClass];
    this.#hold(packClass, { ...held, whole: held.whole + packs, bytes: held.bytes + bytes });
  }

  /** What stands before `position` is of other classes or gone: not looked through again. */
  beginsAt(packClass: ChannelClass, state: 'whole' | 'thinned', position: number): void {
    this.#hold(packClass, { ...this.now.classes[packClass], [`${state}From`]: position });
  }

  /** So many more, or fewer, are there of a gateway. */
  #count(gateway: string, blocks: number, bytes: number): void {
    const { now } = this;
    const before = now.changed.get(gateway) ?? this.#gateways.get(gateway) ?? 0;
    const changed = new Map(now.changed).set(gateway, before + bytes);
    this.now = { ...now, blocks: now.blocks + blocks, bytes: now.bytes + bytes, changed };
  }

  #hold(packClass: ChannelClass, held: HeldPacks): void {
    this.now = { ...this.now, classes: { ...this.now.classes, [packClass]: held } };
  }
}

function heldOf(text: string | undefined): Record<ChannelClass, HeldPacks> {
  const none = { critical: NONE_HELD, standard: NONE_HELD, bulk: NONE_HELD };
  return { ...none, ...(JSON.parse(text ?? '{}') as Partial<Record<ChannelClass, HeldPacks>>) };
}
