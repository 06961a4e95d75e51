import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { Merger } from '../../../../gateway/store/merge/merger.ts';
import type { StoreRig } from '../store-rig.ts';

/** Small, so that few packs fill them. */
export const WINDOWS = [8, 32] as const;

export const NAMES = ['a', 'b', 'c text', 'd device', 'e bulk', 'f'];

/** What is done to a store. */
export type FillStep =
  /** Packs of these channels, each with so many samples of each. */
  | {
      readonly kind: 'fill';
      readonly channels: readonly number[];
      readonly packs: number;
      readonly samples: number;
      readonly isLate: boolean;
    }
  | { readonly kind: 'lose'; readonly channel: number; readonly count: number }
  | { readonly kind: 'restart-thread' | 'restart-process' | 'clock' };

const ids = NAMES.map((_, index) => index + 1);

export const fillStep: fc.Arbitrary<FillStep> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('fill' as const),
      // Mostly the same ones: packs of one series.
      channels: fc.oneof(fc.constantFrom(ids, ids.slice(0, 4)), fc.subarray(ids, { minLength: 1 })),
      packs: fc.integer({ min: 1, max: 24 }),
      samples: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(40, 400)),
      isLate: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('lose' as const),
      channel: fc.constantFrom(...ids),
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('restart-thread', 'restart-process', 'clock') }),
  },
);

/** Takes steps on a store; the same ones give the same samples. */
export class Filler {
  readonly #rig: StoreRig;
  #time: number;
  #value = 0;

  /** @param time of the first sample, microseconds */
  constructor(rig: StoreRig, time = 1e6) {
    this.#rig = rig;
    this.#time = time;
  }

  take(step: FillStep): void {
    if (step.kind === 'fill') this.#fill(step);
    else if (step.kind === 'lose') {
      this.#rig.ring.writeLoss(step.channel, this.#time, this.#time, step.count, 'ring-full');
      this.#rig.commit();
    } else if (step.kind === 'restart-thread') this.#rig.restartThread();
    else if (step.kind === 'restart-process') this.#rig.restartProcess();
    else {
      this.#rig.writer.keepClock({
        time: this.#time,
        offset: 5e6 + this.#value,
        error: 1e6 / (1 + this.#value),
        source: 'ntp',
      });
    }
  }

  #fill({ channels, packs, samples, isLate }: Extract<FillStep, { kind: 'fill' }>): void {
    const { ring } = this.#rig;
    for (let pack = 0; pack < packs; pack += 1) {
      // Some reach back into packs before, most do not.
      const lateBy = pack % 4 === 0 ? 2000 : 300;
      for (let i = 0; i < samples; i += 1) {
        this.#time += 100;
        this.#value += 1;
        for (const id of channels) {
          const time = this.#time + id - (isLate && i % 5 === 4 ? lateBy : 0);
          if (NAMES[id - 1]?.endsWith('text')) this.#rig.ring.writeText(id, time, Buffer.from(`text ${this.#value}`));
          else ring.writeSample(id, time, sampleOf(id, this.#value));
        }
      }
      this.#rig.commit();
      this.#rig.sealAll();
    }
  }
}

/** Numbers of every kind, NaN and -0 included. */
function sampleOf(id: number, value: number): number {
  if (value % 97 === 0) return Number.NaN;
  if (value % 89 === 0) return -0;
  return id === 2 ? Math.sin(value) : (value % 31) / 10;
}

export function mergerOf(
  rig: StoreRig,
  isApart: (first: number, last: number) => boolean = () => true,
  periodOf: (position: number) => number = () => 0,
): Merger {
  return new Merger({
    store: rig.blocks,
    scaleOf: (channel) => rig.writer.scaleOf(channel),
    isApart,
    periodOf,
    onProblem: (text) => rig.problems.push(text),
    windows: WINDOWS,
  });
}
