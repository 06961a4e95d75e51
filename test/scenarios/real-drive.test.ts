import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { startCentral } from '../../sync/central/central.ts';
import { recording } from '../data-dir.ts';
import { RAV4, rav4Source, readWheelSpeeds } from '../rav4-oracle.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';

/** Reads a whole channel as a person at the other end would. */
async function readAll(client: TelemetryClient, channel: string): Promise<{ times: number[]; steps: number[] }> {
  const times: number[] = [];
  const steps: number[] = [];
  for await (const piece of client.query({ channels: [channel], from: 0, to: 2e15 })) {
    if (!('samples' in piece)) continue;
    times.push(...piece.samples.times);
    for (const value of piece.samples.values) steps.push(Math.round(Number(value) * 100));
  }
  return { times, steps };
}

t.test(
  'a real drive: wheel speeds asked of the gateway and of central equal those of the recorder at every sample',
  { skip: recording(RAV4) === undefined ? `no recording ${RAV4}` : false },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-drive-'));
    const config = {
      gateway: { id: 'rav4-box' },
      store: { dir: join(folder, 'gateway'), blockAgeSeconds: 1 },
      dashboard: { port: 0 },
      grpc: { port: 0 },
      sources: { rav4: rav4Source() },
    };
    const gateway = await GatewayChild.start({ config, folder });
    const central = await startCentral({
      dir: join(folder, 'central'),
      host: '127.0.0.1',
      port: 0,
      pull: [{ host: '127.0.0.1', port: gateway.grpcPort }],
      version: 'test',
    });
    const atGateway = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
    const atCentral = new TelemetryClient({ host: '127.0.0.1', port: central.port });
    t.teardown(async () => {
      atGateway.close();
      atCentral.close();
      await central.stop();
      await gateway.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    // What is played to its end may still wait for its commit.
    await eventually('the recording is played, and on disk', async () => {
      const { sources, ring } = await atGateway.status();
      return ring.used === 0 && sources.some(({ name, state }) => name === 'rav4' && state === 'stopped');
    });
    const oracle = readWheelSpeeds();
    for (const { channel, times, steps } of oracle) {
      t.same(await readAll(atGateway, `rav4/${channel}`), { times, steps }, `gateway: ${channel}`);
    }
    const wanted = oracle[0]?.times.length ?? 0;
    for (const { channel, times, steps } of oracle) {
      const name = `rav4/${channel}`;
      await eventually(
        `central has ${channel}`,
        async () =>
          (await atCentral.listChannels({ names: [name] })).length > 0 &&
          (await readAll(atCentral, name)).times.length >= wanted,
      );
      t.same(await readAll(atCentral, name), { times, steps }, `central: ${channel}`);
    }
    const prefix = 'rav4/powertrain/WHEEL_SPEEDS';
    const [atEdge, atCenter] = [config.store.dir, join(folder, 'central')].map((dir) => blocksOf(dir, prefix));
    t.same(atCenter, atEdge, 'byte for byte the same blocks in the same order');
    t.ok((atEdge?.length ?? 0) >= 4);
    t.equal((await atGateway.status()).store.lost, 0);
  },
);

/** The pack of every block of the channels under `prefix`, as hex, in the order of the feed. */
function blocksOf(dir: string, prefix: string): string[] {
  const db = BlockReader.openReadonly(storePaths(dir).blocks);
  try {
    const ids = new Map(db.channelsAfter(0).channels.map(({ id, name }) => [id, name]));
    return db
      .blocksAfter(0)
      .filter(({ channel }) => ids.get(channel)?.startsWith(prefix))
      .map(({ position }) => Buffer.from(db.packBytes(position) ?? []).toString('hex'));
  } finally {
    db.close();
  }
}
