import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { encodeBegin, encodeEnd } from '../../../gateway/analysis/cycles/cycle-channels.ts';
import { defineChannel } from '../../../gateway/channel.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { copyBlocks } from '../../../gateway/store/backup/copy-blocks.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { startTelemetryServer, type TelemetryServerOptions } from '../../../sync/api/server.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';
import { ScopedFeed } from '../../../sync/destinations/scoped-feed.ts';
import { caisson } from '../../sync/caisson-process.ts';
import { FilledStore } from '../../sync/filled-store.ts';
import { exampleStatus } from '../../sync/memory-telemetry.ts';

const HOST = '127.0.0.1';

/** A server over a folder's store; where it listens. */
async function serve(
  t: Test,
  dir: string,
  feed: BlockDb,
  status = exampleStatus(),
  more: Pick<TelemetryServerOptions, 'policy' | 'fleet'> = {},
): Promise<string> {
  const telemetry = StoreTelemetry.open(dir);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry, feed },
    ...{ status: () => status, storeDir: dir, ...more },
  });
  t.teardown(async () => {
    await server.stop();
    telemetry.close();
    feed.close();
    rmSync(dir, { recursive: true });
  });
  return `${HOST}:${server.port}`;
}

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'caisson-ledger-command-'));
}

t.test('ledger says what was lost and why, and where two ends differ', async (t) => {
  const [here, there] = [folder(), folder()];
  const box = new FilledStore(here, 'box', new Random(7));
  box.seal('speed', 'number', 90);
  box.lose('speed', 10);
  box.seal('words', 'text', 5);
  const central = BlockDb.open(storePaths(there).blocks);
  const keeper = new Keeper(new SqliteStore(central));
  const pull = (items = box.db.feed(central.cursor('box'), 1000, Number.MAX_SAFE_INTEGER)) =>
    keeper.keep({ role: 'gateway', gateway: 'box' }, { feed: 'f', items, complete: true });
  await pull();
  const server = ['--server', await serve(t, here, box.db)];
  const against = ['--against', await serve(t, there, central)];

  const table = (await caisson('ledger', ...server)).stdout.split('\n').map((line) => line.split(/ {2,}/));
  t.same(table[0], ['CHANNEL', 'GATEWAY', 'TAKEN', 'KEPT', 'LOST', 'COMPLETE', 'WHY']);
  t.same(table[1], ['speed', 'box', '100', '90', '10', '90 %', 'ring-full 10']);
  t.same(table[2], ['words', 'box', '5', '5', '0', '100 %']);
  t.same(table[3], ['all', '105', '95', '10', '90.47 %', 'ring-full 10']);

  const days = (await caisson('ledger', 'speed', '--days', '--boots', ...server)).stdout.split('\n');
  t.match(days[1], /^speed +box +[0-9a-f]{16} +2023-11-14 +100 +90 +10 +90 %$/);
  t.match(JSON.parse((await caisson('ledger', 'words', '--json', ...server)).stdout), {
    ...{ gateway: 'box', channel: 'words', end: 5, held: [{ first: 0, end: 5 }], missing: [] },
  });

  const same = await caisson('ledger', ...server, ...against);
  t.match(same, { code: 0, stdout: / have the same\n$/ });
  box.seal('speed', 'number', 20);
  const behind = await caisson('ledger', ...server, ...against);
  t.match(behind, { code: 0, stdout: /box +20 +1 +there +not heard of +on its way/ });
  // Central is told of what stands behind it, and never gets it: it takes it as lost, what the gateway has.
  box.seal('speed', 'number', 1);
  const [, last] = box.db.feed(central.cursor('box'), 1000, Number.MAX_SAFE_INTEGER);
  await pull(last === undefined ? [] : [last]);
  const contradicts = await caisson('ledger', ...server, ...against);
  t.equal(contradicts.code, 1);
  t.match(contradicts.stdout, /box +20 +1 +there +lost: not-received +CONTRADICTION/);
  t.match(contradicts.stdout, /speed +box +[0-9a-f]{16} +100 to 119 +there +lost: not-received/);
});

