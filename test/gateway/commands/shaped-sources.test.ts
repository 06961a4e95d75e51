import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { RedundancyConfig } from '../../../collectors/redundancy/redundancy-config.ts';
import { type GatewayProcess, startGateway } from '../../../gateway/commands/gateway-process.ts';
import type { SourceConfig } from '../../../gateway/commands/source-kinds.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { freePort } from '../../free-port.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { caisson } from '../../sync/caisson-process.ts';
import { waitFor } from '../../wait-for.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

async function withSources(
  t: Test,
  sources: Record<string, SourceConfig>,
  redundancy: RedundancyConfig = {},
  onProblem: (text: string) => void = () => {},
): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-shaped-'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  const store = { dir: join(folder, 'store'), commitFloorMs: 0, blockAgeSeconds: 60, mergeBlocks: true };
  const settings = { retention: { diskShare: 0.8, centrals: [] }, wear: { lifetimeYears: 5 } };
  const config = {
    gateway: {},
    store: { ...store, ...settings },
    dashboard: LOOPBACK,
    grpc: LOOPBACK,
    sources,
    redundancy,
  };
  const gateway = await startGateway(config, { version: 'test', webRoot: folder, onProblem });
  t.teardown(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });
  return gateway;
}

async function write(port: number, lines: readonly string[]): Promise<void> {
  const { status } = await fetch(`http://127.0.0.1:${port}/write?precision=us`, {
    method: 'POST',
    body: lines.join('\n'),
  });
  if (status !== 204) throw new Error(`answered ${status}`);
}

t.test('what the config leaves out is not kept, and is told by the status of this box and over gRPC', async (t) => {
  const port = await freePort();
  const keep = [
    { channels: 'tank/level', deadband: 1 },
    { channels: 'tank/flow', minMaxMs: 1000 },
  ];
  const gateway = await withSources(t, { line: { type: 'http', port, keep, samplesPerSecondMax: 1000 } });
  const levels = [1, 1.5, 3, 3.5, 1].map((level, i) => `tank level=${level} ${1e15 + i}`);
  const flows = [5, 9, 1, 5].map((flow, i) => `tank flow=${flow} ${1e15 + i}`);
  await write(port, [...levels, ...flows, 'tank other=1 1000000000000000']);
  const client = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
  t.teardown(() => client.close());
  const kept = async (name: string) => {
    const values: unknown[] = [];
    for await (const piece of client.query({ channels: [name] })) {
      if ('samples' in piece) values.push(...piece.samples.values);
    }
    return values;
  };
  t.same(await kept('tank/level'), [1, 3, 1]);
  t.same(await kept('tank/flow'), [9, 1]);
  t.same(await kept('tank/other'), [1]);
  const leftOut = { unchanged: 2, 'between-extremes': 2 };
  await waitFor('the next status', () => gateway.status().sources[0]?.leftOut?.unchanged === 2);
  t.match(gateway.status().sources[0], { leftOut });
  const isTold = async () => (await client.status()).sources[0]?.leftOut !== undefined;
  while (!(await isTold())) await new Promise((resolve) => setTimeout(resolve, 20));
  t.match((await client.status()).sources[0], { leftOut });
});

t.test(
  'who sends what cannot be used is named in the status over gRPC, and once for each reason in the log',
  async (t) => {
    const port = await freePort();
    const said: string[] = [];
    const gateway = await withSources(t, { line: { type: 'http', port } }, {}, (text) => said.push(text));
    const client = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
    t.teardown(() => client.close());
    const source = async () => (await client.status()).sources.find(({ name }) => name === 'line');
    for (const count of [1, 2, 3]) {
      await t.rejects(write(port, ['tank level=1', 'tank level=']), /answered 400/);
      while ((await source())?.errors['line-field'] !== count) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    t.match((await source())?.errorPlaces, { 'line-field': /127\.0\.0\.1: line 2: tank level=/ });
    const told = said.filter((text) => text.startsWith('source line: line-field (127.0.0.1: line 2: tank level='));
    t.equal(told.length, 1, said.join('\n'));
  },
);

t.test('a channel that goes quiet is named in the status, and no longer when it comes back', async (t) => {
  const port = await freePort();
  const gateway = await withSources(t, { line: { type: 'http', port } });
  const source = () => gateway.status().sources.find(({ name }) => name === 'line');
  let posts = 0;
  const post = (fields: string) => write(port, [`tank ${fields}`]);
  const answered: Promise<unknown>[] = [];
  const beat = setInterval(() => {
    posts += 1;
    answered.push(post(posts < 16 ? 'level=1,flow=2' : 'flow=2').catch(t.fail));
  }, 500);
  // The gateway stops after that: what is on its way then would be refused.
  t.teardown(async () => {
    clearInterval(beat);
    await Promise.all(answered);
  });
  const before = Date.now() * 1e3;
  // Where the machine holds up what still comes, that is silent for a while too.
  const isAlone = () => source()?.stale?.count === 1 && source()?.stale?.channels[0]?.name === 'tank/level';
  await waitFor('the silence to be noticed', isAlone);
  const since = source()?.stale?.channels[0]?.since ?? 0;
  t.ok(since > before && since < Date.now() * 1e3, `${since - before} us`);
  await t.test('and to whoever asks, in each of the ways', async (t) => {
    const server = `127.0.0.1:${gateway.grpcPort}`;
    const { stdout } = await caisson('status', '--server', server);
    t.match(stdout, /stale: tank\/level since \d{4}-/);
    await eventually('the metrics tell of one', async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${gateway.httpPort}/metrics`)).text();
      return /^caisson_source_stale_channels\{[^}]*source="line"[^}]*\} 1$/m.test(metrics);
    });
    const client = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
    t.teardown(() => client.close());
    const live = client.subscribe({ channels: ['caisson/sources/line/stale'], rateMax: 20 });
    for await (const samples of live) if (samples.some(({ value }) => value === 1)) break;
    t.pass('its own channel says one');
  });
  posts = 0;
  await waitFor('the return to be noticed', () => source()?.stale === undefined);
});

t.test('a redundant channel goes on with the next best source, and the status says so', async (t) => {
  const port = await freePort();
  const channels = [{ channel: 'speed', from: ['car/gnss', 'car/wheel'], silentMs: 300 }];
  const gateway = await withSources(t, { line: { type: 'http', port } }, { channels });
  await write(port, ['car gnss=1,wheel=2']);
  const isTold = () =>
    gateway.status().problems.some(({ text }) => /taken from car\/wheel: car\/gnss is silent/.test(text));
  while (!isTold()) {
    await write(port, ['car wheel=3']);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const client = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
  t.teardown(() => client.close());
  const values: unknown[] = [];
  for await (const piece of client.query({ channels: ['speed', 'speed/from'] })) {
    if ('samples' in piece) values.push(...piece.samples.values);
  }
  t.same([...new Set(values)], [1, 3, 'car/gnss', 'car/wheel']);
});
