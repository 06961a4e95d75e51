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
  readonly #outputs = new Map<Quantity, Output>();

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
      const output = this.#output(quantity);
      const time = output.byDevice ? origin.utc : arrival;
      if (time === undefined) isWithoutUtc = true;
      else if (output.selection.takes(origin, arrival)) {
        output.channel ??= this.#define(quantity, output.byDevice);
        this.#outlet.push(output.channel, time, value);
      }
    }
    if (isWithoutUtc) this.#outlet.error('no-utc');
  }

  #output(quantity: Quantity): Output {
    let output = this.#outputs.get(quantity);
    if (output === undefined) {
      const byDevice = this.#byDevice && quantity.origin === 'fix';
      output = { byDevice, selection: new Selection(quantity.origin === 'instrument'), channel: undefined };
      this.#outputs.set(quantity, output);
    }
    return output;
  }

  #define({ origin: _, ...about }: Quantity, byDevice: boolean): number {
    return this.#outlet.channel({ ...about, stamp: byDevice ? 'device' : 'arrival' });
  }
}

/** Where the samples of a quantity go. */
interface Output {
  readonly byDevice: boolean;
  readonly selection: Selection;
  channel: number | undefined;
}
