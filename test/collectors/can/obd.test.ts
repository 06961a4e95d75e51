import fc from 'fast-check';
import t from 'tap';
import { IsoTp } from '../../../collectors/can/isotp.ts';
import { OBD_PIDS } from '../../../collectors/can/obd/obd-pids.ts';
import { recording } from '../../data-dir.ts';
import { playFrames, playRecording } from './play-recording.ts';
import { readLog } from './read-log.ts';

/** Frames of a message as ISO-TP cuts it. */
function cut(message: Uint8Array): Uint8Array[] {
  if (message.length < 8) return [Uint8Array.of(message.length, ...message)];
  const frames = [Uint8Array.of(0x10 | (message.length >> 8), message.length & 0xff, ...message.subarray(0, 6))];
  for (let at = 6, n = 1; at < message.length; at += 7, n++) {
    const part = new Uint8Array(8).fill(0xaa);
    part[0] = 0x20 | (n & 15);
    part.set(message.subarray(at, at + 7), 1);
    frames.push(part);
  }
  return frames;
}

t.test('messages of every length come back, mixed with those of other nodes and their flow control', async (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 4095 }),
      fc.uint8Array({ minLength: 1, maxLength: 60 }),
      (a, b) => {
        const errors: string[] = [];
        const isoTp = new IsoTp((reason) => errors.push(reason));
        const messages = new Map<number, Uint8Array>();
        const [first, second] = [cut(a), cut(b)];
        for (let n = 0; n < Math.max(first.length, second.length); n++) {
          for (const [key, frames] of [[1, first] as const, [2, second] as const]) {
            const frame = frames[n];
            const message = frame && isoTp.take(key, frame, n);
            if (message !== undefined) messages.set(key, message.slice());
            isoTp.take(3, Uint8Array.of(0x30, 0, 0), n);
          }
        }
        t.same(errors, []);
        return (
          Buffer.compare(messages.get(1) ?? Buffer.alloc(0), a) === 0 &&
          Buffer.compare(messages.get(2) ?? Buffer.alloc(0), b) === 0
        );
      },
    ),
    { numRuns: 100 },
  );
});

const VIN = cut(Buffer.from('\x49\x02\x01WDD1234561A654321', 'latin1'));
const hexOf = (frame: Uint8Array) => Buffer.from(frame).toString('hex').toUpperCase();
const VIN_FRAMES = VIN.map((frame) => `7E8#${hexOf(frame)}`);

t.test('a message that is lost is counted by reason, and the next comes', async (t) => {
  const [first = '', second = '', third = ''] = VIN_FRAMES;
  const pause = Array.from({ length: 11 }, () => '7E9#03410D50');
  const cases: [string, string[]][] = [
    ['isotp-without-start', [second]],
    ['isotp-unfinished', [first]],
    ['isotp-unfinished', [first, '7E8#03410D50']],
    ['isotp-out-of-order', [first, third]],
    ['isotp-timeout', [first, ...pause, second]],
    ['isotp-malformed', ['7E8#00']],
    ['isotp-malformed', ['7E8#']],
    ['isotp-malformed', ['7E8#05410D']],
    ['isotp-malformed', ['7E8#1003410D50000000']],
    ['isotp-too-long', ['7E8#1000000020004902']],
    ['obd-refused', ['7E8#037F0112']],
    ['obd-other-service', ['7E8#024400']],
    ['obd-unknown-pid', ['7E8#0341EE00']],
    ['obd-unknown-pid', ['7E8#03490801']],
    ['obd-too-short', ['7E8#03410C0F']],
  ];
  for (const [reason, frames] of cases) {
    const { intake, health } = await playFrames(t, [...frames, ...VIN_FRAMES], { obd: true });
    t.equal(health.errors[reason], 1, frames.join(' '));
    t.same(
      intake.texts('car/obd/7e8/vin').map(({ text }) => text),
      ['WDD1234561A654321'],
    );
  }
});

t.test('a text is told when it changes, and not each time it is asked for', async (t) => {
  const { intake, health } = await playFrames(t, [...VIN_FRAMES, ...VIN_FRAMES], { obd: true });
  t.equal(intake.texts('car/obd/7e8/vin').length, 1);
  t.same(health.errors, {});
});

/** Replies, and the values that SAE J1979 gives them. */
const REPLIES: readonly (readonly [reply: string, values: Readonly<Record<string, number>>])[] = [
  ['0441 0C 1AF8', { engine_speed: 1726 }],
  ['0341 05 7B', { coolant_temperature: 83 }],
  ['0341 04 FF', { engine_load: 100 }],
  ['0341 06 00', { fuel_trim_short_1: -100 }],
  ['0341 0E 80', { timing_advance: 0 }],
  ['0441 10 01F4', { air_flow: 5 }],
  ['0641 01 83 07 65 04', { malfunction_lamp: 1, trouble_codes: 3 }],
  ['0441 15 5A 80', { oxygen_voltage_b1s2: 0.45, oxygen_trim_b1s2: 0 }],
  ['0441 32 FFFC', { evaporative_pressure: -1 }],
  ['0441 3C 11A8', { catalyst_temperature_b1s1: 412 }],
  ['0641 24 8000 8000', { lambda_b1s1: 1, lambda_voltage_b1s1: 4 }],
  ['0641 34 8000 8000', { lambda_wide_b1s1: 1, lambda_current_b1s1: 0 }],
  ['0441 42 3778', { control_module_voltage: 14.2 }],
  ['0341 62 7D', { torque_actual: 0 }],
  ['0641 A6 0001E240', { odometer: 12_345.6 }],
  ['0641 00 BE3EA813', {}],
  ['0641 0D 50 0C 1AF8', { vehicle_speed: 80, engine_speed: 1726 }],
];

