import { rmSync } from 'node:fs';
import t from 'tap';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { ACKNOWLEDGED_STORES_KEY } from '../../gateway/store/retention/acknowledgements.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { freePort } from '../free-port.ts';
import { GATEWAY, StoreRig } from '../gateway/store/store-rig.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';
import { fill, heldIn, startHq, tempDir } from './two-centrals.ts';

const HOST = '127.0.0.1';

/** Less than the 1 MB that samples may take, and more. */
const PACKS_FIRST = 10;
const PACKS = 50;
const SAMPLES = 4000;

/** Second at which what the first central lacks begins. */
const LATER = 100;

t.test('a gateway that is killed still knows that two centrals have one name', async (t) => {
  const rig = new StoreRig(['speed']);
  fill(rig, PACKS_FIRST, 0, SAMPLES);
  const endFirst = rig.blocks.lastPosition();
  rig.close();
  t.teardown(() => rmSync(rig.dir, { recursive: true, force: true }));
  const [folder, port] = [tempDir(t), await freePort()];
  const config = {
    gateway: { id: GATEWAY },
    store: { dir: rig.dir, retention: { centrals: ['hq'], standard: { maxGigabytes: 0.001 } } },
    dashboard: { port: 0 },
    grpc: { port },
    sources: {},
  };
  const inStore = <Answer>(look: (blocks: BlockReader) => Answer): Answer => {
    const blocks = BlockReader.openReadonly(storePaths(rig.dir).blocks);
    try {
      return look(blocks);
    } finally {
      blocks.close();
    }
  };
  const heldLater = () => inStore((blocks) => heldIn(blocks, LATER * 1e6));
  const client = new TelemetryClient({ host: HOST, port });
  const places = [{ dir: tempDir(t) }, { dir: tempDir(t) }] as const;
  t.teardown(() => client.close());
  const standing = async () => (await client.status()).destinations?.find(({ name }) => name === 'hq');
  let gateway = await GatewayChild.start({ config, folder });
  t.teardown(() => gateway.kill());
  const early = await startHq(t, port, places[0]);
  await eventually('the first has all', async () => ((await standing())?.position ?? 0) >= endFirst);
  await eventually('that is kept', () =>
    inStore((blocks) => blocks.meta(ACKNOWLEDGED_STORES_KEY)?.includes('"store":')),
  );
  await early.stop();
  await gateway.kill();
  const more = new StoreRig(['speed'], 4096, rig.dir);
  fill(more, PACKS, LATER, SAMPLES);
  const end = more.blocks.lastPosition();
  more.close();
  const late = await startHq(t, port, places[1]);
  for (let start = 0; start < 2; start += 1) {
    gateway = await GatewayChild.start({ config, folder });
    const since = await eventually('the second said what it has, and the first is waited for', async () => {
      const { told, stores = [] } = (await standing()) ?? {};
      const most = Math.max(0, ...stores.map(({ position }) => position));
      return told !== undefined && stores.length === 2 && most >= end && (await client.status()).now;
    });
    await eventually('the store looked a few times at what it may give up', async () => {
      return (await client.status()).now > since + 4e6;
    });
    t.same(heldLater(), { whole: PACKS * SAMPLES, thinned: 0 });
    if (start === 0) await gateway.kill();
  }
  const again = await startHq(t, port, places[0]);
  await eventually('what both have is given up', () => heldLater().thinned > 0);
  await again.stop();
  await late.stop();
});
