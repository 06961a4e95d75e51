import { formatClock } from '../model/format.ts';
import { timeStep, timeTicks } from '../model/time-ticks.ts';
import { AXIS_WIDTH, TICK_ROOM } from './strip-chart.ts';
import type { Palette } from './theme.ts';

/** The time axis that all charts share. */
export class TimeAxis {
  readonly #canvas: HTMLCanvasElement;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  /** Draws [from, to] with the cursor's time, seconds; `gutter` CSS pixels at the right are not part of the charts. */
  draw(from: number, to: number, cursor: number | undefined, gutter: number, palette: Palette): void {
    const canvas = this.#canvas;
    const ratio = devicePixelRatio;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const ctx = canvas.getContext('2d');
    const plotWidth = width - AXIS_WIDTH - gutter;
    if (ctx === null || plotWidth <= 0) return;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    ctx.font = palette.font;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.fillStyle = palette.text;
    const step = timeStep(to - from, plotWidth, TICK_ROOM);
    const x = (seconds: number) => AXIS_WIDTH + ((seconds - from) / (to - from)) * plotWidth;
    for (const tick of timeTicks(from, to, step)) {
      const left = x(tick);
      if (left < AXIS_WIDTH || left > width - gutter) continue;
      ctx.fillText(formatClock(tick, step), Math.min(Math.max(left, 34), width - 34), height / 2);
    }
    if (cursor !== undefined) this.#drawCursor(ctx, x(cursor), cursor, height, palette);
  }

  #drawCursor(ctx: CanvasRenderingContext2D, x: number, seconds: number, height: number, palette: Palette): void {
    const text = formatClock(seconds, 0.001);
    const half = ctx.measureText(text).width / 2 + 8;
    const middle = Math.max(x, half);
    ctx.fillStyle = palette.cursor;
    ctx.beginPath();
    ctx.roundRect(middle - half, 2, half * 2, height - 4, 5);
    ctx.fill();
    ctx.fillStyle = palette.cursorText;
    ctx.fillText(text, middle, height / 2);
  }
}