t.test(
  'what a box forgot that was set back to a copy is told as such, and is neither on its way nor wrong',
  async (t) => {
    const [first, copied, there] = [folder(), folder(), folder()];
    const box = new FilledStore(first, 'box', new Random(8));
    box.seal('speed', 'number', 50);
    await copyBlocks(storePaths(first).blocks, storePaths(copied).blocks, () => {});
    box.seal('speed', 'number', 30);
    box.startBoot();
    box.seal('speed', 'number', 40);
    const central = BlockDb.open(storePaths(there).blocks);
    const keeper = new Keeper(new SqliteStore(central));
    const pull = (feed: string, { db }: FilledStore) => {
      const items = db.feed(0, 1000, Number.MAX_SAFE_INTEGER);
      return keeper.keep({ role: 'gateway', gateway: 'box' }, { feed, items, complete: true });
    };
    await pull('f', box);
    box.close();
    rmSync(first, { recursive: true });
    const again = new FilledStore(copied, 'box', new Random(9));
    again.seal('speed', 'number', 5);
    const server = await serve(t, copied, again.db, exampleStatus('box'));
    const hq = await serve(t, there, central, exampleStatus('hq', 'central'));

    for (const [at, against] of [
      [server, hq],
      [hq, server],
    ]) {
      const said = await caisson('ledger', '--json', '--server', at ?? '', '--against', against ?? '');
      t.equal(said.code, 0, said.stderr);
      const found = said.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      t.same(found.map(({ first, end, verdict }) => `${first} to ${end} ${verdict}`).sort(), [
        '0 to 40 set-back',
        '0 to 5 waiting',
        '50 to 80 set-back',
      ]);
    }
    const table = await caisson('ledger', '--server', server, '--against', hq);
    t.match(table.stdout, /box +70 +\d+ .*forgotten at the gateway, whose store was set back/);
    await pull('g', again);
    const after = await caisson('ledger', '--json', '--server', server, '--against', hq);
    t.notMatch(after.stdout, /waiting|contradiction/);
  },
);

t.test(
  'what does not go to a central is told at the box with its cause, and at that central by number alone',
  async (t) => {
    const [here, there] = [folder(), folder()];
    const box = new FilledStore(here, 'box', new Random(10));
    for (const channel of ['speed', 'heart', 'weight']) box.seal(channel, 'number', 10);
    const [, , weight] = box.db.channelsAfter(0).channels;
    t.ok(weight);
    if (weight !== undefined) {
      const definition = defineChannel({ ...weight, residency: 'local' });
      box.db.transaction(() => box.db.keepChannel('box', definition, weight.id));
    }
    const policy = new DestinationPolicy({ hq: { except: ['heart'] } });
    const central = BlockDb.open(storePaths(there).blocks);
    const feed = new ScopedFeed(box.db, policy.scopeOf('hq'));
    const items = feed.feed(0, 1000, Number.MAX_SAFE_INTEGER);
    await new Keeper(new SqliteStore(central)).keep(
      { role: 'gateway', gateway: 'box' },
      { feed: 'f', items, complete: true },
    );
    const withheld = { residency: 1, filter: 1 };
    const facts = { gateway: 'box', line: { state: 'running' }, gaps: 0, lost: 0, lostToday: 0, withheld } as const;
    const fleet = async () => ({
      central: 'hq',
      now: 0,
      boxes: [{ ...facts, attention: 'good' as const, reasons: [] }],
    });
    const destinations = [{ name: 'hq', position: 1, proven: false, refused: {} }];
    const server = await serve(t, here, box.db, { ...exampleStatus('box'), destinations }, { policy });
    const hq = await serve(t, there, central, exampleStatus('hq', 'central'), { fleet });

    const { stdout: told, stderr } = await caisson('ledger', '--to', 'hq', '--server', server);
    t.equal(stderr, '');
    t.match(await caisson('ledger', '--to', 'hqq', '--server', server), {
      code: 0,
      stdout: /^heart +.*yes/m,
      stderr:
        /^no central hqq has come to box yet: this is what its config lets one of that name have; did you mean hq\?$/m,
    });
    const rows = told.split('\n').map((line) => line.split(/ {2,}/));
    t.same(
      rows.slice(0, 5).map(([channel, , goes]) => [channel, goes]),
      [
        ['CHANNEL', 'GOES TO hq'],
        ['speed', 'yes'],
        ['heart', 'no: filter'],
        ['weight', 'no: residency'],
        ['all', '30'],
      ],
    );
    t.match(told, /^all +1 of 3 +30 /m);
    t.match(JSON.parse((await caisson('ledger', 'heart', '--to', 'hq', '--json', '--server', server)).stdout), {
      ...{ channel: 'heart', withheld: 'filter' },
    });
    const there1 = (await caisson('ledger', '--server', hq)).stdout;
    t.match(there1, /^box keeps 2 channels \(residency 1, filter 1\) from this central/m);
    t.notMatch(there1, /heart|weight/);

    for (const [at, against] of [
      [server, hq],
      [hq, server],
    ]) {
      const said = await caisson('ledger', '--server', at ?? '', '--against', against ?? '');
      t.equal(said.code, 0, said.stderr);
      for (const cause of ['filter', 'residency'])
        t.match(said.stdout, new RegExp(`box +10 +1 .*does not go there: ${cause}$`, 'm'));
      t.notMatch(said.stdout, /on its way/);
    }
    t.match(await caisson('ledger', '--to', 'hq', '--server', server, '--against', hq), {
      code: 2,
      stderr: /--to or --against/,
    });
  },
);

