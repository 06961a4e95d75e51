import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { startCentral } from '../../../sync/central/central.ts';
import type { Wish } from '../../../sync/fidelity/ahead-source.ts';
import { WishBook } from '../../../sync/fidelity/wish-book.ts';
import { waitFor } from '../../wait-for.ts';
import { BlockCount } from '../block-count.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { ShapedLink } from '../shaped-link.ts';

const HOST = '127.0.0.1';
const WISH: Wish = { gateway: 'a', channels: ['x'], from: 0, to: 1, outlines: false };

t.test('a wish is told to the lines of its gateway, those that are there and those that come', async (t) => {
  const book = new WishBook({ held: async () => undefined });
  const told: string[] = [];
  const follow = (role: string, gateway: string) =>
    book.of({ role, gateway }).follow(({ channels }) => told.push(`${gateway} ${channels.join()}`));
  const isTold = (...lines: string[]) =>
    waitFor(`told: ${lines.join(', ')}`, () => told.toSorted().join('\n') === lines.join('\n'));
  follow('gateway', 'a');
  follow('gateway', 'b');
  t.equal(book.add(WISH), 1);
  await isTold('a x');
  follow('central', 'hub');
  await isTold('a x', 'hub x');
  follow('gateway', 'c');
  t.equal(book.add({ ...WISH, gateway: '', channels: ['y'] }), 4);
  await isTold('a x', 'a y', 'b y', 'c y', 'hub x', 'hub y');
});

t.test('a wish is told with what is here, and without it where nobody can say', async (t) => {
  const past = [{ gateway: 'a', boot: '1', channel: 'x', runs: [0, 7] }];
  const problems: string[] = [];
  const onProblem = (text: string) => problems.push(text);
  const toldBy = async (held: () => Promise<typeof past | undefined>, wish = WISH) => {
    const book = new WishBook({ held, onProblem });
    book.add(wish);
    return new Promise<Wish>((resolve) => book.of({ role: 'gateway', gateway: 'a' }).follow(resolve));
  };
  t.same(await toldBy(async () => past), { ...WISH, past });
  t.same(await toldBy(async () => past, { ...WISH, outlines: true }), { ...WISH, outlines: true });
  t.same(await toldBy(async () => undefined), WISH);
  t.same(await toldBy(() => Promise.reject(new Error('the database is gone'))), WISH);
  t.match(problems, ['what is here of x is not known: the database is gone']);
});

t.test('refuses a wish for nothing, for too much, and for no time', async (t) => {
  const book = new WishBook({ held: async () => undefined });
  for (const wrong of [{ channels: [] }, { channels: Array(257).fill('x') }, { to: 0 }]) {
    t.throws(() => book.add({ ...WISH, ...wrong }), { code: 'query-invalid' });
  }
});

t.test('what is asked for at central over the wire comes before the rest of a backlog', async (t) => {
  const [boxDir, dir] = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'caisson-wish-'))) as [string, string];
  const store = new FilledStore(boxDir, 'box', new Random(1));
  for (let i = 0; i < 60; i += 1) store.sealPack(['box/a', 'box/b'], 'number', 2_000);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: store.db, storeDir: boxDir },
    status: () => exampleStatus('box'),
  });
  // So thin that the backlog takes a minute.
  const link = await ShapedLink.start(server.port, { downBitsPerS: 300_000, roundTripMs: 10 });
  const pull = [{ name: 'box', host: HOST, port: link.port }];
  const central = await startCentral({ host: HOST, port: 0, version: '1', dir, pull });
  const client = new TelemetryClient({ host: HOST, port: central.port });
  t.teardown(async () => {
    client.close();
    await central.stop();
    await link.stop();
    await server.stop();
    store.close();
    for (const each of [boxDir, dir]) rmSync(each, { recursive: true, force: true });
  });
  const to = store.db.lastTime() + 60e6;
  await t.rejects(new TelemetryClient({ host: HOST, port: server.port }).wish({ ...WISH, to }), { code: 'not-served' });
  await client.wish({ gateway: 'box', channels: ['box/a'], from: store.db.lastTime() - 1e6, to, outlines: false });
  const samples = async () => {
    let count = 0;
    const query = { channels: ['box/a'], from: store.db.lastTime() - 1e6, to };
    for await (const piece of client.query(query)) if ('samples' in piece) count += piece.samples.times.length;
    return count;
  };
  let here = 0;
  const looking = setInterval(() => {
    samples().then(
      (count) => {
        here = count;
      },
      () => {},
    );
  }, 50);
  t.teardown(() => clearInterval(looking));
  await waitFor('the newest samples came', () => here > 0);
  const count = new BlockCount(dir);
  const blocks = count.now();
  count.close();
  t.ok(blocks < 60, `${blocks} of 120 blocks are here`);
});
