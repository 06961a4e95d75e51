import type { ChannelClass } from '../../channel.ts';
import type { RetentionStatus } from '../../status.ts';
import { DATABASE_PAGE_BYTES } from '../database.ts';
import { type DiskRoom, isFull } from '../disk-room.ts';
import type { GivenUpSoFar, HeldPack } from '../give-up.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import type { Ballast } from './ballast.ts';
import { Inflow } from './inflow.ts';
import { Ladder, rungText } from './ladder.ts';
import type { RetentionSettings } from './retention-config.ts';
import { type RetentionLimits, retentionLimits } from './retention-limits.ts';
import {
  type ClassStock,
  planRetention,
  type RetentionPlan,
  type RetentionStep,
  type RetentionStock,
} from './retention-plan.ts';

/** Packs and their blocks in one transaction: what a commit may wait for. */
const STEP_PACKS_MAX = 128;
const STEP_BLOCKS_MAX = 512;

/** Pages given back to the disk in one transaction: 1 MiB. */
const VACUUM_PAGES = (1 << 20) / DATABASE_PAGE_BYTES;

/** Least time between two steps, milliseconds: while the disk has room there is no hurry. */
const STEP_INTERVAL_MS = 100;
const PRESSED_INTERVAL_MS = 10;
const NO_ROOM_INTERVAL_MS = 1000;

/** Share of the store's limit by which it may be over it before steps follow one another without leisure. */
const PRESSED_SHARE = 0.01;

/** With less room than this nothing is sealed: what a pass writes must fit. */
const SEAL_BYTES = 2 << 20;

/** Steps made before anything else when a store is opened on a disk that is full, milliseconds. */
const RELIEF_MS = 1000;

/** What retention needs of the large database; `BlockDb` has it. */
export interface PackStore {
  /** Greatest box time stored, microseconds. */
  lastTime(): number;
  /** Bytes of packs with samples, by class. */
  classBytes(): Readonly<Record<ChannelClass, number>>;
  oldestPack(packClass: ChannelClass, state: 'whole' | 'thinned'): HeldPack | undefined;
  /** Bytes of pages in use, and of pages that wait to be used again. */
  pageBytes(): { readonly used: number; readonly free: number };
  /** Runs `change` as one transaction. */
  transaction<Result>(change: () => Result): Result;
  /** Thins or drops packs of a class, oldest first, while `goesOn` says so; returns their number. In a transaction. */
  giveUp(
    packClass: ChannelClass,
    act: RetentionStep['act'],
    cause: string,
    goesOn: (pack: HeldPack, done: GivenUpSoFar) => boolean,
  ): number;
  /** Gives free pages back to the disk. */
  vacuum(pages: number): void;
}

export interface RetentionParts {
  readonly store: PackStore;
  /** Room of the disk that holds the store, now. */
  readonly disk: () => DiskRoom;
  readonly settings: RetentionSettings;
  readonly ballast: Ballast;
  readonly acknowledgements: Acknowledgements;
  /** Keeps what centrals said, in the transaction of a step. */
  readonly keepAcknowledged: () => void;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
  /** Told when samples of channels that are not critical are to be refused, and when no longer. */
  readonly onCriticalOnly: (isOn: boolean) => void;
}