t.test('replies are the values that the standard gives them', async (t) => {
  for (const [reply, values] of REPLIES) {
    for (const [id, unit] of [
      ['7EA', '7ea'],
      ['18DAF110', '10'],
    ] as const) {
      const { intake } = await playFrames(t, [`${id}#${reply.replaceAll(' ', '')}`], { obd: true });
      const found = [...intake.channels.keys()].filter((name) => name.startsWith('car/obd/'));
      t.same(
        found,
        Object.keys(values).map((name) => `car/obd/${unit}/${name}`),
        reply,
      );
      for (const [name, value] of Object.entries(values)) {
        t.ok(Math.abs((intake.values(`car/obd/${unit}/${name}`)[0] ?? Number.NaN) - value) < 1e-9, `${reply} ${name}`);
      }
    }
  }
});

t.test('several PIDs in one reply are taken apart', async (t) => {
  const frames = cut(Buffer.from('410D500C1AF8057B', 'hex')).map((frame) => `7E8#${hexOf(frame)}`);
  const { intake, health } = await playFrames(t, frames, { obd: true });
  t.same(
    ['vehicle_speed', 'engine_speed', 'coolant_temperature'].map((name) => intake.values(`car/obd/7e8/${name}`)),
    [[80], [1726], [83]],
  );
  t.same(health.errors, {});
});

t.test('a reply of more quantities than can be asked for is cut', async (t) => {
  const frames = cut(Buffer.from(`41${'0D50'.repeat(65)}`, 'hex')).map((frame) => `7E8#${hexOf(frame)}`);
  const { intake, health } = await playFrames(t, frames, { obd: true });
  t.equal(intake.values('car/obd/7e8/vehicle_speed').length, 64);
  t.same(health.errors, { 'obd-too-long': 1 });
});

t.test('names of quantities are different, and every value lies within its reply', async (t) => {
  const names = [...OBD_PIDS.values()].flatMap(({ values }) => values.map(({ name }) => name));
  t.equal(new Set(names).size, names.length);
  for (const [number, { bytes, values }] of OBD_PIDS) {
    t.ok(
      values.every((value) => value.at + value.bytes <= bytes),
      number.toString(16),
    );
  }
});

t.test('without obd a reply is a frame without definition', async (t) => {
  const { intake, health } = await playFrames(t, ['7E8#03410D50'], {});
  t.same(
    [...intake.channels.keys()].filter((name) => name.includes('obd')),
    [],
  );
  t.same(health.errors, { 'no-definition': 1 });
});

const DRIVE = 'can/css-car-drive/drive_20210726_am_40min.candump.log.gz';

/** SAE J1979, table B, for the PIDs that the drive has. */
const FORMULAS: Readonly<Record<number, readonly [name: string, of: (a: number, b: number) => number]>> = {
  4: ['engine_load', (a) => (a * 100) / 255],
  5: ['coolant_temperature', (a) => a - 40],
  11: ['intake_manifold_pressure', (a) => a],
  12: ['engine_speed', (a, b) => (256 * a + b) / 4],
  13: ['vehicle_speed', (a) => a],
  17: ['throttle_position', (a) => (a * 100) / 255],
  47: ['fuel_level', (a) => (a * 100) / 255],
  51: ['barometric_pressure', (a) => a],
  66: ['control_module_voltage', (a, b) => (256 * a + b) / 1000],
  98: ['torque_actual', (a) => a - 125],
};

t.test(
  'every reply of a real drive is decoded as the standard says',
  { skip: recording(DRIVE) === undefined },
  async (t) => {
    const log = recording(DRIVE) ?? '';
    const { intake, health } = await playRecording({ log, obd: true, interfaces: { can1: { name: 'engine' } } });
    const replies = readLog(log).filter(({ bus, id }) => bus === 'can1' && id === 0x7e8);
    t.ok(replies.length > 20_000, `${replies.length} replies`);
    for (const [pid, [name, formula]] of Object.entries(FORMULAS)) {
      const expected = replies
        .filter(({ data }) => data[1] === 0x41 && data[2] === Number(pid))
        .map(({ data, time }) => ({ time, value: formula(data[3] ?? 0, data[4] ?? 0) }));
      const samples = intake.samples(`car/engine/obd/7e8/${name}`);
      t.equal(samples.length, expected.length, `${name}: ${expected.length} samples`);
      const differing = samples.findIndex(({ time, value }, n) => {
        return time !== expected[n]?.time || Math.abs(value - (expected[n]?.value ?? Number.NaN)) > 1e-9;
      });
      t.equal(differing, -1, name);
    }
    const { 'no-definition': unknown = 0, 'other-interface': other = 0, ...errors } = health.errors;
    t.same(errors, {});
    t.equal(unknown + other + replies.length, health.received);
  },
);
