import t from 'tap';
import { Random } from '../../../hardware/simulated/random.ts';
import { Pacer, TARGET_QUEUE_MS, WINDOW_BYTES_MAX } from '../../../sync/line/pacer.ts';
import { SimulatedLine } from './simulated-line.ts';

const MEGABIT = 1e6 / 8;

for (const megabits of [0.5, 1, 5, 20]) {
  for (const roundTripMs of [20, 200]) {
    t.test(`fills a line of ${megabits} Mbit/s and ${roundTripMs} ms, with a short queue`, async (t) => {
      const pacer = new Pacer();
      const line = new SimulatedLine(pacer, { bytesPerS: megabits * MEGABIT, roundTripMs });
      line.run(4_000);
      const { bytesPerS, queueMs } = line.run(30_000);
      const use = bytesPerS / line.bytesPerS;
      t.ok(use > 0.95, `${(use * 100).toFixed(1)} % of the line`);
      // A message of the least size is all of the queue where the line is very thin.
      const message = (pacer.state.quantumBytes * 1e3) / line.bytesPerS;
      t.ok(queueMs < TARGET_QUEUE_MS + 2 * message, `${queueMs.toFixed(1)} ms of queue`);
      t.ok(Math.abs(pacer.state.bytesPerS / line.bytesPerS - 1) < 0.15, 'it knows the rate');
    });
  }
}

t.test('finds the rate anew when the line gets slower, and faster', async (t) => {
  const pacer = new Pacer();
  const line = new SimulatedLine(pacer, { bytesPerS: 20 * MEGABIT, roundTripMs: 50 });
  line.run(5_000);
  line.bytesPerS = 2 * MEGABIT;
  line.run(6_000);
  const slow = line.run(10_000);
  t.ok(slow.bytesPerS > 0.9 * line.bytesPerS, `${slow.bytesPerS} B/s`);
  t.ok(slow.queueMs < 2 * TARGET_QUEUE_MS, `${slow.queueMs} ms of queue`);
  line.bytesPerS = 10 * MEGABIT;
  line.run(3_000);
  t.ok(line.run(10_000).bytesPerS > 0.9 * line.bytesPerS);
});

t.test('learns that the way is longer', async (t) => {
  const pacer = new Pacer();
  const line = new SimulatedLine(pacer, { bytesPerS: 5 * MEGABIT, roundTripMs: 30 });
  line.run(5_000);
  line.roundTripMs = 250;
  line.run(25_000);
  t.ok(line.run(20_000).bytesPerS > 0.9 * line.bytesPerS);
});

t.test('is not misled by arrivals that are early and late', async (t) => {
  const random = new Random(3);
  const pacer = new Pacer();
  const options = { bytesPerS: 5 * MEGABIT, roundTripMs: 60, jitterMs: 15, random: () => random.unit() };
  const line = new SimulatedLine(pacer, options);
  line.run(4_000);
  const { bytesPerS, queueMs } = line.run(30_000);
  t.ok(bytesPerS > 0.9 * line.bytesPerS, `${bytesPerS} B/s`);
  t.ok(queueMs < 3 * TARGET_QUEUE_MS, `${queueMs} ms of queue`);
});

t.test('keeps to a cap, also over a line that could do more', async (t) => {
  const pacer = new Pacer({ capBytesPerS: 50_000 });
  const line = new SimulatedLine(pacer, { bytesPerS: 20 * MEGABIT, roundTripMs: 40 });
  const { bytesPerS } = line.run(20_000);
  t.ok(bytesPerS < 50_500 && bytesPerS > 47_000, `${bytesPerS} B/s`);
  t.equal(pacer.state.reason, 'cap');
});

t.test('does not open the window for a sender that has little to send', async (t) => {
  const pacer = new Pacer();
  const hasMore = (now: number) => Math.floor(now / 100) % 5 === 0 && now % 100 < 1;
  const line = new SimulatedLine(pacer, { bytesPerS: 5 * MEGABIT, roundTripMs: 40, hasMore });
  line.run(60_000);
  t.ok(pacer.state.windowBytes < WINDOW_BYTES_MAX / 5, `${pacer.state.windowBytes} B`);
});

t.test('does not take for a queue what came late because this end was busy', async (t) => {
  const pacer = new Pacer();
  let now = 0;
  let blocked = 0;
  for (let i = 0; i < 400; i += 1) {
    const grant = pacer.grant(now, blocked);
    now += 40;
    blocked += 30;
    pacer.received(now, grant?.quantumBytes ?? 0, grant?.number ?? 0, 0, blocked);
  }
  t.ok(pacer.state.windowBytes > 10_000, `${pacer.state.windowBytes} B`);
});

t.test('begins a new connection with half of what the one before had', async (t) => {
  const first = new Pacer();
  new SimulatedLine(first, { bytesPerS: 20 * MEGABIT, roundTripMs: 100 }).run(5_000);
  const second = new Pacer({ earlier: first.state });
  t.equal(second.state.windowBytes, Math.round(first.state.windowBytes / 2));
  t.ok((second.grant(0)?.bytes ?? 0) >= second.state.windowBytes - 1);
});
