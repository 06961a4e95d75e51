import t from 'tap';
import type { GatewayStatus, SettledStatus } from '../../../gateway/status.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { BoxWatches } from '../../../sync/fleet/box-watches.ts';
import { waitFor } from '../../wait-for.ts';
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
    {
      gateway: '127.0.0.1:1',
      attention: 'watch',
      reasons: [/^no line since this central started: 127\.0\.0\.1:1: connect ECONNREFUSED \(UNAVAILABLE\)$/],
    },
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

t.test('until when all of a box is here is known once its feed is here so far, and goes with the box', async (t) => {
  let position = 5;
  const saying = (settled: SettledStatus | undefined): GatewayStatus => {
    const { store, ...status } = exampleStatus('car1');
    const { settled: _, ...others } = store;
    return { ...status, store: { ...others, ...(settled && { settled }) } };
  };
  let said = saying({ until: 100, position: 9 });
  const watches = new BoxWatches({ position: async () => position, now: () => 0, lookMs: 20, arrivalMs: 1 });
  t.teardown(watches.attend({ status: async () => said }, said));
  await waitFor('it was asked', () => watches.of('car1') !== undefined);
  t.equal(watches.of('car1')?.settledUntil, undefined, 'its feed is not here so far');
  position = 9;
  await waitFor('what it spoke of has come', () => watches.of('car1')?.settledUntil === 100);
  said = saying({ until: 200, position: 12 });
  await waitFor('it was asked again', () => watches.of('car1')?.status === said);
  t.equal(watches.of('car1')?.settledUntil, 100, 'what was true stays true');
  position = 13;
  await waitFor('more has come', () => watches.of('car1')?.settledUntil === 200);
  said = saying(undefined);
  await waitFor('it says nothing any more', () => watches.of('car1')?.settledUntil === undefined);
});
