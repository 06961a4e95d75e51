import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { CAN_BUSES, type CanBusName, carDbc } from '../../../hardware/simulated/dbc.ts';
import { SENSORS } from '../../../hardware/simulated/sensors.ts';
import { requireTools } from '../../debian.ts';
import { recordCar } from './recorded-car.ts';
import { bitsOf, decodeSignal, parseDbc, type ReferenceSignal, signalsIn } from './reference-dbc.ts';

const sensors = new Map(SENSORS.map((sensor) => [sensor.name, sensor]));

for (const bus of CAN_BUSES) {
  t.test(`the DBC of the ${bus} bus is sound`, async (t) => {
    for (const { name, id, bytes, signals } of parseDbc(carDbc(bus)).values()) {
      t.ok(id <= 0x7ff && bytes <= 8 && signals.length > 0, name);
      for (const signal of signals) {
        t.match(signal.name, /^[A-Za-z_]\w{0,31}$/);
        if (signal.multiplex === 'M') continue;
        const sensor = sensors.get(`${bus}/${signal.name}`);
        t.equal(signal.unit, sensor?.unit, `${signal.name}: unit`);
        t.equal(signal.least, sensor?.least, `${signal.name}: least`);
        t.equal(signal.greatest, sensor?.greatest, `${signal.name}: greatest`);
      }
      t.same(overlapping(signals), [], `${name}: no two signals share a bit`);
      t.ok(
        signals.flatMap(bitsOf).every((bit) => bit < 8 * bytes),
        `${name}: all within the frame`,
      );
    }
  });
}

t.test('the DBCs have all that a decoder must know', async (t) => {
  const text = CAN_BUSES.map(carDbc).join('\n');
  const signals = CAN_BUSES.flatMap((bus) => [...parseDbc(carDbc(bus)).values()].flatMap((message) => message.signals));
  for (const [what, holds] of [
    ['both byte orders', new Set(signals.map(({ intel }) => intel)).size === 2],
    ['signed signals', signals.some(({ signed, float }) => signed && !float)],
    ['a float', signals.some(({ float }) => float)],
    ['multiplexed signals', signals.some(({ multiplex }) => typeof multiplex === 'number')],
    ['value tables', /^VAL_ \d+ Gear 0 "N" 1 "1st"/m.test(text)],
    [
      'signals of 8, 10, 12, 16 and 32 bits',
      [8, 10, 12, 16, 32].every((bits) => signals.some((each) => each.bits === bits)),
    ],
    ['big-endian signals across bytes', signals.some(({ intel, bits }) => !intel && bits === 12)],
  ] as const) {
    t.ok(holds, what);
  }
});

t.test('perfect sensors show the true values, rounded to the step of their converter', async (t) => {
  const { car, frames } = recordCar({ seed: 12, noise: 0, faults: false });
  car.advance(25);
  const dbcs = Object.fromEntries(CAN_BUSES.map((bus) => [bus, parseDbc(carDbc(bus))]));
  const compared = new Map<string, { count: number; moved: boolean; first: number }>();
  // Every eleventh frame in the order of its sampling, so that the truth is driven only once.
  const chosen = frames.filter((_, i) => i % 11 === 0).sort((a, b) => a.sampledUs - b.sampledUs);
  for (const { bus, id, data, sampledUs } of chosen) {
    const message = dbcs[bus]?.get(id);
    if (message === undefined) throw new Error(`no message ${id} on ${bus}`);
    for (const signal of signalsIn(message, data)) {
      const name = `${bus}/${signal.name}`;
      const shown = decodeSignal(signal, data);
      const expected = quantised(signal, car.truth.valueAt(name, sampledUs / 1e6));
      if (Math.abs(shown - expected) > 1e-9 * Math.max(1, Math.abs(expected))) {
        t.fail(`${name} at ${sampledUs} us: ${shown}, not ${expected}`);
        return;
      }
      const seen = compared.get(name) ?? { count: 0, moved: false, first: shown };
      compared.set(name, { ...seen, count: seen.count + 1, moved: seen.moved || shown !== seen.first });
    }
  }
  const names = [...sensors.keys()].filter((name) => /^(powertrain|chassis)/.test(name));
  t.same([...compared.keys()].sort(), names.sort(), 'every sensor on CAN was compared');
  const still = [...compared].filter(([, { moved }]) => !moved).map(([name]) => name);
  const mayStand = /PitLimiter|Battery[FR]|TyrePressure|TractionMap/;
  t.same(
    still.filter((name) => !mayStand.test(name)),
    [],
    'and moved meanwhile',
  );
});

