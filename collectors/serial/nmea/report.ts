import type { Quantity } from './quantities.ts';

/** What one sentence tells. One report is used again and again: it is valid until the next sentence is decoded. */
export class Report {
  /** What was measured, in the order of the fields; `values` has the value of each. */
  readonly quantities: Quantity[] = [];
  readonly values: number[] = [];
  /** True when sentences of this type carry the UTC of the fix. */
  isTimed = false;
  /** UTC time of day of the fix, microseconds; undefined when the receiver left it empty. */
  timeOfDay: number | undefined;
  /** UTC day, days since 1970-01-01. */
  day: number | undefined;
  /** Whether the receiver calls its fix valid; undefined when the sentence does not say. */
  isValid: boolean | undefined;

  clear(): void {
    this.quantities.length = 0;
    this.values.length = 0;
    this.isTimed = false;
    this.timeOfDay = undefined;
    this.day = undefined;
    this.isValid = undefined;
  }

  /** Adds a measured value; nothing where the field was empty. */
  put(quantity: Quantity, value: number | undefined): void {
    if (value === undefined) return;
    this.quantities.push(quantity);
    this.values.push(value);
  }

  putBool(quantity: Quantity, value: boolean): void {
    this.put(quantity, value ? 1 : 0);
  }

  /** Sets the UTC of the fix. */
  time(timeOfDay: number | undefined): void {
    this.isTimed = true;
    this.timeOfDay = timeOfDay;
  }

  /** Sets whether the fix is valid, and reports it. */
  validity(quantity: Quantity, isValid: boolean): void {
    this.isValid = isValid;
    this.putBool(quantity, isValid);
  }
}
