import { signal } from '@preact/signals';
import uPlot from 'uplot';
import type { LiveChannel } from '../live/live-channel.ts';
import { enumMarks, fitted, stepDigits } from '../model/axis-marks.ts';
import { formatNumber, formatValue } from '../model/format.ts';
import { type Quantity, quantityOf, quantityText, rungOf } from '../model/quantity.ts';
import { Series } from '../model/series.ts';
import { timeStep, timeTicks } from '../model/time-ticks.ts';
import { YRange } from '../model/y-range.ts';
import type { Palette } from './theme.ts';
import { tracePaths } from './trace-paths.ts';

/** CSS pixels kept for the marks of the value axis; the time axis below leaves the same room. */
export const AXIS_WIDTH = 64;

/** CSS pixels between two marks of the time axis, at least. */
export const TICK_ROOM = 90;

/** An enum with more labels than this shows the values that occur, not all there are. */
const LABELS_SHOWN_MAX = 5;

/** CSS pixels between two labels of an enum, at least. */
const LABEL_ROOM = 15;

const NOTHING = new Series(1, 1);

/** One chart of one channel: uPlot for axes and cursor, with a trace of its own that knows bands, steps and gaps. */
export class StripChart {
  /** Least and greatest value in the window. */
  readonly lowText = signal('');
  readonly highText = signal('');
  /** Value under the cursor; undefined while there is no cursor. */
  readonly cursorValue = signal<Quantity | undefined>(undefined);
  readonly #plot: uPlot;
  readonly #range = new YRange();
  readonly #resize: ResizeObserver;
  readonly #visibility: IntersectionObserver;
  readonly #channel: LiveChannel;
  #palette: Palette;
  #colour: string;
  #bandColour: string;
  #series = NOTHING;
  #isVisible = true;
  /** Right edge of what is drawn, seconds: a window that stands still is not drawn again. */
  #drawnTo = Number.NaN;
  #textsAt = 0;
  /** The texts of the extremes, which are not written as often, are not yet those of what is drawn. */
  #hasOldTexts = false;

