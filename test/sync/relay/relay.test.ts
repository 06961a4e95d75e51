import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { defineChannel } from '../../../gateway/channel.ts';
import { Pack } from '../../../gateway/store/pack/pack.ts';
import { CourierOpener, ITEMS } from '../../../sync/courier/courier-file.ts';
import { filesOn } from '../../../sync/courier/courier-files.ts';
import { FeedBytes } from '../../../sync/courier/feed-bytes.ts';
import { TimeWindows } from '../../../sync/line/time-windows.ts';
import { waitFor } from '../../wait-for.ts';
import { feedOf } from '../same-feed.ts';
import { RelayRig } from './relay-rig.ts';

for (const isProven of [false, true]) {
  const word = isProven ? 'signed receipts' : 'the word of the central';
  t.test(
    `samples of a box reach its central over another box, which cannot read them; ${word} come back`,
    async (t) => {
      const rig = new RelayRig(t, { isProven });
      rig.steps(30);
      const truck = await rig.serveTruck();
      const handOver = rig.handOver(truck);
      const end = rig.box.db.lastPosition();
      await waitFor('all of it is with the truck', () => handOver.status().why === 'all there is was handed over');
      const carried = rig.depot.status();
      t.ok(carried.files > 3, 'files are bounded');
      t.match(carried.destinations, [{ central: 'hq', files: carried.files }]);
      t.equal(rig.confirmed, 0, 'handed over is not acknowledged');
      const bytes = rig.depotBytes();
      t.notOk(bytes.includes('channel'), 'no name of a channel is on its disk');
      for (const item of feedOf(rig.box.db, 'box')) {
        if (item.kind === 'pack' && item.bytes.length > 64) {
          t.notOk(bytes.includes(Buffer.from(item.bytes.subarray(32, 64))), `none of the pack at ${item.position}`);
        }
      }
      rig.pull(truck);
      await waitFor('the box has the answers', () => rig.confirmed === end);
      rig.isSame(t);
      t.same(rig.carried, Array(carried.files).fill('box'), 'central is told of each file');
      t.equal(rig.central.cursor('box'), end, 'a line would go on behind it');
      await waitFor('the truck is rid of all', () => rig.depot.status().bytes === 0);
      t.same(rig.depotFiles(), []);
      await waitFor('the box rests', () => handOver.status().files === 0);
      t.match(handOver.status(), { refused: {}, handed: carried.files, answered: carried.files });
      rig.steps(20);
      await waitFor('what is new goes the same way', () => rig.confirmed === rig.box.db.lastPosition());
      rig.isSame(t);
      t.same(rig.problems, []);
    },
  );
}

t.test('what the line brings meanwhile, and what is handed over twice, changes nothing', async (t) => {
  const rig = new RelayRig(t, { isProven: true });
  rig.steps(25);
  const truck = await rig.serveTruck();
  const first = rig.handOver(truck);
  await waitFor('all of it is with the truck', () => first.status().why === 'all there is was handed over');
  await first.stop();
  // The box forgets what it handed over, and hands it over again.
  rmSync(`${rig.boxDir}/relay`, { recursive: true });
  rig.handOver(truck);
  const carried = rig.depot.status().files;
  await waitFor('twice', () => rig.depot.status().files >= 2 * carried);
  const line = rig.pull(await rig.serveBox());
  rig.steps(10);
  rig.pull(truck);
  rig.steps(10);
  await waitFor('all of it is there', () => rig.hasAll() && line.health().complete);
  await waitFor('the truck is rid of its files', () => rig.depot.status().files === 0);
  rig.isSame(t);
  const nothing = new Uint8Array(0);
  // As a central that was restored says it, while what it had comes back.
  rig.receipts.take({ follower: 'hq', store: '', position: 3, receipt: nothing, signature: nothing });
  await waitFor('the box believes it', () => rig.confirmed === rig.box.db.lastPosition());
});

t.test('a cut goes on at the byte, at both sides of the relay and after it was started anew', async (t) => {
  const rig = new RelayRig(t, { fileBytes: 1e9 });
  for (let i = 0; i < 25; i += 1) rig.box.seal('box/large', 'number', 4000);
  const truck = await rig.serveTruck();
  let [hasCut, offsets] = [false, [] as number[]];
  const depot = rig.depot;
  const take = depot.take.bind(depot);
  depot.take = (opening, pieces) => {
    offsets.push(opening.start?.offset ?? -1);
    const cut = async function* () {
      let bytes = 0;
      for await (const piece of pieces) {
        if (!hasCut && bytes > 300_000) {
          hasCut = true;
          throw new Error('cut');
        }
        bytes += piece.length;
        yield piece;
      }
    };
    return take(opening, cut());
  };
  const handOver = rig.handOver(truck);
  await waitFor('it is handed over', () => handOver.status().handed === 1);
  t.ok((offsets[0] ?? -1) === 0 && offsets.length === 2 && (offsets[1] ?? 0) > 200_000, `went on at ${offsets}`);
  await handOver.stop();
  await truck.stop();
  const again = rig.openDepot();
  t.match(again.status(), { files: 1, taken: 0 }, 'what was whole is there after a new start');
  const read = again.read.bind(again);
  const taken: number[] = [];
  again.read = (central, digest, offset, bytesMax) => {
    taken.push(offset);
    if (taken.length === 4) return Promise.reject(new Error('cut'));
    return read(central, digest, offset, bytesMax);
  };
  rig.pull(await rig.serveTruck());
  await waitFor('all of it is there', () => rig.hasAll());
  t.equal(taken.filter((offset) => offset === 0).length, 1, 'no byte that came was asked for again');
  rig.isSame(t);
});

