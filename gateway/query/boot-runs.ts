import type { BlockReader } from '../store/block-reader.ts';
import type { SampleRun } from '../store/coverage.ts';
import type { BlockContents } from './block-contents.ts';
import type { TailReader } from './tail-reader.ts';
import type { Samples } from './telemetry.ts';

/** Sequence numbers of which the blocks are looked up at a time. */
const WINDOW_SAMPLES = 1 << 20;

/** A run of samples of one channel and boot as they were taken in. */
export interface BootRun extends SampleRun {
  /** The samples, times as stored; undefined where they are thinned, damaged or gone. */
  load(): Samples | undefined;
}

export interface BootRunParts {
  readonly blocks: BlockReader;
  readonly contents: BlockContents;
  readonly tail: TailReader | undefined;
}

/** Every run of a channel and boot, in the order of their sequence numbers: blocks, then what is in none. */
export function* bootRuns(parts: BootRunParts, channel: number, boot: number): Generator<BootRun, void, undefined> {
  const { blocks, contents, tail } = parts;
  const end = blocks.sealedEnd(channel, boot);
  for (let from = 0; from < end; from += WINDOW_SAMPLES) {
    const holding = blocks.blocksHolding(channel, boot, from, from + WINDOW_SAMPLES);
    // A block that reaches into a window from before was in the window before.
    const begun = holding.filter(({ firstSequence }) => firstSequence >= from);
    for (const extent of begun.sort((a, b) => a.firstSequence - b.firstSequence)) {
      const { firstSequence, endSequence, timeMin, timeMax } = extent;
      yield { firstSequence, endSequence, timeMin, timeMax, load: () => contents.of(extent) };
    }
  }
  const chunks = (tail?.chunks(channel) ?? []).filter((chunk) => chunk.boot === boot && chunk.count > 0);
  for (const chunk of chunks.sort((a, b) => a.firstSequence - b.firstSequence)) {
    const { firstSequence, endSequence, timeMax } = chunk;
    const times = chunk.timesFrom(0);
    const timeMin = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
    yield {
      ...{ firstSequence, endSequence, timeMin, timeMax },
      load: () => ({ times, values: chunk.valuesFrom(0) }),
    };
  }
}
