import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { TelemetryClient } from '../../sync/api/client.ts';
import { startCentral } from '../../sync/central/central.ts';
import { publicKeyText, receiptKey } from '../../sync/receipts/receipt-key.ts';
import { GATEWAY, StoreRig } from '../gateway/store/store-rig.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';

const HOST = '127.0.0.1';

t.test('a gateway has proven by receipts what a central has, and believes no other under its name', async (t) => {
  const rig = new StoreRig(['speed'], 1 << 12);
  for (let i = 0; i < 1000; i += 1) rig.ring.writeSample(1, i * 1e6, Math.sin(i));
  rig.commit();
  rig.sealAll();
  rig.close();
  const folder = mkdtempSync(join(tmpdir(), 'caisson-receipts-'));
  const [real, other] = [mkdtempSync(join(folder, 'hq-')), mkdtempSync(join(folder, 'false-'))];
  const gateway = await GatewayChild.start({
    config: {
      gateway: { id: GATEWAY },
      store: { dir: rig.dir, retention: { centrals: ['hq'] } },
      destinations: { hq: { receiptKey: publicKeyText(receiptKey(real)) } },
      dashboard: { port: 0 },
      grpc: { port: 0 },
      sources: {},
    },
    folder,
  });
  const address = { host: HOST, port: gateway.grpcPort };
  const client = new TelemetryClient(address);
  const central = (dir: string) =>
    startCentral({ dir, host: HOST, port: 0, pull: [address], name: 'hq', version: 'test' });
  const impostor = await central(other);
  t.teardown(async () => {
    client.close();
    await gateway.kill();
    for (const dir of [rig.dir, folder]) rmSync(dir, { recursive: true });
  });
  const heard = () => client.status().then(({ destinations = [] }) => destinations.find(({ name }) => name === 'hq'));
  const refused = await eventually('the impostor is refused', async () => {
    const status = await heard();
    return (status?.refused.forged ?? 0) > 0 && status;
  });
  t.match(refused, { position: 0, proven: true });
  await impostor.stop();
  const hq = await central(real);
  const proven = await eventually('the central has proven what it has', async () => {
    const status = await heard();
    return (status?.position ?? 0) > 0 && status;
  });
  t.match(proven, { proven: true, told: Number });
  const line = await eventually('the gateway knows over which line, and why', async () => {
    const { lines = [] } = await client.status();
    return lines.find(({ gateway: peer, state }) => peer === 'hq' && state === 'in-use');
  });
  t.match(line, { name: `${HOST}:${gateway.grpcPort}`, why: /./, heard: Number, pace: { bytesPerS: Number } });
  await hq.stop();
});
