import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { Random } from '../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { startCentral } from '../../sync/central/central.ts';
import { courierKey } from '../../sync/courier/courier-key.ts';
import { keyText } from '../../sync/receipts/kept-key.ts';
import { publicKeyText, receiptKey } from '../../sync/receipts/receipt-key.ts';
import { freePort } from '../free-port.ts';
import { BlockCount } from '../sync/block-count.ts';
import { CutProxy } from '../sync/cut-proxy.ts';
import { FilledStore } from '../sync/filled-store.ts';
import { blocksOf, definitionsOf, gapsOf } from '../sync/same-feed.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';

const HOST = '127.0.0.1';
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

/** Samples of a block, and blocks: some MB that no codec makes small. */
const BLOCK_SAMPLES = 4000;
const BLOCKS = 40;

t.test(
  'a relay that is killed while it takes and while it passes on loses nothing, and the answers come back',
  async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    const random = new Random(SEED);
    const dir = mkdtempSync(join(tmpdir(), 'caisson-relay-'));
    const folderOf = (name: string) => mkdtempSync(join(dir, `${name}-`));
    const [boxDir, centralDir, depot] = [folderOf('box'), folderOf('central'), folderOf('depot')];
    const store = new FilledStore(boxDir, 'box', random.fork('box'));
    for (let i = 0; i < BLOCKS; i += 1) store.seal('box/secret-name', 'number', BLOCK_SAMPLES);
    store.close();

    const port = await freePort();
    const truckDir = folderOf('truck');
    const startTruck = () =>
      GatewayChild.start({
        config: {
          gateway: { id: 'truck' },
          store: { dir: truckDir },
          relay: { dir: depot, freeMb: 0 },
          ...{ dashboard: { port: 0 }, grpc: { port }, sources: {} },
        },
        folder: truckDir,
      });
    let truck = await startTruck();
    const fromCentral = await CutProxy.start(port);
    const box = await GatewayChild.start({
      config: {
        gateway: { id: 'box' },
        store: { dir: boxDir, retention: { centrals: ['hq'] } },
        destinations: {
          hq: {
            courierKey: keyText(courierKey(centralDir), 'x25519'),
            receiptKey: publicKeyText(receiptKey(centralDir)),
            relay: { to: `${HOST}:${port}`, afterS: 0, fileMb: 0.2 },
          },
        },
        ...{ dashboard: { port: 0 }, grpc: { port: 0 }, sources: {} },
      },
      folder: boxDir,
    });
    const client = new TelemetryClient({ host: HOST, port: box.grpcPort });
    t.teardown(async () => {
      client.close();
      for (const each of [box, truck]) await each.kill();
      await fromCentral.stop();
      rmSync(dir, { recursive: true });
    });
    const atBox = async () => (await client.status()).handovers?.[0];
    const position = async () => (await client.status()).destinations?.find(({ name }) => name === 'hq')?.position ?? 0;

    await eventually('the truck has some of it', async () => ((await atBox())?.handed ?? 0) > 0);
    await truck.kill();
    truck = await startTruck();
    await eventually('the box handed all over', async () => {
      const status = await atBox();
      return status?.why === 'all there is was handed over' && status.files > 0;
    });
    t.equal(await position(), 0, 'handed over is not acknowledged');

    const options = { dir: centralDir, name: 'hq', host: HOST, port: 0, version: 'test' };
    const central = await startCentral({ ...options, pull: [{ host: HOST, port: fromCentral.port }] });
    t.teardown(() => central.stop());
    const count = new BlockCount(centralDir);
    fromCentral.cutAfter(random.below(400_000));
    await eventually('central has some of it', () => count.now() > 0);
    await truck.kill();
    truck = await startTruck();
    count.close();

    const own = BlockReader.openReadonly(storePaths(boxDir).blocks);
    const there = BlockReader.openReadonly(storePaths(centralDir).blocks);
    t.teardown(() => {
      own.close();
      there.close();
    });
    const kinds = [blocksOf, gapsOf, definitionsOf].map(
      (of) => (reader: BlockReader) =>
        of(reader, 'box')
          .map((each) => JSON.stringify(each))
          .sort(),
    );
    // What the box says of itself goes on: it has more than this by the time that central has all of this.
    const had = kinds.map((sorted) => sorted(own));
    const end = own.lastPosition();
    await eventually('the box has it proven', async () => (await position()) >= end);
    for (const [i, sorted] of kinds.entries()) {
      const arrived = sorted(there);
      const [before, now] = [new Set(had[i]), new Set(sorted(own))];
      t.same(
        arrived.filter((each) => before.has(each)),
        had[i],
      );
      t.same(
        arrived.filter((each) => !now.has(each)),
        [],
        'and nothing else',
      );
    }
    const rested = await eventually('the box waits for no answer', async () => {
      const status = await atBox();
      return status?.files === 0 && status;
    });
    t.same(rested.refused, {});
    t.equal(central.status().problems.filter(({ text }) => /damaged|conflict|another block/.test(text)).length, 0);
  },
);
