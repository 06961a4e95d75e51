import t from 'tap';
import { parseDbc } from '../../../collectors/can/dbc/parse-dbc.ts';
import { dbcCoverage } from '../../../collectors/can/dbc-coverage.ts';
import { CanDictionary } from '../../../collectors/can/dictionary.ts';
import { CENSUS_IDS_MAX, FrameCensus } from '../../../collectors/can/frame-census.ts';
import { FRAME_ERROR, FRAME_EXTENDED, FRAME_REMOTE, FrameBatch } from '../../../hardware/can/can-frame.ts';

function dictionary(...ids: readonly number[]): CanDictionary {
  const messages = ids.map((id) => `BO_ ${id} M${id}: 8 N\n SG_ S : 0|8@1+ (1,0) [0|0] "" N\n`);
  return new CanDictionary([parseDbc(`VERSION ""\nBU_: N\n${messages.join('')}`, 'made')]);
}

function census(count: number, ...ids: readonly number[]): FrameCensus {
  const made = new FrameCensus();
  const batch = new FrameBatch(ids.length);
  for (const id of ids) batch.add(id, id > 0x7ff ? FRAME_EXTENDED : 0, new Uint8Array(8), 0, 8);
  for (let round = 0; round < count; round += 1) for (let i = 0; i < ids.length; i += 1) made.count(batch, i);
  return made;
}

const POWERTRAIN = [0x100, 0x110, 0x120, 0x130];
const RADAR = [0x200, 0x210, 0x220, 0x100];
const FILES = new Map([
  ['powertrain.dbc', dictionary(...POWERTRAIN)],
  ['radar.dbc', dictionary(...RADAR)],
  ['extra.dbc', dictionary(0x140)],
]);

const bus = (name: string, ids: readonly number[], dbc: readonly string[], count = 50) => {
  return { bus: name, census: census(count, ...ids), dbc, j1939: false };
};

t.test('swapped files are told, with those that belong to each bus', async (t) => {
  const rows = dbcCoverage(
    [bus('can0', [...POWERTRAIN, 0x140], ['radar.dbc']), bus('can1', RADAR, ['powertrain.dbc'])],
    FILES,
  );
  t.same(rows[0]?.better, ['powertrain.dbc', 'extra.dbc']);
  t.same(rows[1]?.better, ['radar.dbc']);
  t.match(rows[0], { frames: 250, configured: 0.2 });
  t.match(rows[0]?.files[0], { dbc: 'powertrain.dbc', frames: 0.8, known: 4, ids: 5 });
});

t.test('files that are where they belong are left there', async (t) => {
  const right = [bus('can0', POWERTRAIN, ['powertrain.dbc']), bus('can1', RADAR, ['radar.dbc'])];
  t.same(
    dbcCoverage(right, FILES).map(({ better }) => better),
    [undefined, undefined],
  );
  const both = [bus('can0', POWERTRAIN, ['radar.dbc', 'powertrain.dbc'])];
  t.equal(dbcCoverage(both, FILES)[0]?.better, undefined, 'the right one among others');
  const strange = [bus('can0', [0x1, 0x2, 0x3, 0x100], ['radar.dbc'])];
  t.equal(dbcCoverage(strange, FILES)[0]?.better, undefined, 'no file knows the bus');
  const few = [bus('can0', POWERTRAIN, ['radar.dbc'], 3)];
  t.equal(dbcCoverage(few, FILES)[0]?.better, undefined, 'too few frames to say');
  t.equal(dbcCoverage([bus('can0', [], ['radar.dbc'])], FILES)[0]?.better, undefined, 'nothing came');
});

t.test('J1939 messages are known whatever their priority and destination', async (t) => {
  const files = new Map([['truck.dbc', dictionary((0x80000000 | 0x18f00400) >>> 0)]]);
  const sighting = { bus: 'truck', census: census(60, 0x0cf00421), dbc: ['truck.dbc'] };
  t.equal(dbcCoverage([{ ...sighting, j1939: true }], files)[0]?.configured, 1);
  t.equal(dbcCoverage([{ ...sighting, j1939: false }], files)[0]?.configured, 0);
});

t.test('a census counts data frames by identifier, has a bound, and keeps errors apart', async (t) => {
  const made = new FrameCensus();
  const batch = new FrameBatch(1);
  const count = (id: number, flags: number) => {
    batch.clear();
    batch.add(id, flags, new Uint8Array(8), 0, 8);
    made.count(batch, 0);
  };
  count(1, FRAME_ERROR);
  count(1, FRAME_REMOTE);
  t.match(made, { frames: 0, errorFrames: 1 });
  for (let id = 0; id < CENSUS_IDS_MAX + 10; id += 1) count(id, FRAME_EXTENDED);
  t.equal(made.byKey.size, CENSUS_IDS_MAX);
  t.equal(made.frames, CENSUS_IDS_MAX + 10);
});
