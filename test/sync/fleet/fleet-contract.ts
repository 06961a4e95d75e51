import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Fleet, FleetBox } from '../../../gateway/fleet.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { type Central, type StorePlace, startCentral } from '../../../sync/central/central.ts';
import { caisson } from '../caisson-process.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { feedOf } from '../same-feed.ts';

export const HOST = '127.0.0.1';

export function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-fleet-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A gateway as far as a central sees it. */
export async function startBox(t: Test, name: string) {
  const dir = tempDir(t);
  const store = new FilledStore(dir, name, new Random(7));
  for (let i = 0; i < 5; i += 1) store.seal('car/speed');
  store.lose('car/speed', 42);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: store.db, storeDir: dir },
    status: () => ({ ...exampleStatus(name), now: Date.now() * 1e3, feedEnd: store.db.lastPosition() }),
  });
  let isOpen = true;
  const stop = async () => {
    if (isOpen) await server.stop();
    isOpen = false;
  };
  t.teardown(async () => {
    await stop();
    store.close();
  });
  return { store, port: server.port, stop };
}

export async function central(t: Test, place: StorePlace, ports: readonly number[]): Promise<Central> {
  const pull = ports.map((port) => ({ host: HOST, port }));
  const started = await startCentral({ ...place, host: HOST, port: 0, name: 'hq', pull, version: '9.8.7' });
  t.teardown(() => started.stop());
  return started;
}

/** The fleet once `fits` says so. */
export async function fleetOnce(client: TelemetryClient, fits: (fleet: Fleet) => boolean): Promise<Fleet> {
  const end = performance.now() + 240_000;
  for (;;) {
    const fleet = await client.fleet();
    if (fits(fleet)) return fleet;
    if (performance.now() > end) throw new Error(`in vain: ${JSON.stringify(fleet)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function boxOf(fleet: Fleet, name: string): FleetBox | undefined {
  return fleet.boxes.find(({ gateway }) => gateway === name);
}

/** True once all of a box of {@link startBox} is told of as being here, its gap, which is the last, included. */
export function hasCome({ line, gaps, behind }: FleetBox): boolean {
  return line.state === 'running' && gaps > 0 && behind?.positions === 0;
}

/** What every central tells of its boxes, wherever it keeps their blocks. @param makePlace an empty place */
export async function fleetContract(t: Test, makePlace: (t: Test) => Promise<StorePlace>): Promise<void> {
  const [car1, car2] = [await startBox(t, 'car1'), await startBox(t, 'car2')];
  const place = await makePlace(t);
  const hq = await central(t, place, [car1.port, car2.port]);
  const client = new TelemetryClient({ host: HOST, port: hq.port });
  t.teardown(() => client.close());
  const isUp = (fleet: Fleet) =>
    ['car1', 'car2'].every((name) => {
      const box = boxOf(fleet, name);
      return box !== undefined && hasCome(box) && box.heard !== undefined;
    });
  const fleet = await fleetOnce(client, isUp);
  t.equal(fleet.central, 'hq');
  t.equal(fleet.boxes.length, 2);
  t.match(boxOf(fleet, 'car1'), {
    line: { state: 'running', kind: 'pull', place: `${HOST}:${car1.port}` },
    version: '9.8.7',
    behind: { positions: 0 },
    gaps: 1,
    lost: 42,
    lostToday: 0,
    clock: { source: 'gnss' },
    disk: { rung: 'thin-bulk', usedBytes: 19, limitBytes: 20 },
    sources: { count: 2, waiting: ['can0'] },
    refused: 2,
    withheld: { residency: 2, filter: 1 },
    attention: 'act',
    reasons: [/^the disk runs short: thin-bulk$/],
  });
  // Box time of the fixture plus its offset to UTC.
  t.equal(boxOf(fleet, 'car1')?.newest, newestOf(car1.store) + 2_000_000);

  await t.test('usage tells what is stored of each box', async (t) => {
    const { stored } = await client.usage(0, 1);
    t.same(stored, [
      { gateway: 'car1', bytes: packBytes(car1.store) },
      { gateway: 'car2', bytes: packBytes(car2.store) },
    ]);
    const { stdout } = await caisson('usage', '--server', `${HOST}:${hq.port}`);
    t.match(stdout, /^stored {3}car1: \d+.* k?B$/m);
  });

  await t.test('the command shows the same, filtered and as a table', async (t) => {
    const server = `${HOST}:${hq.port}`;
    const { stdout, code } = await caisson('fleet', 'car2', '--server', server, '--json');
    t.equal(code, 0);
    t.same(
      (JSON.parse(stdout) as Fleet).boxes.map(({ gateway }) => gateway),
      ['car2'],
    );
    const table = await caisson('fleet', '--server', server);
    t.match(table.stdout, /^NEED +BOX +LINE.*\nact +car1 +up .*the disk runs short: thin-bulk; /);
    t.match(table.stdout, 'central hq: 2 boxes, act 2, watch 0, good 0');
  });

  await t.test('a box that is gone is still listed after central started again', async (t) => {
    await car2.stop();
    await hq.stop();
    const again = await central(t, place, [car1.port]);
    const other = new TelemetryClient({ host: HOST, port: again.port });
    t.teardown(() => other.close());
    const listed = await fleetOnce(other, (found) => boxOf(found, 'car1')?.heard !== undefined);
    t.match(boxOf(listed, 'car2'), { line: { state: 'none' }, lost: 42, attention: 'watch' });
    t.equal(boxOf(listed, 'car2')?.newest, newestOf(car2.store) + 2_000_000);
  });
}

function packBytes({ db, gateway }: FilledStore): number {
  return feedOf(db, gateway).reduce((sum, item) => sum + (item.kind === 'pack' ? item.bytes.length : 0), 0);
}

function newestOf(store: FilledStore): number {
  return Math.max(
    ...store.db
      .holdings(0)
      .flatMap(({ newest }) => newest)
      .map(({ time }) => time),
  );
}
