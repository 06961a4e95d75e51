import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { defineChannel } from '../../../gateway/channel.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { backlogBytes, PACKS_LOOKED_MAX } from '../../../sync/destinations/backlog.ts';
import { BoxSync } from '../../../sync/destinations/box-sync.ts';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';
import { receiptDesk } from '../../../sync/destinations/receipt-desk-of.ts';
import { FilledStore } from '../filled-store.ts';

function filled(t: Test): FilledStore {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
  const store = new FilledStore(dir, 'box', new Random(3));
  t.teardown(() => {
    store.close();
    rmSync(dir, { recursive: true });
  });
  return store;
}

t.test('a box knows what each destination lacks, since when, and when it last said what it has', async (t) => {
  const store = filled(t);
  store.seal('box/a');
  const from = store.db.lastPosition();
  for (let i = 0; i < 20; i += 1) store.seal('box/a');
  const end = store.db.lastPosition();
  const lacked = store.db.packSizesAfter(from, 1_000);
  const positions = new Map([
    ['hq', from],
    ['whole', end],
  ]);
  let nowMs = 0;
  const sync = new BoxSync({
    store: store.db,
    policy: new DestinationPolicy({}),
    destinations: () => [...positions].map(([name, position]) => ({ name, position, proven: false, refused: {} })),
    steadyMs: () => nowMs,
  });
  sync.told('hq', 77);
  const first = sync.status();
  t.equal(first.feedEnd, end);
  const bytes = lacked.reduce((sum, { size }) => sum + size, 0);
  t.same(first.destinations?.[0], {
    ...{ name: 'hq', position: from, proven: false, refused: {}, told: 77 },
    // The clock of the store is two seconds behind UTC.
    behind: { positions: 20, bytes, since: (lacked[0]?.kept ?? 0) + 2_000_000 },
  });
  t.same(first.destinations?.[1]?.behind, { positions: 0, bytes: 0, caughtUpS: 0 });
  nowMs = 20_000;
  positions.set('hq', from + 10);
  const rest = store.db.packSizesAfter(from + 10, 1_000).reduce((sum, { size }) => sum + size, 0);
  t.match(sync.status().destinations?.[0]?.behind, {
    ...{ positions: 10, bytes: rest, bytesPerS: rest / 20, caughtUpS: 20 },
  });
});

t.test('a destination that never came lacks everything, and is there', async (t) => {
  const store = filled(t);
  store.seal('box/a');
  const size = store.db.packSizesAfter(0, 10)[0]?.size;
  const destinations = { hq: {}, team: {} };
  const parts = { gateway: () => 'box', onConfirmed: () => {}, onProblem: () => {} };
  const desk = receiptDesk(store.db, destinations, parts);
  const sync = new BoxSync({
    store: store.db,
    policy: new DestinationPolicy(destinations),
    destinations: () => desk.status(0),
  });
  t.match(sync.status().destinations, [
    { name: 'hq', position: 0, behind: { bytes: size } },
    { name: 'team', position: 0, behind: { bytes: size } },
  ]);
});

t.test('a box knows how many channels each destination does not get, and why, as they are defined now', async (t) => {
  const { db } = filled(t);
  const define = (name: string, residency: 'any' | 'local' | string[], id?: number) =>
    db.transaction(() => db.keepChannel('box', defineChannel({ name, source: 's', residency }), id));
  define('car/speed', 'any');
  define('car/fuel', ['eu']);
  define('car/weight', 'local');
  const heart = define('driver/heart', 'any');
  const sync = new BoxSync({
    store: db,
    policy: new DestinationPolicy({ eu: { region: 'eu' }, team: { except: ['driver/**'] } }),
    destinations: () => ['eu', 'team', 'other'].map((name) => ({ name, position: 0, proven: false, refused: {} })),
  });
  const withheld = () => sync.status().destinations?.map((each) => each.withheld);
  t.same(withheld(), [
    { residency: 1, filter: 0 },
    { residency: 2, filter: 1 },
    { residency: 2, filter: 0 },
  ]);
  define('driver/heart', 'local', heart);
  t.same(withheld()?.[1], { residency: 3, filter: 0 }, 'where it may not be comes first');
  define('driver/heart', 'any', heart);
  t.same(withheld()?.[1], { residency: 2, filter: 1 });
});

t.test('lines are shown as the central at their other end said them', async (t) => {
  const store = filled(t);
  const sync = new BoxSync({ store: store.db, destinations: () => [], policy: new DestinationPolicy({}) });
  t.notOk('lines' in sync.status());
  const counts = { connections: 1, failures: 0, receivedBytes: 0, sentBytes: 0 };
  sync.heard('hq', 5, [{ gateway: '', name: 'lte', state: 'waiting', why: 'shut', metered: true, ...counts }]);
  t.match(sync.status().lines, [{ gateway: 'hq', name: 'lte', state: 'waiting', why: 'shut', heard: 5 }]);
});

t.test('of a large backlog the first packs are added up, the rest is taken to be like them', async (t) => {
  t.equal(backlogBytes([], 0, 100), 0);
  const packs = Array.from({ length: PACKS_LOOKED_MAX }, (_, i) => ({ position: 2 * (i + 1), size: 1_000 }));
  t.equal(backlogBytes(packs.slice(0, 3), 0, 1_000_000), 3_000, 'where these are all, they are counted');
  t.equal(backlogBytes(packs, 0, 1_000_000), 500_000_000, 'every second position is a pack');
});
