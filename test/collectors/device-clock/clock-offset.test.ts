import fc from 'fast-check';
import t from 'tap';
import { ClockOffset } from '../../../collectors/device-clock/clock-offset.ts';

const START = 1.7e15;

interface Wire {
  readonly offsetUs: number;
  readonly driftPpm: number;
  readonly delayUs: (second: number) => number;
  readonly seconds: number;
  /** What the device's clock is set by at a second. */
  readonly step?: { readonly second: number; readonly us: number };
}

/** Four samples a second; returns the estimate and the truth at the end. */
function follow({ offsetUs, driftPpm, delayUs, seconds, step }: Wire) {
  const clock = new ClockOffset();
  let truth = offsetUs;
  let now = START;
  for (let second = 0; second < seconds; second += 0.25) {
    const sent = START + second * 1e6;
    truth = offsetUs + second * driftPpm + (step !== undefined && second >= step.second ? step.us : 0);
    now = sent + delayUs(second);
    clock.observe(Math.round(sent + truth), now);
  }
  return { clock, truth, known: clock.at(now) };
}

/** Delays of 2 ms and more, with a long tail: the same at every run. */
function jitter(second: number): number {
  const noise = Math.abs(Math.sin(second * 12.9898) * 43758.5453) % 1;
  return 2000 + 40_000 * noise ** 4;
}

t.test('a sample tells it as far as its delay allows', async (t) => {
  const clock = new ClockOffset();
  t.ok(Number.isNaN(clock.at(START)));
  clock.observe(START + 500_000, START + 3000);
  t.equal(clock.at(START + 9e6), 497_000);
  t.ok(Number.isNaN(clock.driftPpm));
});

for (const { offsetUs, driftPpm } of [
  { offsetUs: 0, driftPpm: 0 },
  { offsetUs: 750_000, driftPpm: 40 },
  { offsetUs: -3600e6, driftPpm: -25 },
]) {
  t.test(`finds an offset of ${offsetUs} us and a drift of ${driftPpm} ppm behind delays`, async (t) => {
    const { clock, truth, known } = follow({ offsetUs, driftPpm, delayUs: jitter, seconds: 600 });
    t.ok(Math.abs(known - (truth - 2000)) < 1000, `${known - truth} us off`);
    t.ok(Math.abs(clock.driftPpm - driftPpm) < 3, `${clock.driftPpm} ppm`);
  });
}

t.test('a minute of a wire that is stuck, and single stamps that are wrong, move nothing', async (t) => {
  const delayUs = (second: number) => {
    if (second % 97 === 0) return -5e6;
    return second > 300 && second < 325 ? 3e6 : jitter(second);
  };
  const { clock, truth, known } = follow({ offsetUs: 1e6, driftPpm: 10, delayUs, seconds: 600 });
  t.ok(Math.abs(known - truth) < 10_000, `${known - truth} us off`);
  t.ok(Math.abs(clock.driftPpm - 10) < 20, `${clock.driftPpm} ppm`);
});

t.test('a clock that was set is believed after half a minute', async (t) => {
  const step = { second: 300, us: -7e6 };
  const { truth, known } = follow({ offsetUs: 1e6, driftPpm: 0, delayUs: jitter, seconds: 345, step });
  t.ok(Math.abs(known - truth) < 5000, `${known - truth} us off`);
});

t.test('its memory is bounded, and it is within the offsets that were seen as long as no drift is known', async () => {
  const offsets = fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 11 });
  fc.assert(
    fc.property(offsets, (offsets) => {
      const clock = new ClockOffset();
      for (const [i, offset] of offsets.entries()) clock.observe(START + i * 10e6 + offset, START + i * 10e6);
      const known = clock.at(START + offsets.length * 10e6);
      return known >= Math.min(...offsets) && known <= Math.max(...offsets);
    }),
  );
});
