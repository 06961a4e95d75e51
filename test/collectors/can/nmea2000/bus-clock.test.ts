/** UTC as a live bus of NMEA 2000 tells it, against box time: through the collector, with a bus whose frames come when the test says. */
import { Buffer } from 'node:buffer';
import t from 'tap';
import { CanCollector } from '../../../../collectors/can/can-collector.ts';
import { canSettings } from '../../../../collectors/can/can-config.ts';
import type { CanBus, CanBusListener } from '../../../../hardware/can/can-bus.ts';
import { FRAME_EXTENDED, FrameBatch } from '../../../../hardware/can/can-frame.ts';
import { RecordedIntake, SetClock } from '../../serial/recorded-intake.ts';
import { idOf } from './fast-frames.ts';

/** 2024-01-01, days and microseconds since 1970. */
const DAY = 19_723;
const DAY_US = DAY * 86_400e6;

interface Told {
  readonly sender?: number;
  readonly source?: number;
  readonly day?: number;
  /** Seconds of the day. */
  readonly second: number;
}

/** A frame of System Time, PGN 126992. */
function systemTime({ sender = 1, source = 0, day = DAY, second }: Told) {
  const data = Buffer.alloc(8);
  data.writeUInt8(0xf0 + source, 1);
  data.writeUInt16LE(day, 2);
  data.writeUInt32LE(Math.round(second * 1e4), 4);
  return { id: Number.parseInt(idOf(126_992, sender), 16), data };
}

/** A frame of Time & Date, PGN 129033. */
function timeDate({ sender = 1, day = DAY, second }: Told) {
  const data = Buffer.alloc(8, 0xff);
  data.writeUInt16LE(day, 0);
  data.writeUInt32LE(Math.round(second * 1e4), 2);
  data.writeInt16LE(60, 6);
  return { id: Number.parseInt(idOf(129_033, sender), 16), data };
}

/** A collector at a bus that this test speaks on. */
async function listening(waits = false) {
  const clock = new SetClock();
  let listener: CanBusListener | undefined;
  const bus: CanBus = {
    ...{ waits, speed: 1, interfaces: ['boat'], errors: {} },
    start: (one) => {
      listener = one;
      one.onState({ state: 'open' });
    },
    stop: async () => {},
  };
  const settings = canSettings({ bus: { slcan: 'none', bitrate: 250_000 }, protocol: 'nmea2000' });
  const noTimers = { after: () => () => {} } as never;
  const collector = new CanCollector(
    settings,
    { source: 'boat', intake: new RecordedIntake(), clock },
    () => bus,
    noTimers,
  );
  await collector.start();
  const batch = new FrameBatch(1);
  return {
    readings: clock.readings,
    /** A frame comes at that box time, microseconds. */
    hear({ id, data }: { id: number; data: Buffer }, at: number): void {
      clock.time = at;
      batch.clear();
      batch.add(id, FRAME_EXTENDED, data, 0, data.length);
      listener?.onFrames(batch, 0, 1);
    },
    stop: () => collector.stop(),
  };
}

/** Box time of UTC `second` of the day where the box has started at 0 in the middle of it. */
const boxAt = (second: number) => Math.round((second - 43_000) * 1e6);
const OFFSET = DAY_US + 43_000e6;

for (const [name, message] of Object.entries({ systemTime, timeDate })) {
  t.test(`${name} tells an offset that is right within its bound`, async (t) => {
    const boat = await listening();
    for (let n = 0; n < 30; n += 1) {
      const second = 43_200 + n;
      boat.hear(message({ second }), boxAt(second) + 20_000 + ((n * 37) % 200) * 1e3);
    }
    t.equal(boat.readings.length, 3, 'the second message, then each ten seconds');
    for (const { offset, error, source } of boat.readings) {
      t.equal(source, 'gnss');
      t.ok(Math.abs(offset - OFFSET) <= error, `${offset - OFFSET} within ${error}`);
      t.ok(error < 300_000);
    }
    await boat.stop();
  });
}

t.test('takes nothing that is not of satellites, not available, or of a recording', async (t) => {
  const boat = await listening();
  for (let second = 100; second < 130; second += 1) {
    boat.hear(systemTime({ source: 5, second }), boxAt(second));
    boat.hear(systemTime({ day: 0xffff, second }), boxAt(second));
    boat.hear(timeDate({ day: 0xffff, second }), boxAt(second));
  }
  t.same(boat.readings, []);
  await boat.stop();
  const recording = await listening(true);
  for (let second = 100; second < 130; second += 1) recording.hear(systemTime({ second }), boxAt(second));
  t.same(recording.readings, []);
  await recording.stop();
});

t.test('listens to one of several, and to another when it is silent', async (t) => {
  const boat = await listening();
  const heard = (from: number, to: number, speak: (second: number) => void) => {
    const before = boat.readings.length;
    for (let second = from; second < to; second += 1) speak(second);
    return boat.readings.slice(before).map(({ offset }) => Math.round((offset - OFFSET) / 1e6));
  };
  // The other is 3 s behind, which is beyond any bound.
  const late = (second: number) => boat.hear(timeDate({ sender: 9, second: second - 3 }), boxAt(second));
  t.same(heard(1000, 1025, late), [-3, -3, -3]);
  const both = heard(1025, 1050, (second) => {
    boat.hear(systemTime({ second }), boxAt(second));
    late(second);
  });
  t.same(both, [0, 0, 0], 'System Time goes before');
  t.same(heard(1050, 1058, late), [], 'not yet silent for ten seconds');
  t.same(heard(1058, 1085, late), [-3, -3, -3]);
  await boat.stop();
});
