import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { handOverText, relayTexts } from '../../../gateway/commands/relay-text.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { type Central, type StorePlace, startCentral } from '../../../sync/central/central.ts';
import { courierKey } from '../../../sync/courier/courier-key.ts';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';
import { receiptDesk } from '../../../sync/destinations/receipt-desk-of.ts';
import { DAY_MS, DailyBudget, type SpentDay } from '../../../sync/line/daily-budget.ts';
import { WireMeter } from '../../../sync/line/wire-meter.ts';
import { CarriedFeed } from '../../../sync/relay/carried-feed.ts';
import { Depot } from '../../../sync/relay/depot.ts';
import { HandOver } from '../../../sync/relay/hand-over.ts';
import { Outbox } from '../../../sync/relay/outbox.ts';
import { inviteTo } from '../../../sync/trust/authority.ts';
import { IdentityFolder, keepIdentity } from '../../../sync/trust/identity-folder.ts';
import { secureClient } from '../../../sync/trust/secure-client.ts';
import { parseToken } from '../../../sync/trust/token.ts';
import { enroll } from '../../../sync/trust/trust-client.ts';
import { requireTools } from '../../debian.ts';
import { waitFor } from '../../wait-for.ts';
import { PostgresLook } from '../central/postgres-rig.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus } from '../memory-telemetry.ts';
import { startBox } from '../reverse/dialled.ts';
import { blocksIn, blocksOf } from '../same-feed.ts';
import { PASSPHRASE } from '../trust/trusted.ts';
import { folder, HOST, RelayRig } from './relay-rig.ts';

const HURRY_MS = 20;

/** Who enrols at a central that is its own authority. */
async function enrolled(t: Test, authority: string, central: Central, name: string): Promise<IdentityFolder> {
  const address = { host: HOST, port: central.port };
  const terms = { peer: { role: 'gateway', name }, hosts: [HOST], central: address } as const;
  const token = inviteTo(authority, { ...terms, nowMs: Date.now(), lifeMs: DAY_MS });
  const { issued, key } = await enroll(parseToken(token));
  const dir = join(folder(t), 'identity');
  keepIdentity(dir, issued, { key, central: address });
  const identity = IdentityFolder.open(dir);
  t.teardown(() => identity.close());
  return identity;
}

/** A box without a line hands over to a truck, which nobody can dial either: it dials the central and hands it the line. */
async function carriesOver(
  t: Test,
  place: StorePlace & { readonly dir: string },
  blocksAt: () => Promise<string[]>,
): Promise<void> {
  const problems: string[] = [];
  const onProblem = (text: string) => problems.push(text);
  const authority = join(folder(t), 'authority');
  const central = await startCentral({
    ...{ ...place, name: 'hub', host: HOST, port: 0, pull: [], version: '1', onProblem },
    trust: { authority, passphrase: PASSPHRASE, hosts: [HOST] },
  });
  t.teardown(() => central.stop());
  const [boxDir, truckDir] = [folder(t), folder(t)];
  const box = new FilledStore(boxDir, 'box', new Random(31));
  const truck = new FilledStore(truckDir, 'truck', new Random(32));
  const store = BlockReader.openReadonly(storePaths(boxDir).blocks);
  t.teardown(() => {
    for (const each of [box, truck, store]) each.close();
  });
  for (let i = 0; i < 60; i += 1) box.step();

  const depot = new Depot({
    ...{ dir: join(folder(t), 'depot'), bytesMax: 1e9, filesPerSender: 1000, freeBytes: 0, keepMs: 1e9 },
    ...{ utcMs: Date.now, onProblem },
  });
  const truckIdentity = await enrolled(t, authority, central, 'truck');
  const statusOf = () => ({ ...exampleStatus('truck'), relay: depot.status() });
  const served = { feed: truck.db, storeDir: truckDir, depot, status: statusOf };
  const { server } = await startBox(t, 'truck', truckIdentity, central.port, served);

  const boxIdentity = await enrolled(t, authority, central, 'box');
  let confirmed = 0;
  const receipts = receiptDesk(
    store,
    { hub: {} },
    {
      gateway: () => 'box',
      onConfirmed: (_central, { position }) => {
        confirmed = position;
      },
      onProblem,
    },
  );
  const meter = new WireMeter();
  const handOver = new HandOver({
    ...{ gateway: () => 'box', central: 'hub', address: `${HOST}:${server.port}`, meter, receipts },
    connect: () => secureClient({ host: HOST, port: server.port }, boxIdentity, { roles: ['gateway'] }, { meter }),
    feed: new CarriedFeed({
      ...{ store, receipts, central: 'hub', key: createPublicKey(courierKey(place.dir)), fileBytes: 20_000 },
      ...{ scope: new DestinationPolicy({ hub: {} }).scopeOf('hub'), region: undefined, utcMs: Date.now },
    }),
    outbox: new Outbox(join(boxDir, 'relay', 'hub')),
    ...{ afterMs: 0, filesMax: 1000, againMs: 1e9, utcMs: Date.now, steadyMs: () => performance.now() },
    ...{ onProblem, lookMs: HURRY_MS },
  });
  handOver.start();
  t.teardown(() => handOver.stop());
  await waitFor('the truck carries something', () => depot.status().files > 0 || handOver.status().answered > 0);
  await waitFor('the box has the answers', () => confirmed === box.db.lastPosition());
  const expected = blocksOf(box.db, 'box').map(({ identity, bytes }) => `${identity} ${bytes}`);
  t.same((await blocksAt()).sort(), expected.sort(), 'every block, byte for byte');
  await waitFor('the truck is rid of all', () => depot.status().bytes === 0);
  t.match(handOver.status(), { refused: {}, files: 0 });
  // On a machine that stands still for seconds a database does not answer for seconds, which is told.
  const others = problems.filter((text) => !/^the store takes (nothing.* not answered|what comes again)/.test(text));
  t.same(others, []);

  // Who has no certificate of this central, or another name, hands nothing over.
  const stranger = new TelemetryClient({ host: HOST, port: server.port });
  await t.rejects(stranger.relay.ask({ gateway: 'box', digests: [], done: [] }), 'without a certificate');
  stranger.close();
  const other = secureClient({ host: HOST, port: server.port }, boxIdentity, { roles: ['gateway'] });
  await t.rejects(other.relay.ask({ gateway: 'truck', digests: [], done: [] }), { code: 'access-refused' });
  other.close();
}

