import t from 'tap';
import { WearMeter } from '../../gateway/wear-meter.ts';
import { cpuMs } from '../stolen-time.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_US = 365.25 * DAY_MS * 1e3;

/** A meter that saw `bytesPerHour(hour)` written in each of some hours, a look a minute. */
function metered(
  hours: number,
  bytesPerHour: (hour: number) => number,
  budget: ConstructorParameters<typeof WearMeter>[0] = { lifetimeYears: 5 },
): WearMeter {
  const meter = new WearMeter(budget, undefined, 0);
  let bytes = 123_456;
  for (let minute = 0; minute <= hours * 60; minute += 1) {
    meter.observe(minute * 60_000, bytes, minute * 1000);
    bytes += bytesPerHour(Math.floor(minute / 60)) / 60;
  }
  return meter;
}

t.test('the rate is that of the last day', async (t) => {
  const meter = metered(72, (hour) => (hour < 48 ? 100e9 : 1e9));
  const { bytesPerDay, bytesPerSample } = meter.status(0);
  t.ok(Math.abs(bytesPerDay / 24e9 - 1) < 0.05, `${bytesPerDay}`);
  t.ok(Math.abs(bytesPerSample / (1e9 / 60_000) - 1) < 0.05, `${bytesPerSample}`);
});

t.test('a minute must have passed before anything is said of a day', async (t) => {
  const meter = new WearMeter({ lifetimeYears: 5 }, undefined, 0);
  t.match(meter.status(0), {
    writtenBytes: 0,
    bytesPerDay: Number.NaN,
    bytesPerSample: Number.NaN,
    isOverBudget: false,
  });
  meter.observe(0, 0, 0);
  meter.observe(59_000, 1e6, 10);
  t.ok(Number.isNaN(meter.status(0).bytesPerDay));
  meter.observe(60_000, 1e6, 10);
  t.equal(meter.status(0).bytesPerDay, 1e6 * 24 * 60);
});

t.test('with the endurance of the disk known, its end is forecast', async (t) => {
  const tenYears = (10 * 365.25 * 24e9) / 1e12;
  const lasts = metered(24, () => 1e9, { lifetimeYears: 5, enduranceTB: tenYears }).status(0);
  t.ok(Math.abs(lasts.yearsLeft - 10) < 0.01, `${lasts.yearsLeft}`);
  t.equal(lasts.isOverBudget, false);
  const wears = metered(24, () => 3e9, { lifetimeYears: 5, enduranceTB: tenYears });
  t.equal(wears.status(0).isOverBudget, true);
  t.equal(wears.status(2 * YEAR_US).isOverBudget, false, 'of which two are behind it');
  t.equal(metered(24, () => 1e12).status(0).isOverBudget, false, 'nothing is said where nothing is known');
});

t.test("the disk's own account counts where it is the worse", async (t) => {
  const meter = metered(24, () => 1e9, { lifetimeYears: 5, enduranceTB: 100 });
  t.ok(meter.status(0).used < 0.001);
  t.equal(meter.status(0, 0.9).used, 0.9);
  t.ok(meter.status(0, 0.9).yearsLeft < meter.status(0).yearsLeft / 9);
  t.equal(metered(24, () => 1e9).status(0, 0.4).used, 0.4, 'also where the endurance is not known');
});

t.test('what was written is carried over a restart of process and machine', async (t) => {
  const first = new WearMeter({ lifetimeYears: 5 }, undefined, 7);
  first.observe(0, 5000, 0);
  first.observe(1000, 6000, 0);
  t.same(first.record, { since: 7, bytes: 1000 });
  const second = new WearMeter({ lifetimeYears: 5 }, first.record, 99);
  second.observe(0, 100, 0);
  second.observe(1000, 400, 0);
  second.observe(2000, 50, 0);
  t.same(second.record, { since: 7, bytes: 1350 }, 'a counter that went back began anew');
});

t.test('a meter that runs for months holds points of a day only', async (t) => {
  const meter = metered(24 * 90, () => 1e9);
  const took = cpuMs(() => {
    for (let i = 0; i < 1000; i += 1) meter.status(0);
  });
  t.ok(took < 1000, `${took} ms`);
  t.ok(Math.abs(meter.status(0).bytesPerDay / 24e9 - 1) < 0.01);
});
