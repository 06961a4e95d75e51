import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { usageCsv, usageText } from '../../../gateway/commands/usage-text.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { WireMeter } from '../../../sync/line/wire-meter.ts';
import { ConnectionBook } from '../../../sync/usage/connection-book.ts';
import { ownerOf, ownerOfGateway, ownerRules } from '../../../sync/usage/owners.ts';
import { TrafficBook } from '../../../sync/usage/traffic-book.ts';
import { usageFaults } from '../../../sync/usage/usage-config.ts';
import { UsageDb } from '../../../sync/usage/usage-db.ts';
import { waitFor } from '../../wait-for.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { ShapedLink } from '../shaped-link.ts';

const HOST = '127.0.0.1';
const DAY = 20_000;

t.test(
  'a gateway counts to the byte what passes, by who calls and over which line, and tells it on the box',
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-usage-'));
    const db = UsageDb.open(join(dir, 'usage.db'));
    const connections = new ConnectionBook();
    const book = new TrafficBook({ db, utcMs: () => DAY * 86_400_000, drain: () => connections.drain() });
    const owners = ownerRules({ owners: { maker: ['car/engine/**'], team: ['car/**'] } });
    const server = await startTelemetryServer({
      ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), storeDir: tmpdir(), connections },
      feed: { feed: () => [], feedId: () => 'f' },
      status: () => exampleStatus('box'),
      usage: { owners, rows: (from, to) => book.rows(from, to), stored: async () => [{ gateway: 'box', bytes: 9 }] },
    });
    const [lan, lte] = [await ShapedLink.start(server.port), await ShapedLink.start(server.port)];
    t.teardown(async () => {
      await lan.stop();
      await lte.stop();
      await server.stop();
      book.close();
      db.close();
      rmSync(dir, { recursive: true });
    });
    const meter = new WireMeter();
    const hq = new TelemetryClient({ host: HOST, port: lte.port }, { destination: 'hq', line: 'lte', meter });
    const anna = new TelemetryClient({ host: HOST, port: lan.port });
    for (let i = 0; i < 20; i += 1) await hq.status();
    await anna.status();
    await t.rejects(hq.usage(0, 1e6), { message: /callers on the box only/ });
    hq.close();
    await waitFor('the connection is gone', () => meter.open === 0);
    t.same(meter.bytes, { received: lte.down.bytes, sent: lte.up.bytes }, 'the end that dialled says the same');
    const said = await waitForRow(anna, 'hq');
    t.same(said, { day: DAY, peer: 'hq', line: 'lte', received: lte.up.bytes, sent: lte.down.bytes });
    const { rows, owners: told, stored } = await anna.usage(DAY, DAY + 1);
    t.same(stored, [{ gateway: 'box', bytes: 9 }]);
    t.match(rows, [{ peer: '', line: 'direct' }, { peer: 'hq' }]);
    t.same(told, [
      { owner: 'maker', gateway: '', channels: ['car/engine/**'] },
      { owner: 'team', gateway: '', channels: ['car/**'] },
    ]);
    t.same((await anna.usage(DAY + 1, DAY + 30)).rows, []);
    anna.close();

    /** What passed until the last byte, which the server sees a moment later. */
    async function waitForRow(client: TelemetryClient, peer: string) {
      let row = undefined as Awaited<ReturnType<TelemetryClient['usage']>>['rows'][number] | undefined;
      for (let tries = 0; tries < 200; tries += 1) {
        row = (await client.usage(DAY, DAY + 1)).rows.find((each) => each.peer === peer);
        if (row?.received === lte.up.bytes && row.sent === lte.down.bytes) break;
      }
      return row;
    }
  },
);

t.test('rows of a day add up, and old days are forgotten', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-usage-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const db = UsageDb.open(join(dir, 'usage.db'));
  const row = { peer: 'hq', line: 'lan', received: 1000, sent: 10 };
  db.add([
    { day: 1, ...row },
    { day: 2, ...row },
  ]);
  db.add([{ day: 2, ...row }]);
  t.same(db.rows(0, 9), [
    { day: 1, ...row },
    { day: 2, ...row, received: 2000, sent: 20 },
  ]);
  db.add([{ day: 402, ...row }]);
  t.same(
    db.rows(0, 1000).map(({ day }) => day),
    [402],
  );
  db.close();
});

t.test('the first rule that fits says whose a channel is', async (t) => {
  const owner = ownerOf([
    ...ownerRules({ owners: { maker: ['car/engine/*'], team: ['car/**'] } }),
    { owner: 'mine', gateway: 'haul-1', channels: [] },
  ]);
  t.same(
    [owner('a', 'car/engine/rpm'), owner('a', 'car/speed'), owner('haul-1', 'load'), owner('a', 'load')],
    ['maker', 'team', 'mine', ''],
  );
  t.match(
    [...usageFaults({ owners: { team: ['car/***'] } })],
    [{ path: ['owners', 'team', 0], problem: /expected `\*`/ }],
  );
});

t.test('a gateway is of one owner, of nobody, or of several by its channels', async (t) => {
  const owner = ownerOfGateway([
    { owner: 'mine', gateway: 'haul-1', channels: [] },
    { owner: 'maker', gateway: 'car7', channels: ['engine/**'] },
    { owner: 'team', gateway: 'car7', channels: [] },
  ]);
  t.same([owner('haul-1'), owner('car7'), owner('other')], ['mine', undefined, '']);
});

const REPORT = {
  month: '2026-11',
  lines: [
    { day: 20_758, peer: 'hq', line: 'lte', received: 1200, sent: 3_000_000 },
    { day: 20_759, peer: 'hq', line: 'lte', received: 800, sent: 1_000_000 },
    { day: 20_759, peer: '', line: 'direct', received: 5, sent: 6 },
  ],
  owners: [
    { owner: 'team', channels: 2, samples: 500, lost: 3, storedBytes: 3_500_000 },
    { owner: '', channels: 1, samples: 7, lost: 0 },
  ],
  stored: [
    { gateway: 'car7', bytes: 3_500_000, owner: 'team' },
    { gateway: 'mixed', bytes: 20 },
  ],
};

t.test('a month is said by line and owner, and day by day for spreadsheets', async (t) => {
  t.equal(
    usageText(REPORT),
    `month    2026-11 of UTC
line     hq over lte: 2000 B came, 4.0 MB went, on 2 days
line     others over direct: 5 B came, 6 B went, on 1 day
owner    team: 500 samples of 2 channels, 3 lost, 3.5 MB stored
owner    nobody named: 7 samples of 1 channel
stored   car7: 3.5 MB, of team
stored   mixed: 20 B
`,
  );
  t.equal(
    usageCsv(REPORT),
    `day,peer,line,received_bytes,sent_bytes
2026-11-01,hq,lte,1200,3000000
2026-11-02,hq,lte,800,1000000
2026-11-02,,direct,5,6
`,
  );
});
