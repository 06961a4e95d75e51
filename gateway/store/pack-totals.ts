import type { ChannelClass } from '../channel.ts';

/** What is counted over all packs. */
export interface Totals {
  readonly blocks: number;
  readonly bytes: number;
  /** Greatest time of all blocks in box time, microseconds. */
  readonly lastTime: number;
  readonly classes: Readonly<Record<ChannelClass, HeldPacks>>;
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

/**
 * What is counted over all packs, so that nobody has to read them: in memory, and in `meta` with the transaction that changes
 * it. {@link PackTotals.now} is never changed but replaced, so that a transaction that fails can take back what it counted.
 */
export class PackTotals {
  now: Totals;

  /** @param meta reads a value that was kept */
  constructor(meta: (key: string) => string | undefined) {
    this.now = {
      blocks: Number(meta('blocks') ?? 0),
      bytes: Number(meta('bytes') ?? 0),
      lastTime: Number(meta('last time') ?? 0),
      classes: heldOf(meta(HELD_KEY)),
    };
  }

  /** Belongs in the transaction that changed it. */
  keep(keepMeta: (key: string, value: string) => void): void {
    const { blocks, bytes, lastTime, classes } = this.now;
    keepMeta('blocks', String(blocks));
    keepMeta('bytes', String(bytes));
    keepMeta('last time', String(lastTime));
    keepMeta(HELD_KEY, JSON.stringify(classes));
  }

  add({ class: packClass, position, blocks, bytes, lastTime }: AddedPack): void {
    this.now = {
      ...this.now,
      blocks: this.now.blocks + blocks,
      bytes: this.now.bytes + bytes,
      lastTime: Math.max(this.now.lastTime, lastTime),
    };
    const held = this.now.classes[packClass];
    this.#hold(packClass, {
      ...held,
      whole: held.whole + 1,
      bytes: held.bytes + bytes,
      wholeFrom: held.whole === 0 ? position : held.wholeFrom,
    });
  }

  /** The samples of the pack at `position` went: `bytes`. */
  thin(packClass: ChannelClass, position: number, bytes: number): void {
    this.now = { ...this.now, bytes: this.now.bytes - bytes };
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
    packClass: ChannelClass,
    { packs, blocks, bytes }: Readonly<Record<'packs' | 'blocks' | 'bytes', number>>,
  ): void {
    this.now = { ...this.now, blocks: this.now.blocks + blocks, bytes: this.now.bytes + bytes };
    const held = this.now.classes[packClass];
    this.#hold(packClass, { ...held, whole: held.whole + packs, bytes: held.bytes + bytes });
  }

  /** What stands before `position` is of other classes or gone: not looked through again. */
  beginsAt(packClass: ChannelClass, state: 'whole' | 'thinned', position: number): void {
    this.#hold(packClass, { ...this.now.classes[packClass], [`${state}From`]: position });
  }

  #hold(packClass: ChannelClass, held: HeldPacks): void {
    this.now = { ...this.now, classes: { ...this.now.classes, [packClass]: held } };
  }
}

function heldOf(text: string | undefined): Record<ChannelClass, HeldPacks> {
  const none = { critical: NONE_HELD, standard: NONE_HELD, bulk: NONE_HELD };
  return { ...none, ...(JSON.parse(text ?? '{}') as Partial<Record<ChannelClass, HeldPacks>>) };
}
