import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import t from 'tap';
import { parseServer } from '../../../gateway/commands/server-address.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { CaissonProcess, caisson } from '../../sync/caisson-process.ts';
import { FilledStore } from '../../sync/filled-store.ts';
import { bitsOf } from '../table/example-table.ts';

t.test('a central gives over HTTP the samples that it gives over gRPC, bit for bit', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'caisson-central-http-'));
  const store = new FilledStore(dir, 'pit-12', new Random(1));
  for (let block = 0; block < 20; block += 1) store.seal('car/speed');
  store.db.close();
  const central = new CaissonProcess(['central', '--data', dir, '--listen', '127.0.0.1:0', '--http', '127.0.0.1:0']);
  const [grpc = ''] = (await central.said('central answers on ')).split(',');
  const url = await central.said('dashboard ');
  const client = new TelemetryClient(parseServer(grpc));
  t.teardown(async () => {
    client.close();
    await central.kill('SIGTERM');
    await rm(dir, { recursive: true });
  });
  const times: number[] = [];
  const values: number[] = [];
  for await (const piece of client.query({ channels: ['car/speed'] })) {
    if (!('samples' in piece)) continue;
    times.push(...piece.samples.times);
    values.push(...(piece.samples.values as Float64Array));
  }
  t.ok(values.length > 1000);
  const to = (times.at(-1) ?? 0) + 1;
  const reply = await fetch(`${url}/api/v1/data?channels=car/speed&from=${times[0]}&to=${to}&format=arrow`);
  t.equal(reply.status, 200);
  const table = tableFromIPC(new Uint8Array(await reply.arrayBuffer()));
  t.same(bitsOf(table.getChild('value')?.toArray()), bitsOf(values));
  t.same(
    table.batches.flatMap((batch) => Array.from(batch.getChild('time')?.data[0]?.values ?? [], Number)),
    times,
  );
  t.equal((await fetch(`${url}/readyz`)).status, 200);
  t.equal((await fetch(url)).headers.get('content-type'), 'text/html; charset=utf-8');
});

t.test('a central refuses to serve HTTP to more than its own machine', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'caisson-central-http-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const { code, stderr } = await caisson('central', '--data', dir, '--listen', '127.0.0.1:0', '--http', '0.0.0.0:0');
  t.equal(code, 1);
  t.match(stderr, 'dashboard host is 0.0.0.0');
});