t.test(
  'what is lost or changed on the way is handed over again, and nothing that a relay makes up is believed',
  async (t) => {
    for (const [what, reason, harm] of [
      ['the disk of the truck turns a bit', 'spoilt', 'flip'],
      ['the truck loses its disk', 'lost', 'lose'],
      ['the truck makes an answer up', 'forged', 'forge'],
    ] as const) {
      await t.test(what, async (t) => {
        const rig = new RelayRig(t, { isProven: true });
        rig.steps(30);
        let truck = await rig.serveTruck();
        const handOver = rig.handOver(truck);
        await waitFor('all of it is with the truck', () => handOver.status().why === 'all there is was handed over');
        await handOver.stop();
        await truck.stop();
        const [path = '', ...others] = filesOn(rig.depotDir);
        if (harm === 'flip') {
          const bytes = readFileSync(path);
          bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
          writeFileSync(path, bytes);
        }
        if (harm === 'lose') rmSync(rig.depotDir, { recursive: true });
        const depot = rig.openDepot();
        if (harm === 'forge') {
          for (const each of [path, ...others]) {
            depot.answer('hq', each.slice(-68, -4), { answer: Buffer.alloc(200, 1), problem: '' });
          }
        }
        truck = await rig.serveTruck();
        const again = rig.handOver(truck);
        await waitFor('the box knows', () => (again.status().refused[reason] ?? 0) > 0 || harm === 'flip');
        t.equal(rig.confirmed, 0);
        rig.pull(truck);
        await waitFor('the box has the answers', () => rig.confirmed === rig.box.db.lastPosition());
        t.ok((again.status().refused[reason] ?? 0) > 0, reason);
        rig.isSame(t);
      });
    }
  },
);

t.test('a channel that may be in some regions only goes over a relay in one of them only', async (t) => {
  for (const [region, goes] of [
    [undefined, false],
    ['eu', true],
  ] as const) {
    const rig = new RelayRig(t, { region, destination: { region: 'eu' } });
    rig.box.db.transaction(() => {
      const stays = { source: 'test', residency: ['eu'] };
      rig.box.db.keepChannel('box', defineChannel({ name: 'box/stays', ...stays }), undefined);
    });
    rig.steps(10);
    rig.box.seal('box/free');
    const server = await rig.serveTruck();
    const handOver = rig.handOver(server);
    await waitFor('all of it is with the truck', () => handOver.status().why === 'all there is was handed over');
    const items = filesOn(rig.depotDir).flatMap((path) => {
      const bytes = readFileSync(path);
      let at = 0;
      const opener = new CourierOpener((length) => {
        at += length;
        return bytes.subarray(at - length, at);
      });
      t.equal(opener.head.isPartial, !goes);
      const chunks = [...opener.chunks(rig.courierKey)].filter(({ kind }) => kind <= ITEMS);
      return chunks.flatMap(({ content }) => new FeedBytes().decode(content));
    });
    const names = items.flatMap((item) => {
      if (item.kind === 'channel') return [item.definition.name];
      return item.kind === 'pack' ? Pack.open(item.bytes).blocks.map(({ channel }) => channel) : [];
    });
    t.ok(names.includes('box/free'));
    t.equal(names.includes('box/stays'), goes, `over a relay in ${region}`);
    rig.pull(server);
    await waitFor('the truck is rid of all', () => rig.depot.status().bytes === 0 && handOver.status().files === 0);
    const end = rig.box.db.lastPosition();
    t.equal(rig.central.cursor('box'), goes ? end : 0, 'what is not all does not move the place of the central');
    t.equal(rig.confirmed, goes ? end : 0, 'and nothing is acknowledged by it');
    const { handed } = handOver.status();
    rig.steps(3);
    await waitFor('what is new follows', () => handOver.status().handed > handed && handOver.status().files === 0);
    t.equal(handOver.status().handed, handed + 1, 'and nothing goes twice');
    rig.pull(await rig.serveBox());
    await waitFor('the line brings the rest', () => rig.central.cursor('box') === rig.box.db.lastPosition());
    rig.isSame(t);
  }
});

t.test('nothing is handed over while the central has a line, outside of windows, or beyond the budget', async (t) => {
  const rig = new RelayRig(t);
  rig.steps(20);
  const truck = await rig.serveTruck();
  let now = 0;
  const waiting = rig.handOver(truck, { afterMs: 60_000, steadyMs: () => now });
  await waitFor('it looked', () => waiting.status().why === 'its central has a line here');
  t.equal(rig.depot.status().files, 0);
  now = 59_000;
  waiting.heard();
  now = 118_999;
  t.match(waiting.status(), { state: 'rests' });
  now = 119_000;
  await waitFor('the central was away for long enough', () => waiting.status().handed > 0);
  await waiting.stop();
  const shut = rig.handOver(truck, {
    windows: new TimeWindows(['22:00-06:00']),
    utcMs: () => Date.UTC(2026, 0, 1, 12),
  });
  await waitFor('it waits', () => shut.status().why === 'outside of its windows of time');
  t.equal(shut.status().state, 'waits');
});
