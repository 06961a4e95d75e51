import t from 'tap';
import { waitFor } from '../../wait-for.ts';
import { CutProxy } from '../cut-proxy.ts';
import { startBox, startCentral } from './dialled.ts';

t.test('a line that died without a word is given up by both ends', async (t) => {
  const { central, health } = await startCentral(t);
  const proxy = await CutProxy.start(central.server.port);
  t.teardown(() => proxy.stop());
  const { dialer } = await startBox(t, 'car7', await central.enrolled(t, 'car7'), proxy.port);
  await waitFor('central pulls', () => health('car7')?.state === 'running');
  const from = performance.now();
  proxy.freeze();
  await waitFor(
    'both ends have noticed',
    () => {
      return health('car7')?.connections === 2 && dialer.status().lines === 2;
    },
    45_000,
  );
  const seconds = (performance.now() - from) / 1e3;
  t.ok(seconds < 35, `${seconds.toFixed(1)} s`);
});
