import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { requireConfig } from '../../gateway/commands/config.ts';
import { type GatewayProcess, startGateway } from '../../gateway/commands/gateway-process.ts';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { freePort } from '../free-port.ts';
import { eventually } from './eventually.ts';
import { faultsOf, Qos1Publisher } from './qos1-publisher.ts';

const HOST = '127.0.0.1';

/** Crashes of each thread. */
const ROUNDS = 4;
const CLIENTS = 3;

/** Acknowledgements of each client to wait for after a crash, before the next: that work goes on is what is seen. */
const ACKS_A_ROUND = 100;

t.test('a thread that crashes comes back, it is told, and nothing acknowledged is lost', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-threads-'));
  const config = writeConfig(folder, await freePort());
  const said: string[] = [];
  const gateway = await startGateway(config, {
    version: 'test',
    webRoot: webRootIn(folder),
    onProblem: (text) => said.push(text),
  });
  const client = new TelemetryClient({ host: HOST, port: gateway.grpcPort });
  const { port = 0 } = config.sources.load as { port?: number };
  const publishers = Array.from({ length: CLIENTS }, (_, i) => new Qos1Publisher(port, `client-${i}`));
  let stopped = false;
  t.teardown(async () => {
    client.close();
    for (const publisher of publishers) await publisher.abandon();
    if (!stopped) await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const acknowledged = () => publishers.map((publisher) => publisher.acknowledged.size);
  const goOn = async (what: string) => {
    const before = acknowledged();
    await eventually(`publishing goes on after ${what}`, () =>
      acknowledged().every((count, i) => count >= (before[i] ?? 0) + ACKS_A_ROUND),
    );
  };
  await goOn('the start');

  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const thread of ['store', 'serve'] as const) {
      await gateway.crashThread(thread);
      if (thread === 'serve') await isServed(gateway, client);
      await goOn(`crash ${round} of ${thread}`);
      const reported = () => told(gateway, thread).length;
      t.equal(
        await eventually('the status tells of it', () => reported() >= round && reported()),
        round,
        `${thread}, ${round}`,
      );
    }
  }
  await isServed(gateway, client);
  const { problems, store } = await client.status();
  t.equal(problems.length, 2 * ROUNDS, 'and whoever asks is told');
  t.equal(said.length, 2 * ROUNDS, 'as was whoever reads the log');
  t.ok(store.commits > 0 && store.lost === 0, `${store.commits} commits, ${store.lost} lost`);

  for (const publisher of publishers) await publisher.finish();
  await gateway.stop();
  stopped = true;
  const telemetry = StoreTelemetry.open(config.store.dir);
  for (const { topic, acknowledged: acked } of publishers) {
    const { id } = telemetry.channel(topic);
    const kept = [...telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)].flatMap(({ values }) => [...values].map(Number));
    t.same(faultsOf(acked, kept), { missing: [], twice: [] }, `${topic}: ${acked.size} acknowledged are there once`);
    t.equal(kept.length, acked.size, 'and nothing else');
    t.same(telemetry.gaps(id, 0, Number.MAX_SAFE_INTEGER), [], 'without a gap');
  }
  for (const { channel, taken, kept, lost } of telemetry.ledger()) {
    if (taken !== kept || lost !== 0) t.same({ channel, kept, lost }, { channel, kept: taken, lost: 0 });
  }
  telemetry.close();
});

function writeConfig(folder: string, mqttPort: number) {
  const path = join(folder, 'caisson.yaml');
  writeFileSync(
    path,
    stringify({
      gateway: { id: 'threads' },
      store: { dir: join(folder, 'data'), blockAgeSeconds: 1 },
      dashboard: { port: 0 },
      grpc: { port: 0 },
      sources: { load: { type: 'mqtt', port: mqttPort } },
    }),
  );
  return requireConfig(path);
}

/** What the dashboard serves is not looked at here. */
function webRootIn(folder: string): string {
  const root = join(folder, 'web');
  mkdirSync(root);
  writeFileSync(join(root, 'index.html'), '<!doctype html><title>here</title>');
  return root;
}

/** Page and gRPC answer where they always did. */
async function isServed({ httpPort }: GatewayProcess, client: TelemetryClient): Promise<void> {
  await eventually('the page is served', async () => {
    const answer = await fetch(`http://${HOST}:${httpPort}/`).catch(() => undefined);
    return answer?.status === 200 && (await answer.text()).includes('here');
  });
  await eventually('gRPC answers', () => client.status().catch(() => undefined));
}

function told(gateway: GatewayProcess, thread: string): string[] {
  return gateway
    .status()
    .problems.map(({ text }) => text)
    .filter((text) => text.startsWith(`the ${thread} thread died`));
}