t.test('no sensor stands at an end of its range while it works', async (t) => {
  const { car, frames } = recordCar({ seed: 13, faults: false });
  car.advance(100);
  const clipped = new Map<string, number>();
  const dbcs = Object.fromEntries(CAN_BUSES.map((bus) => [bus, parseDbc(carDbc(bus))]));
  for (const { bus, id, data } of frames) {
    const message = dbcs[bus]?.get(id);
    if (message === undefined) continue;
    for (const signal of signalsIn(message, data)) {
      if ((sensors.get(`${bus}/${signal.name}`)?.noise ?? 0) === 0) continue;
      const value = decodeSignal(signal, data);
      if (value < signal.greatest && value > signal.least) continue;
      clipped.set(signal.name, (clipped.get(signal.name) ?? 0) + 1);
    }
  }
  t.same([...clipped], []);
});

t.test('canmatrix reads the same DBC and decodes the same values', async (t) => {
  if (!requireTools(t, 'canmatrix')) return;
  const folder = mkdtempSync(join(tmpdir(), 'caisson-dbc-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const { car, frames } = recordCar({ seed: 14, faults: false });
  car.advance(2);
  for (const bus of CAN_BUSES) {
    const chosen = frames.filter((frame) => frame.bus === bus).filter((_, i) => i % 7 === 0);
    const theirs = canmatrixDecode(folder, bus, chosen);
    const dbc = parseDbc(carDbc(bus));
    let compared = 0;
    for (const [index, { id, data }] of chosen.entries()) {
      const message = dbc.get(id);
      for (const signal of message === undefined ? [] : signalsIn(message, data)) {
        const value = theirs[index]?.[signal.name];
        const ours = decodeSignal(signal, data);
        compared++;
        if (value === undefined || Math.abs(value - ours) > 1e-6 * Math.max(1, Math.abs(ours))) {
          t.fail(`${signal.name} in ${index}: ${value}, not ${ours}`);
          return;
        }
      }
    }
    t.ok(compared > 1000, `${compared} values on the ${bus} bus`);
  }
});

function quantised({ float, bits, signed, gain, offset }: ReferenceSignal, value: number): number {
  if (float) return Math.fround(value);
  const least = signed ? -(2 ** (bits - 1)) : 0;
  const raw = Math.min(least + 2 ** bits - 1, Math.max(least, Math.round((value - offset) / gain)));
  return raw * gain + offset;
}

/** Pairs of signals that can be in one frame and share a bit. */
function overlapping(signals: readonly ReferenceSignal[]): string[] {
  return signals.flatMap((a, i) =>
    signals.slice(i + 1).flatMap((b) => {
      const apart = typeof a.multiplex === 'number' && typeof b.multiplex === 'number' && a.multiplex !== b.multiplex;
      const bits = new Set(bitsOf(a));
      return !apart && bitsOf(b).some((bit) => bits.has(bit)) ? [`${a.name} and ${b.name}`] : [];
    }),
  );
}

const CANMATRIX = `
import sys, json, canmatrix.formats
matrix = canmatrix.formats.loadp_flat(sys.argv[1])
out = []
for identifier, data in json.load(open(sys.argv[2])):
    frame = matrix.frame_by_id(canmatrix.ArbitrationId(identifier, extended=False))
    decoded = frame.decode(bytes.fromhex(data))
    out.append({name: float(value.phys_value) for name, value in decoded.items()})
print(json.dumps(out))
`;

function canmatrixDecode(
  folder: string,
  bus: CanBusName,
  frames: readonly { readonly id: number; readonly data: Uint8Array }[],
): Record<string, number>[] {
  const dbc = join(folder, `${bus}.dbc`);
  const input = join(folder, `${bus}.json`);
  writeFileSync(dbc, carDbc(bus));
  writeFileSync(input, JSON.stringify(frames.map(({ id, data }) => [id, Buffer.from(data).toString('hex')])));
  const run = spawnSync('/usr/bin/python3', ['-c', CANMATRIX, dbc, input], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.status !== 0) throw new Error(`canmatrix: ${run.stderr}`);
  return JSON.parse(run.stdout);
}
