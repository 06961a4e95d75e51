import type { Quantity } from './nmea/quantities.ts';
import type { Report } from './nmea/report.ts';
import { Selection } from './nmea/selection.ts';
import type { Outlet } from './outlet.ts';

/** Which message a report comes from, and which fix it belongs to. */
export interface ReportOrigin {
  /** Name of the message, to tell instruments apart: `SDDPT`. */
  readonly address: string;
  /** Which fix it belongs to; undefined while the receiver has no time. */
  readonly epoch: number | undefined;
  /** UTC of that fix, microseconds; undefined until a date was told. */
  readonly utc: number | undefined;
  /** Whether quantities of this message are taken from messages of its kind alone, for as long as such come. */
  readonly isPreferred: boolean;
}

/** Turns what NMEA sentences and UBX messages tell into samples, each measurement once. */
export class GnssSamples {
  readonly #outlet: Outlet;
  readonly #byDevice: boolean;
  readonly #selection = new Selection();
  readonly #channels = new Map<Quantity, number>();

  /** @param byDevice whether what belongs to a fix is stamped with its UTC */
  constructor(outlet: Outlet, byDevice: boolean) {
    this.#outlet = outlet;
    this.#byDevice = byDevice;
  }

  push({ quantities, values }: Report, origin: ReportOrigin): void {
    const { arrival } = this.#outlet;
    let isWithoutUtc = false;
    for (let index = 0; index < quantities.length; index += 1) {
      const quantity = quantities[index];
      const value = values[index];
      if (quantity === undefined || value === undefined) continue;
      const time = this.#isDeviceStamped(quantity) ? origin.utc : arrival;
      if (time === undefined) isWithoutUtc = true;
      else if (this.#selection.takes(quantity, origin, arrival)) {
        this.#outlet.push(this.#channel(quantity), time, value);
      }
    }
    if (isWithoutUtc) this.#outlet.error('no-utc');
  }

  #isDeviceStamped(quantity: Quantity): boolean {
    return this.#byDevice && quantity.origin === 'fix';
  }

  #channel(quantity: Quantity): number {
    const known = this.#channels.get(quantity);
    if (known !== undefined) return known;
    const { origin: _, ...about } = quantity;
    const id = this.#outlet.channel({ ...about, stamp: this.#isDeviceStamped(quantity) ? 'device' : 'arrival' });
    this.#channels.set(quantity, id);
    return id;
  }
}
