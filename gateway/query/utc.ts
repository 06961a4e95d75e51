import type { Stamp } from '../channel.ts';
import { type ClockReading, UtcMap } from '../clock.ts';
import type { BlockSource } from './block-source.ts';

const IDENTITY = new UtcMap([]);

/** The UTC maps of every boot a store knows. Box time is mapped when it is read; device stamps are UTC already. */
export class BootClocks {
  readonly #readings = new Map<number, ClockReading[]>();
  readonly #maps = new Map<number, UtcMap>();
  /** Boots of derived samples, and the boots whose maps govern them. */
  readonly #origins = new Map<number, number>();
  #position = 0;
  #bootPosition = 0;

  /** Takes in the rows that were added since the last call. */
  poll(blocks: Pick<BlockSource, 'clockAfter' | 'derivedBootsAfter'>): void {
    const { rows, position } = blocks.clockAfter(this.#position);
    this.#position = position;
    for (const { boot, reading } of rows) {
      const readings = this.#readings.get(boot) ?? [];
      readings.push(reading);
      this.#readings.set(boot, readings);
      this.#maps.set(boot, new UtcMap(readings));
    }
    const derived = blocks.derivedBootsAfter(this.#bootPosition);
    this.#bootPosition = derived.position;
    for (const { boot, origin } of derived.boots) this.#origins.set(boot, origin);
  }

  /** The map of samples with that stamp in that boot. */
  of(boot: number, stamp: Stamp): UtcMap {
    return stamp === 'device' ? IDENTITY : (this.#maps.get(this.#origins.get(boot) ?? boot) ?? IDENTITY);
  }

  /** Least and greatest offset over all boots and stamps: what a range in UTC is widened by to be a range of stored times. */
  span(): { least: number; greatest: number } {
    let least = 0;
    let greatest = 0;
    for (const map of this.#maps.values()) {
      const span = map.span();
      least = Math.min(least, span.least);
      greatest = Math.max(greatest, span.greatest);
    }
    return { least, greatest };
  }
}
