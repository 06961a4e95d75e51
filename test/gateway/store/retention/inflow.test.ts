import t from 'tap';
import { Inflow } from '../../../../gateway/store/retention/inflow.ts';

const MINUTE_MS = 60_000;

t.test('room is told in hours at the rate of the last one', async (t) => {
  const inflow = new Inflow();
  t.ok(Number.isNaN(inflow.hoursFor(1e9)), 'nothing is known yet');
  let used = 0;
  for (let minute = 0; minute <= 180; minute += 1) {
    inflow.observe(minute * MINUTE_MS, used);
    used += minute < 100 ? 50e6 : 1e6;
  }
  t.ok(Math.abs(inflow.hoursFor(600e6) - 10) < 0.01);
  t.equal(inflow.hoursFor(0), 0);
});

t.test('what was given up is no lack of inflow', async (t) => {
  const inflow = new Inflow();
  for (let minute = 0; minute <= 60; minute += 1) {
    inflow.observe(minute * MINUTE_MS, 500e6);
    inflow.release(1e6);
  }
  t.ok(Math.abs(inflow.hoursFor(60e6) - 1) < 0.02);
});

t.test('a store into which nothing comes has room for ever', async (t) => {
  const inflow = new Inflow();
  for (let minute = 0; minute <= 60; minute += 1) inflow.observe(minute * MINUTE_MS, 500e6);
  t.equal(inflow.hoursFor(1), Number.POSITIVE_INFINITY);
});
