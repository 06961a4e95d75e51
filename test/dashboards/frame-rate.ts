import process from 'node:process';
import { OtherLoad } from '../scenarios/process-tree.ts';
import { drawsOf, type WatchedPage } from './browser.ts';

/** Frames a second that the page draws, when nobody else wants the machine. */
const FRAMES_MIN = 30;
/** From this share of the machine on that others take, a slower page is theirs to answer for. */
const OTHERS_MAX = 0.1;
/** Seconds that are measured, of which the best one counts. */
const SECONDS_MAX = 20;

/** The best second of a chart. */
export interface FrameRate {
  /** Drawings of the chart a second. */
  readonly frames: number;
  /** Ticks told to the page a second. */
  readonly ticks: number;
  /** Share of the machine that others had, 0 to 1. */
  readonly others: number;
  /** What both may be expected to be at least, beside those others. */
  readonly expected: number;
}

/** Measures, a second at a time, until one is as good as on a quiet machine. */
export async function frameRateOf({ page, ticks }: WatchedPage, channel: string): Promise<FrameRate> {
  const load = new OtherLoad(process.pid);
  let best: FrameRate = { frames: 0, ticks: 0, others: 1, expected: 0 };
  for (let second = 0; second < SECONDS_MAX && lesserOf(best) < FRAMES_MIN; second += 1) {
    load.share();
    const before = { draws: await drawsOf(page, channel), ticks: ticks(), at: performance.now() };
    await page.waitForTimeout(1000);
    const seconds = (performance.now() - before.at) / 1000;
    const counted = {
      frames: ((await drawsOf(page, channel)) - before.draws) / seconds,
      ticks: (ticks() - before.ticks) / seconds,
    };
    if (lesserOf(counted) <= lesserOf(best)) continue;
    const others = load.share();
    const isAlone = others < OTHERS_MAX || lesserOf(counted) >= FRAMES_MIN;
    best = { ...counted, others, expected: isAlone ? FRAMES_MIN : FRAMES_MIN * (1 - others) * 0.5 };
  }
  return best;
}

/** A second begins and ends between two ticks. */
function lesserOf({ frames, ticks }: Pick<FrameRate, 'frames' | 'ticks'>): number {
  return Math.min(frames, ticks + 1);
}

/** A rate in words. */
export function frameRateText({ frames, ticks, others }: FrameRate): string {
  return `${frames.toFixed(1)} drawings, ${ticks.toFixed(1)} ticks a second, ${(others * 100).toFixed(0)} % of the machine with others`;
}
