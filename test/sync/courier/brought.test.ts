import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import type { FeedItem } from '../../../gateway/store/block-rows.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { startCentral } from '../../../sync/central/central.ts';
import { carry } from '../../../sync/courier/bring-courier.ts';
import { filesOn } from '../../../sync/courier/courier-files.ts';
import { courierKey } from '../../../sync/courier/courier-key.ts';
import { keyText } from '../../../sync/receipts/kept-key.ts';
import { requireTools } from '../../debian.ts';
import { waitFor } from '../../wait-for.ts';
import { caisson } from '../caisson-process.ts';
import { PostgresLook } from '../central/postgres-rig.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { blocksIn, definitionsIn, feedOf, gapsIn } from '../same-feed.ts';

const HOST = '127.0.0.1';

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-brought-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A box, a medium for it, and the folder of the central that the medium is for. */
function rig(t: Test) {
  const [dir, medium, centralDir] = [folder(t), folder(t), folder(t)];
  const box = new FilledStore(dir, 'box', new Random(11));
  t.teardown(() => box.close());
  const courier = keyText(courierKey(centralDir), 'x25519');
  return {
    ...{ dir, box, medium, centralDir },
    steps(count: number) {
      for (let i = 0; i < count; i += 1) box.step();
      box.finish();
    },
    write: () =>
      carry({
        ...{ dir, destinations: { hq: { courierKey: courier } }, central: 'hq', medium, fileBytes: 20_000, all: true },
      }),
  };
}

/** Every block once with its bytes, gaps and definitions, in whatever order they came. */
function isSame(t: Test, items: readonly FeedItem[], box: FilledStore): void {
  const sorted = (of: readonly FeedItem[]) =>
    blocksIn(of)
      .map(({ identity, bytes }) => `${identity} ${bytes}`)
      .sort();
  const own = feedOf(box.db, 'box');
  t.same(sorted(items), sorted(own), 'every block once, byte for byte');
  t.same(gapsIn(items), gapsIn(own));
  t.same(definitionsIn(items), definitionsIn(own));
}

t.test('what is carried comes into a central that runs, while a line brings the rest', async (t) => {
  const { dir, box, medium, centralDir, steps, write } = rig(t);
  steps(80);
  t.ok(write().files.length > 3);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: box.db, storeDir: dir },
    status: () => exampleStatus('box'),
  });
  steps(20);
  const pull = [{ host: HOST, port: server.port }];
  const central = await startCentral({ dir: centralDir, name: 'hq', host: HOST, port: 0, pull, version: '1' });
  const address = `${HOST}:${central.port}`;
  const read = await caisson('courier', 'read', medium, '--server', address);
  t.equal(read.code, 0, read.stderr);
  t.ok(read.stdout.split('\n').filter((line) => line.includes(': kept, ')).length > 3);
  const again = await caisson('courier', 'read', medium, '--server', address, '--json');
  t.ok(
    again.stdout
      .trim()
      .split('\n')
      .every((line) => JSON.parse(line).samples === 0),
    'nothing is new in it',
  );

  const [path = ''] = filesOn(medium);
  const bytes = readFileSync(path);
  bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const damaged = await caisson('courier', 'read', medium, '--server', address);
  t.equal(damaged.code, 1);
  t.match(damaged.stdout, /: damaged, 0 new samples; COURIER-3/);

  const total = blocksIn(feedOf(box.db, 'box')).length;
  await waitFor('the line has brought the rest', () => (central.status().store.blocks ?? 0) >= total);
  await central.stop();
  await server.stop();
  const db = BlockDb.open(storePaths(centralDir).blocks);
  isSame(t, feedOf(db, 'box'), box);
  db.close();
});

t.test('a file for another central stays as it is, and a gateway takes none', async (t) => {
  const { dir, box, medium, steps, write } = rig(t);
  steps(30);
  write();
  const central = await startCentral({ dir: folder(t), name: 'lab', host: HOST, port: 0, pull: [], version: '1' });
  const read = await caisson('courier', 'read', medium, '--server', `${HOST}:${central.port}`);
  t.equal(read.code, 0);
  t.match(read.stdout, /: for another central\n/);
  t.equal(central.status().store.blocks, 0);
  await central.stop();
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: box.db, storeDir: dir },
    status: () => exampleStatus('box'),
  });
  const client = new TelemetryClient({ host: HOST, port: server.port });
  const pieces = async function* () {
    yield readFileSync(filesOn(medium)[0] ?? '');
  };
  await t.rejects(client.bringCourier(pieces()), { code: 'not-served' });
  client.close();
  await server.stop();
});

t.test('into PostgreSQL, through a process of the central and with none of them running', async (t) => {
  if (!requireTools(t, 'postgresql')) return;
  const postgres = await PostgresServer.start();
  t.teardown(() => postgres.dispose());
  const url = await postgres.database();
  const { box, medium, centralDir, steps, write } = rig(t);
  steps(60);
  write();
  const central = await startCentral({ url, dir: centralDir, name: 'hq', host: HOST, port: 0, pull: [], version: '1' });
  const read = await caisson('courier', 'read', medium, '--server', `${HOST}:${central.port}`);
  t.equal(read.code, 0, read.stderr);
  await central.stop();
  steps(40);
  write();
  const stopped = await caisson('courier', 'read', medium, '--store', url, '--name', 'hq', '--data', centralDir);
  t.equal(stopped.code, 0, stopped.stderr);
  const look = new PostgresLook(url);
  isSame(t, await look.feed('box'), box);
  await look.close();
});

t.test('says what is missing on the command line', async (t) => {
  for (const args of [[], ['--store', 'postgres://x/y', '--data', '.'], ['--server', 'a:1', '--data', '.']]) {
    t.equal((await caisson('courier', 'read', '.', ...args)).code, 2, args.join(' '));
  }
});
