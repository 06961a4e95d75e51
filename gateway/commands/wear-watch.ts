import { type DiskLife, readDiskLife } from '../../hardware/host/disk-life.ts';
import { diskOf } from '../../hardware/host/disk-of.ts';
import { WrittenBytes } from '../../hardware/host/written-bytes.ts';
import type { DiskWearStatus } from '../status.ts';
import type { StoreHost } from '../store-host.ts';
import { type WearBudget, WearMeter } from '../wear-meter.ts';

/** How often what was written is kept for the next run, and the disk is asked for its own account. */
const KEEP_INTERVAL_MS = 3_600_000;

/** The first hour of a run, with its start, says little of the years to come. */
const SETTLED_MS = 3_600_000;

export interface WearWatchParts {
  readonly dir: string;
  readonly budget: WearBudget;
  readonly store: Pick<StoreHost, 'wear' | 'status' | 'utcNow' | 'keepWear' | 'letMerge'>;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
  /** Milliseconds that never go back; `performance.now` unless a test has hours to pass. */
  readonly now?: () => number;
}

/** Meters what is written to the disk of the store, keeps it from run to run, and says when the disk will not last. */
export class WearWatch {
  readonly #parts: WearWatchParts;
  readonly #disk: string | undefined;
  readonly #written: WrittenBytes;
  readonly #meter: WearMeter;
  readonly #now: () => number;
  readonly #startedAt: number;
  #keptAt: number;
  #life: DiskLife | undefined;
  #letsMerge = true;
  #isToldOf = { budget: false, end: false };

  private constructor(parts: WearWatchParts, disk: string | undefined, life: DiskLife | undefined) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
    this.#startedAt = this.#now();
    this.#keptAt = this.#startedAt;
    this.#disk = disk;
    this.#life = life;
    this.#written = new WrittenBytes(disk);
    this.#meter = new WearMeter(parts.budget, parts.store.wear, parts.store.utcNow());
  }

  static async open(parts: WearWatchParts): Promise<WearWatch> {
    const disk = await diskOf(parts.dir);
    return new WearWatch(parts, disk, disk === undefined ? undefined : await readDiskLife(disk));
  }

  /** Takes a reading; to be called about once a second. */
  look(): DiskWearStatus {
    const { store } = this.#parts;
    const now = this.#now();
    const written = this.#written.read();
    if (written !== undefined) this.#meter.observe(now, written, store.status.samples);
    if (now - this.#keptAt >= KEEP_INTERVAL_MS) {
      this.#keptAt = now;
      store.keepWear(this.#meter.record);
      void this.#readLife();
    }
    const status = { ...this.#meter.status(store.utcNow(), this.#life?.used), disk: this.#disk ?? '' };
    this.#tell(status, now);
    this.#letMerge(!status.isOverBudget || now - this.#startedAt < SETTLED_MS);
    return status;
  }

  /** Keeps what was written, and lets go of the files. Before the store is closed. */
  stop(): void {
    this.look();
    this.#parts.store.keepWear(this.#meter.record);
    this.#written.close();
  }

  async #readLife(): Promise<void> {
    if (this.#disk !== undefined) this.#life = await readDiskLife(this.#disk);
  }

  /** What merging writes can be done without. */
  #letMerge(isOn: boolean): void {
    if (isOn === this.#letsMerge) return;
    this.#letsMerge = isOn;
    this.#parts.store.letMerge(isOn);
  }

  #tell({ isOverBudget, yearsLeft, bytesPerDay }: DiskWearStatus, now: number): void {
    const { onProblem, budget } = this.#parts;
    if (isOverBudget && !this.#isToldOf.budget && now - this.#startedAt >= SETTLED_MS) {
      this.#isToldOf.budget = true;
      const gigabytes = (bytesPerDay / 1e9).toFixed(1);
      onProblem(
        `the disk of the store wears too fast: ${gigabytes} GB a day leave it ${yearsLeft.toFixed(1)} years, and it must last ${budget.lifetimeYears} in all`,
      );
    }
    if (this.#life?.isAtEnd === true && !this.#isToldOf.end) {
      this.#isToldOf.end = true;
      onProblem(`the disk of the store, ${this.#disk}, says that its life ends: replace it`);
    }
  }
}
