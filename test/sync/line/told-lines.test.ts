import t from 'tap';
import type { LineStatus } from '../../../gateway/status.ts';
import { ToldLines } from '../../../sync/line/told-lines.ts';

function line(name: string, why = 'steady'): LineStatus {
  const counts = { connections: 1, failures: 0, receivedBytes: 0, sentBytes: 0 };
  return { gateway: 'hq', name, state: 'in-use', why, metered: false, ...counts };
}

t.test('shows the lines of each central as it said them last, and when it was heard', async (t) => {
  const told = new ToldLines();
  told.heard('hq', 1, [line('lan'), line('lte')]);
  told.heard('other', 2, [line('sat')]);
  told.heard('hq', 3, []);
  t.match(told.all(), [
    { gateway: 'other', name: 'sat', heard: 2 },
    { gateway: 'hq', name: 'lan', heard: 3 },
    { gateway: 'hq', name: 'lte', heard: 3 },
  ]);
  told.heard('hq', 4, [line('lte')]);
  t.same(
    told.all().map(({ gateway, name }) => `${gateway} ${name}`),
    ['other sat', 'hq lte'],
  );
});

t.test('believes so much only: lines, texts and centrals are bounded', async (t) => {
  const told = new ToldLines();
  const long = 'x'.repeat(1_000);
  const lines = Array.from({ length: 20 }, () => ({ ...line(long, long), windows: Array<string>(20).fill(long) }));
  for (let i = 0; i < 100; i += 1) told.heard(`central${i}`, i, lines);
  const all = told.all();
  t.equal(all.length, 64 * 8);
  t.equal(all[0]?.gateway, 'central36', 'who was heard longest ago is forgotten');
  t.ok(all.every(({ name, why, windows = [] }) => name.length === 200 && why.length === 200 && windows.length === 8));
});