t.test('ledger says of a lap which channels are complete in it, and why not, the same at both ends', async (t) => {
  const [here, there] = [folder(), folder()];
  const box = new FilledStore(here, 'box', new Random(9));
  const begun = box.sealText('caisson/cycles/lap', (from) =>
    encodeBegin({ number: 17, label: '', from, isSeen: true }, 'car/lap'),
  );
  box.seal('speed', 'number', 90);
  box.seal('rpm', 'number', 30);
  box.lose('rpm', 7);
  box.seal('rpm', 'number', 60);
  box.seal('speed', 'number', 5);
  box.sealText('caisson/cycles/lap', (to) => {
    const lap = { number: 17, label: '', from: begun, to, isSeen: true, late: 0, sums: [] };
    return encodeEnd({ ...lap, state: 'complete', cause: undefined });
  });
  box.sealPack(['speed', 'rpm'], 'number', 10);
  const central = BlockDb.open(storePaths(there).blocks);
  const keeper = new Keeper(new SqliteStore(central));
  const items = box.db.feed(0, 1000, Number.MAX_SAFE_INTEGER);
  const pull = (some: typeof items, complete: boolean) =>
    keeper.keep({ role: 'gateway', gateway: 'box' }, { feed: 'f', items: some, complete });
  // The line is cut before what was lost is told of.
  const cutAt = items.findIndex(({ kind }) => kind === 'gap');
  await pull(items.slice(0, cutAt), false);
  const server = ['--server', await serve(t, here, box.db)];
  const other = ['--server', await serve(t, there, central)];

  const lines = async (at: readonly string[], ...more: readonly string[]) =>
    (await caisson('ledger', '--cycle', 'lap:17', ...more, ...at)).stdout;
  const table = (await lines(server)).split('\n').map((line) => line.split(/ {2,}/));
  t.match(table[1], ['lap', '17', /^2023-11-14T/, /^2023-11-14T/, /^\d+\.\d{3}$/, 'complete', 'box']);
  t.same(table[3], ['CHANNEL', 'COMPLETE', 'WHY']);
  t.same(table[4], ['speed', '100 %']);
  t.match(table[5], ['rpm', /^9\d(\.\d+)? %$/, 'ring-full 7']);
  t.same(table[6]?.slice(0, 2), ['all', '1 of 2']);
  const accounts = (await lines(server, '--json'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(accounts, [
    { cycle: 'lap', number: 17, gateway: 'box', channel: 'speed', complete: true, share: 1, lacks: [] },
    { channel: 'rpm', complete: false, lacks: [{ state: 'missing', cause: 'ring-full', count: 7 }] },
  ]);

  t.match(await lines(other), /^lap +17 .* open +box$/m, 'its end is still to come');
  t.match(await caisson('ledger', '--cycle', 'lap', ...other), { code: 1, stderr: /no lap has ended here/ });
  await pull(items.slice(cutAt), true);
  t.equal(await lines(other), await lines(server), 'when all has come both say the same');
  t.equal(await lines(other, '--json'), await lines(server, '--json'));
  t.match((await caisson('ledger', '--cycle', 'lap', ...other)).stdout, /^lap +17 /m, 'the newest that has ended');
  t.match((await caisson('ledger', 'speed', '--cycle', 'lap', ...other)).stdout, /1 of 1/);
  t.match(await caisson('ledger', '--cycle', 'haul', ...other), { code: 1, stderr: /no haul has ended here/ });
  t.match(await caisson('ledger', '--cycle', 'lap:18', ...other), { code: 1, stderr: /no lap is 18 here/ });
  t.match(await caisson('ledger', '--cycle', ':17', ...other), { code: 2, stderr: /such as lap or lap:17/ });
  t.match(await caisson('ledger', '--cycle', 'lap', '--days', ...other), { code: 2, stderr: /--cycle or --days/ });
});