/**
 * Keeps the store within its limits and the disk from running full: measures, asks the plan, and does what it says in
 * steps of one small transaction each.
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #ladder = new Ladder();
  readonly #inflow = new Inflow();
  #limits: RetentionLimits;
  #stock: RetentionStock;
  #plan: RetentionPlan;
  #freeBytes = 0;
  #totalBytes = 0;
  #nextStep = 0;
  #nextSeal = 0;
  #isCriticalOnly: boolean | undefined;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#limits = retentionLimits(parts.settings, parts.disk().totalBytes);
    this.#stock = this.#measure();
    this.#plan = planRetention(this.#stock, this.#limits);
  }

  /** Makes room on a disk that is full when the store is opened, so that what follows can write. */
  relieve(): void {
    const end = performance.now() + RELIEF_MS;
    while (this.#plan.step?.cause === 'disk-full' && performance.now() < end) {
      if (!this.#take(this.#plan.step)) return;
    }
  }

  /**
   * Seals, unless there is no room for it; what is committed stays in the journal then. A write of SQLite that had no room is
   * rolled back before anything is synced, and may be tried again.
   */
  seal(seal: () => void): void {
    const { store, disk } = this.#parts;
    if (this.holdsSeals) return;
    if (store.pageBytes().free + disk().freeBytes >= SEAL_BYTES && this.tryWrite(seal)) return;
    this.#nextSeal = performance.now() + NO_ROOM_INTERVAL_MS;
  }

  /** Does `write`; where there is no room for it the ballast is given up, and false returned. */
  tryWrite(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#parts.ballast.giveUp();
      return false;
    }
  }

  /** True while a seal that had no room waits. */
  get holdsSeals(): boolean {
    return performance.now() < this.#nextSeal;
  }

  /** Measures anew and tells what changed; to be called about once a second. */
  look(now: number): void {
    this.#limits = retentionLimits(this.#parts.settings, this.#parts.disk().totalBytes);
    this.#replan();
    this.#inflow.observe(now, this.#stock.usedBytes);
    this.#climb(now);
    if (this.#ladder.rung === 'none') this.#parts.ballast.grow(this.#freeBytes, this.#totalBytes);
  }

  /** Does one step where one is due. */
  step(now: number): void {
    if (now < this.#nextStep) return;
    if (this.#plan.step === undefined) this.#replan();
    const { step } = this.#plan;
    let interval = STEP_INTERVAL_MS;
    if (step === undefined) this.#giveBack();
    else {
      if (!this.#take(step)) interval = NO_ROOM_INTERVAL_MS;
      else if (this.#isPressed(step)) interval = PRESSED_INTERVAL_MS;
      this.#climb(now);
    }
    this.#nextStep = performance.now() + interval;
  }

  /** True while there is room, and nothing to give up. */
  get isAtEase(): boolean {
    return this.#plan.step === undefined && this.#ladder.rung === 'none' && !this.holdsSeals;
  }

  /** How long a thread that has nothing else to do may sleep, milliseconds. */
  idleMs(): number {
    if (this.#plan.step === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#nextStep - performance.now());
  }

  status(): RetentionStatus {
    const { classes, usedBytes, roomBytes } = this.#stock;
    const { bytesMax, reserveBytes } = this.#limits;
    const left = Math.min(bytesMax - usedBytes, roomBytes - reserveBytes);
    return {
      rung: this.#ladder.rung,
      usedBytes,
      limitBytes: bytesMax,
      roomBytes,
      hoursLeft: this.#inflow.hoursFor(Math.max(0, left)),
      classes: CLASSES.map((name) => ({
        class: name,
        bytes: classes[name].bytes,
        reachUs: classes[name].oldest?.ageUs ?? 0,
      })),
    };
  }

  /** True where one step after the other is made: the disk runs short, or more comes in than leisure would give up. */
  #isPressed({ cause, bytes }: RetentionStep): boolean {
    return cause === 'disk-full' || (Number.isFinite(bytes) && bytes > PRESSED_SHARE * this.#limits.bytesMax);
  }

  /** Returns false where there was no room even for that. */
  #take({ act, class: packClass, onlySynced, minAgeUs, bytes, cause }: RetentionStep): boolean {
    const { store, acknowledgements, keepAcknowledged } = this.#parts;
    const now = store.lastTime();
    const synced = acknowledgements.position;
    const before = store.pageBytes().used;
    const step = () => {
      store.giveUp(packClass, act, cause, (pack, done) => {
        if (onlySynced && pack.position > synced) return false;
        if (now - pack.kept < minAgeUs) return false;
        return done.packs < STEP_PACKS_MAX && done.blocks < STEP_BLOCKS_MAX && done.bytes < bytes;
      });
      keepAcknowledged();
    };
    const isTaken = this.tryWrite(() => store.transaction(step));
    this.#inflow.release(before - store.pageBytes().used);
    this.#replan();
    return isTaken;
  }

  /** Pages that were freed are used again, which wears the disk least; given back only where the file is over its limit. */
  #giveBack(): void {
    const { store } = this.#parts;
    const { used, free } = store.pageBytes();
    if (used + free > this.#limits.bytesMax) this.tryWrite(() => store.vacuum(VACUUM_PAGES));
  }

  #replan(): void {
    this.#stock = this.#measure();
    this.#plan = planRetention(this.#stock, this.#limits);
  }

  #measure(): RetentionStock {
    const { store, disk } = this.#parts;
    ({ freeBytes: this.#freeBytes, totalBytes: this.#totalBytes } = disk());
    const { used, free } = store.pageBytes();
    const bytes = store.classBytes();
    const ofClass = (name: ChannelClass): ClassStock => ({
      bytes: bytes[name],
      oldest: this.#oldest(name, 'whole'),
      oldestThinned: this.#oldest(name, 'thinned'),
    });
    return {
      classes: { critical: ofClass('critical'), standard: ofClass('standard'), bulk: ofClass('bulk') },
      usedBytes: used,
      roomBytes: this.#freeBytes + free,
    };
  }

  #oldest(name: ChannelClass, state: 'whole' | 'thinned'): ClassStock['oldest'] {
    const { store, acknowledgements } = this.#parts;
    const pack = store.oldestPack(name, state);
    if (pack === undefined) return undefined;
    return { ageUs: store.lastTime() - pack.kept, isSynced: pack.position <= acknowledgements.position };
  }

  #climb(now: number): void {
    const { ballast, onProblem, onCriticalOnly } = this.#parts;
    const left = this.#ladder.observe(this.#plan.rung, this.#stock.roomBytes / this.#limits.reserveBytes, now);
    if (left !== undefined) onProblem(rungText(this.#ladder.rung));
    if (this.#ladder.refuses) ballast.giveUp();
    if (this.#isCriticalOnly === this.#ladder.refuses) return;
    this.#isCriticalOnly = this.#ladder.refuses;
    onCriticalOnly(this.#isCriticalOnly);
  }
}

const CLASSES: readonly ChannelClass[] = ['critical', 'standard', 'bulk'];