  constructor(channel: LiveChannel, palette: Palette, colour: string, into: HTMLElement) {
    this.#channel = channel;
    this.#palette = palette;
    this.#colour = colour;
    this.#bandColour = withAlpha(colour, palette.bandAlpha);
    this.#plot = new uPlot(this.#options(into), [[], []], into);
    this.#resize = new ResizeObserver(() => this.#plot.setSize({ width: into.clientWidth, height: into.clientHeight }));
    this.#resize.observe(into);
    this.#visibility = new IntersectionObserver(([entry]) => {
      this.#isVisible = entry?.isIntersecting ?? true;
    });
    this.#visibility.observe(into);
  }

  destroy(): void {
    this.#resize.disconnect();
    this.#visibility.disconnect();
    this.#plot.destroy();
  }

  setColours(palette: Palette, colour: string): void {
    this.#palette = palette;
    this.#colour = colour;
    this.#bandColour = withAlpha(colour, palette.bandAlpha);
    this.#plot.redraw();
  }

  /** Time under the cursor, seconds; undefined where the cursor is elsewhere. */
  cursorTime(): number | undefined {
    const { left } = this.#plot.cursor;
    return left === undefined || left < 0 ? undefined : this.#plot.posToVal(left, 'x');
  }

  /** Draws the window [from, to], seconds. */
  draw(series: Series | undefined, from: number, to: number, localMs: number): void {
    if (!this.#isVisible) return;
    this.#showCursor();
    const isDrawn = to === this.#drawnTo && (series ?? NOTHING) === this.#series;
    if (isDrawn && !this.#hasOldTexts) return;
    const spread = (series ?? NOTHING).spread(from, to);
    if (!isDrawn) this.#drawTrace(series ?? NOTHING, from, to, spread);
    if (localMs - this.#textsAt < 200) return;
    this.#textsAt = localMs;
    this.#hasOldTexts = false;
    this.lowText.value = this.#extremeText(spread?.min);
    this.highText.value = this.#extremeText(spread?.max);
  }

  #drawTrace(series: Series, from: number, to: number, spread: { min: number; max: number } | undefined): void {
    this.#drawnTo = to;
    this.#series = series;
    this.#hasOldTexts = true;
    this.#followRange(spread);
    const { length } = this.#series;
    const times = this.#series.times.subarray(0, length);
    const last = this.#series.last.subarray(0, length);
    this.#plot.batch(() => {
      this.#plot.setData([times, last], false);
      this.#plot.setScale('x', { min: from, max: to });
      if (!Number.isNaN(this.#range.low)) this.#plot.setScale('y', { min: this.#range.low, max: this.#range.high });
    });
  }

  #extremeText(value: number | undefined): string {
    const { definition, decimals } = this.#channel;
    if (value === undefined || definition.type !== 'number') return '';
    return quantityText(definition, quantityOf(definition, decimals, value));
  }

  #showCursor(): void {
    const time = this.cursorTime();
    if (time === undefined) {
      this.cursorValue.value = undefined;
      return;
    }
    const at = this.#series.indexAt(time, this.#channel.gapAfter(this.#series));
    const { definition, decimals } = this.#channel;
    const shown = at < 0 ? '\u2013' : this.#series.last[at];
    const quantity = quantityOf(definition, decimals, shown);
    const before = this.cursorValue.peek();
    if (before?.text !== quantity.text || before.unit !== quantity.unit) this.cursorValue.value = quantity;
  }

  #followRange(spread: { min: number; max: number } | undefined): void {
    const { definition } = this.#channel;
    if (definition.type === 'bool') this.#range.fix(-0.25, 1.25);
    else if (definition.type === 'enum' && definition.labels.size > 0 && definition.labels.size <= LABELS_SHOWN_MAX) {
      const values = [...definition.labels.keys(), ...(spread === undefined ? [] : [spread.min, spread.max])];
      this.#range.fix(Math.min(...values) - 0.5, Math.max(...values) + 0.5);
    } else this.#range.follow(spread);
  }

  #options(into: HTMLElement): uPlot.Options {
    return {
      width: Math.max(1, into.clientWidth),
      height: Math.max(1, into.clientHeight),
      legend: { show: false },
      padding: [8, 0, 8, 0],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: false, y: false, setScale: false },
        sync: { key: 'live', setSeries: false, scales: ['x', null] },
      },
      scales: { x: { time: false, auto: false, range: asSet }, y: { auto: false, range: asSet } },
      axes: [this.#timeGrid(), this.#valueAxis()],
      series: [
        {},
        {
          stroke: () => this.#colour,
          fill: () => this.#bandColour,
          width: this.#palette.lineWidth,
          points: { show: false },
          paths: (plot) => this.#paths(plot),
        },
      ],
      hooks: { drawClear: [(plot) => this.#drawGaps(plot)], draw: [(plot) => this.#drawMarks(plot)] },
    };
  }

  #timeGrid(): uPlot.Axis {
    return {
      size: 0,
      grid: { stroke: () => this.#palette.grid, width: 1 },
      ticks: { show: false },
      splits: (plot, _axis, from, to) => timeTicks(from, to, timeStep(to - from, plot.over.clientWidth, TICK_ROOM)),
      values: (_plot, splits) => splits.map(() => ''),
    };
  }

  #valueAxis(): uPlot.Axis {
    const axis: uPlot.Axis = {
      size: AXIS_WIDTH,
      gap: 6,
      stroke: () => this.#palette.text,
      font: this.#palette.font,
      grid: { stroke: () => this.#palette.grid, width: 1 },
      ticks: { show: false },
      space: 34,
      values: (plot, splits) => this.#axisTexts(plot, splits),
    };
    const { type, labels } = this.#channel.definition;
    if (type === 'bool') axis.splits = [0, 1];
    if (type === 'enum' && labels.size > 0) {
      axis.splits = (plot, _axis, low, high) => enumMarks(labels.keys(), low, high, plot.over.clientHeight, LABEL_ROOM);
    }
    return axis;
  }

  #axisTexts(plot: uPlot, splits: readonly number[]): string[] {
    const { definition } = this.#channel;
    if (definition.type !== 'number') {
      plot.ctx.font = this.#palette.font;
      const measure = (text: string) => plot.ctx.measureText(text).width;
      return splits.map((value) => fitted(formatValue(definition, value), AXIS_WIDTH - 10, measure));
    }
    const step = Math.abs((splits[1] ?? 0) - (splits[0] ?? 0));
    const rung = rungOf(definition.unit, Math.max(0, ...splits.map(Math.abs)));
    if (rung === undefined) return splits.map((value) => formatNumber(value, stepDigits(step)));
    const digits = stepDigits(step / rung.size);
    return splits.map((value) => `${formatNumber(value / rung.size, digits)} ${rung.mark}`.trim());
  }

  #paths(plot: uPlot): uPlot.Series.Paths | null {
    const { min: from, max: to } = plot.scales.x ?? {};
    const { min: low, max: high } = plot.scales.y ?? {};
    if (from == null || to == null || low == null || high == null || this.#series.length === 0) return null;
    return tracePaths(
      this.#series,
      plot.bbox,
      { from, to, low, high },
      this.#channel.gapAfter(this.#series),
      this.#channel.isStepped,
    );
  }

  /** Stretches that the gateway knows to be missing. */
  #drawGaps(plot: uPlot): void {
    const { gaps } = this.#series;
    const { ctx, bbox } = plot;
    ctx.fillStyle = this.#palette.gap;
    for (let i = 0; i + 1 < gaps.length; i += 2) {
      const left = Math.max(bbox.left, plot.valToPos(gaps[i] ?? 0, 'x', true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(gaps[i + 1] ?? 0, 'x', true));
      if (right >= left) ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
    }
  }

  /** Limits as dashed lines. */
  #drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const [lowAlarm, lowWarn, highWarn, highAlarm] = this.#channel.definition.limits;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineWidth = ratio;
    ctx.setLineDash([6 * ratio, 5 * ratio]);
    for (const [limit, colour] of [
      [lowAlarm, this.#palette.alarm],
      [lowWarn, this.#palette.warn],
      [highWarn, this.#palette.warn],
      [highAlarm, this.#palette.alarm],
    ] as const) {
      if (Number.isNaN(limit) || limit < this.#range.low || limit > this.#range.high) continue;
      const y = plot.valToPos(limit, 'y', true);
      ctx.strokeStyle = colour;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  }
}

/** A scale that is what it was set to. */
function asSet(_plot: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  return [low ?? 0, high ?? 1];
}

function withAlpha(colour: string, alpha: number): string {
  return `color-mix(in srgb, ${colour} ${Math.round(alpha * 100)}%, transparent)`;
}