t.test('over mTLS to a truck and from it over a line that it dialled, to a central over SQLite', async (t) => {
  const dir = folder(t);
  await carriesOver(t, { dir }, async () => {
    const db = BlockReader.openReadonly(storePaths(dir).blocks);
    const blocks = blocksOf(db, 'box').map(({ identity, bytes }) => `${identity} ${bytes}`);
    db.close();
    return blocks;
  });
});

t.test('the same to a central over PostgreSQL', async (t) => {
  if (!requireTools(t, 'postgresql')) return;
  const postgres = await PostgresServer.start();
  t.teardown(() => postgres.dispose());
  const url = await postgres.database();
  await carriesOver(t, { url, dir: folder(t) }, async () => {
    const look = new PostgresLook(url);
    const blocks = blocksIn(await look.feed('box')).map(({ identity, bytes }) => `${identity} ${bytes}`);
    await look.close();
    return blocks;
  });
});

t.test(
  'a budget that ends in the middle of a file: the next day goes on at the byte, and the status says so',
  async (t) => {
    const rig = new RelayRig(t, { fileBytes: 1e9 });
    for (let i = 0; i < 40; i += 1) rig.box.seal('box/large', 'number', 4000);
    const truck = await rig.serveTruck();
    const offsets: number[] = [];
    const { depot } = rig;
    const take = depot.take.bind(depot);
    depot.take = (opening, pieces) => {
      offsets.push(opening.start?.offset ?? -1);
      return take(opening, pieces);
    };
    const rows: SpentDay[] = [];
    let nowMs = Date.UTC(2026, 0, 1, 12);
    let steadyMs = 0;
    const budget = new DailyBudget({
      bytesPerDay: 500_000,
      days: {
        last: () => rows.at(-1),
        of: (day) => rows.findLast((row) => row.day === day),
        keep: (row) => rows.push(row),
      },
      utcMs: () => nowMs,
      steadyMs: () => steadyMs,
    });
    const handOver = rig.handOver(truck, { budget, utcMs: () => nowMs, steadyMs: () => steadyMs });
    await waitFor('the budget is spent', () => handOver.status().why === 'the budget of the day is spent');
    t.match(handOver.status(), { state: 'waits', handed: 0, files: 1 });
    t.match(handOverText(handOver.status()), /waits.*the budget of the day is spent/);
    t.match(relayTexts(depot.status()).join('\n'), /\S/);
    t.equal(depot.status().files, 0, 'a part is no file');
    const asked = offsets.length;
    for (let day = 0; day < 10 && handOver.status().handed === 0; day += 1) {
      const before = offsets.length;
      nowMs += DAY_MS;
      steadyMs += DAY_MS;
      await waitFor('it went on', () => offsets.length > before);
      await waitFor('as far as it may', () => handOver.status().state !== 'hands-over');
    }
    t.equal(handOver.status().handed, 1);
    t.ok((offsets[asked] ?? 0) < 600_000, 'of the budget, what waited for the wire included');
    t.ok(
      offsets.every((offset, i) => i === 0 || offset > (offsets[i - 1] ?? 0) + 300_000),
      `went on at ${offsets}`,
    );
    rig.pull(truck);
    await waitFor('all of it is there', () => rig.hasAll());
    rig.isSame(t);
    t.same(rig.problems, []);
  },
);
