import t from 'tap';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { BoxWatches } from '../../../sync/fleet/box-watches.ts';
import { exampleStatus } from '../memory-telemetry.ts';
import { central, fleetContract, fleetOnce, HOST, startBox, tempDir } from './fleet-contract.ts';

t.test('a central over SQLite tells of every box what it has of it, and how the box does', (t) =>
  fleetContract(t, async (t) => ({ dir: tempDir(t) })),
);

t.test('a place where nobody answers is listed with the reason', async (t) => {
  const hq = await central(t, { dir: tempDir(t) }, [1]);
  const client = new TelemetryClient({ host: HOST, port: hq.port });
  t.teardown(() => client.close());
  const fleet = await fleetOnce(client, ({ boxes }) => boxes[0]?.line.state === 'waiting');
  t.match(fleet.boxes, [
    { gateway: '127.0.0.1:1', attention: 'watch', reasons: [/^no line since this central started: /] },
  ]);
});

t.test('a gateway knows of no fleet', async (t) => {
  const box = await startBox(t, 'car1');
  const client = new TelemetryClient({ host: HOST, port: box.port });
  t.teardown(() => client.close());
  await t.rejects(client.fleet(), { message: /Fleet|unimplemented|UNIMPLEMENTED/i });
});

t.test('a box is asked again for as long as its line is open, and not after', async (t) => {
  let asked = 0;
  const status = { ...exampleStatus('car1'), now: 5_000_000 };
  const watches = new BoxWatches({ position: async () => 3, now: () => 4_000_000, lookMs: 4 });
  const twice = new Promise<void>((resolve) => {
    const client = {
      status: async () => {
        asked += 1;
        if (asked === 2) resolve();
        return status;
      },
    };
    const stop = watches.attend(client, status);
    t.teardown(stop);
  });
  await twice;
  t.match(watches.of('car1'), { at: 4_000_000, aheadUs: 1_000_000, position: 3 });
});
