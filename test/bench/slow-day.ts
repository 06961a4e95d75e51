/*
 * A day of slow channels, and how it comes to a central: what merging there is measured on.
 */
import { defineChannel } from '../../gateway/channel.ts';
import type { Envelope } from '../../gateway/query/telemetry.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { BlockStore } from '../../sync/central/block-store.ts';
import { Keeper } from '../../sync/central/keeper.ts';
import { GATEWAY, StoreRig } from '../gateway/store/store-rig.ts';
import type { Progress } from './figure.ts';
import { pollSlowly } from './low-rate-drive.ts';

const CARS = 2;
export const DAY_MS = 86_400_000;
const INTERVAL_S = 60;
const RING_SLOTS = 1 << 16;
export const CHARTS = 50;
export const PIXELS = 1000;
export const ROUNDS = 7;

/** What a box that is asked each minute has for its central. */
export interface SlowDay {
  readonly items: readonly FeedItem[];
  readonly samples: number;
}

/** 500 channels, a sample a minute each. */
export function slowDay(progress: Progress): SlowDay {
  const rig = new StoreRig([], RING_SLOTS);
  try {
    const samples = fill(rig, progress);
    return { items: rig.blocks.feed(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), samples };
  } finally {
    rig.dispose();
  }
}

/** As a line brings it within a day; then another one begins. */
export async function pull(store: BlockStore, items: readonly FeedItem[], clock: { ms: number }): Promise<void> {
  const keeper = new Keeper(store);
  const keep = (some: readonly FeedItem[]) =>
    keeper.keep({ role: 'gateway', gateway: GATEWAY }, { feed: 'f', items: some, complete: false });
  for (let at = 0; at < items.length; at += 256) await keep(items.slice(at, at + 256));
  clock.ms += DAY_MS;
}

/** Charts as text that differs where a bit does. */
export function pixelsOf(charts: readonly Envelope[]): string {
  const columns = charts.map(({ count, min, max, first, last }) =>
    [count, min, max, first, last].map((column) => Buffer.from(column.slice().buffer).toString('base64')),
  );
  return JSON.stringify(columns);
}

/** A box that is asked each minute and seals what it has. Returns the number of samples. */
function fill(rig: StoreRig, progress: Progress): number {
  // Polled each second, and told as if it had been each minute.
  const { specs, channels, times: seconds, values } = pollSlowly(CARS, DAY_MS / 1e3 / INTERVAL_S);
  const origin = seconds[0] ?? 0;
  const times = seconds.map((time) => origin + (time - origin) * INTERVAL_S);
  progress(`${times.length} samples of ${specs.length} channels, one a minute`);
  rig.writer.keepChannels(specs.map((spec, index) => ({ ...defineChannel(spec), id: index + 1 })));
  const minuteOf = (time: number) => Math.round((time - origin) / (INTERVAL_S * 1e6));
  const seal = () => {
    rig.commit();
    rig.sealAll();
    rig.writer.trim();
  };
  for (let i = 0, minute = 0; i < times.length; i += 1) {
    const time = times[i] as number;
    if (minuteOf(time) !== minute) seal();
    minute = minuteOf(time);
    rig.ring.writeSample((channels[i] as number) + 1, time, values[i] as number);
  }
  seal();
  return times.length;
}
