/** Share of the present range that is given up a frame while the values need less room. */
const SHRINK = 0.04;

/**
 * The vertical range of a chart: grows at once so that nothing is cut off, shrinks slowly so that it does not pump.
 */
export class YRange {
  low = Number.NaN;
  high = Number.NaN;

  /** Follows the values shown; `undefined` where none is. */
  follow(spread: { min: number; max: number } | undefined): void {
    if (spread === undefined) return;
    const { min, max } = spread;
    const size = max - min;
    const pad = size > 0 ? size * 0.1 : Math.max(Math.abs(max) * 0.05, 0.5);
    const low = min - pad;
    const high = max + pad;
    if (Number.isNaN(this.low)) {
      this.low = low;
      this.high = high;
      return;
    }
    this.low = low < this.low ? low : this.low + (low - this.low) * SHRINK;
    this.high = high > this.high ? high : this.high + (high - this.high) * SHRINK;
  }

  fix(low: number, high: number): void {
    this.low = low;
    this.high = high;
  }
}
