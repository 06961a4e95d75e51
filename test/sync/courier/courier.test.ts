import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import type { FeedItem } from '../../../gateway/store/block-rows.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { feedIdOf } from '../../../sync/api/pull-call.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { carry } from '../../../sync/courier/bring-courier.ts';
import { openAnswer, sealAnswer } from '../../../sync/courier/courier-answer.ts';
import {
  CourierOpener,
  CourierSealer,
  checkFraming,
  decodeEnd,
  END,
  ITEMS,
} from '../../../sync/courier/courier-file.ts';
import { filesOn } from '../../../sync/courier/courier-files.ts';
import { type CourierRead, readCourier } from '../../../sync/courier/courier-reader.ts';
import { writeCourier } from '../../../sync/courier/courier-writer.ts';
import { SpoolFolder } from '../../../sync/courier/spool-folder.ts';
import type { PullSink } from '../../../sync/line/pull-line.ts';
import { keyText } from '../../../sync/receipts/kept-key.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { fillDisk, skipSmallDisk, smallDisk } from '../../gateway/small-disk.ts';
import { FilledStore } from '../filled-store.ts';
import { blocksOf, requireSameStores } from '../same-feed.ts';

const KEY = generateKeyPairSync('x25519');
const DESTINATIONS = { hq: { courierKey: keyText(KEY.publicKey, 'x25519') } };

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-courier-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A gateway's store, a central's, and ways between them. */
class Rig {
  readonly dir: string;
  box: FilledStore;
  readonly central: BlockDb;
  readonly keeper: Keeper;

  constructor(t: Test, seed = 3) {
    this.dir = folder(t);
    this.box = new FilledStore(this.dir, 'box', new Random(seed));
    this.central = BlockDb.open(storePaths(folder(t)).blocks);
    this.keeper = new Keeper(new SqliteStore(this.central));
    t.teardown(() => {
      this.box.close();
      this.central.close();
    });
  }

  /** The box goes on with a copy of its store; as each start does, this one begins a boot first. */
  setBackTo(copy: string, seed: number): void {
    this.box.close();
    const { blocks } = storePaths(this.dir);
    for (const beside of ['-wal', '-shm']) rmSync(`${blocks}${beside}`, { force: true });
    copyFileSync(copy, blocks);
    this.box = new FilledStore(this.dir, 'box', new Random(seed));
  }

  steps(count: number): void {
    for (let i = 0; i < count; i += 1) this.box.step();
  }

  write(medium: string, fileBytes = 5000) {
    return carry({ dir: this.dir, destinations: DESTINATIONS, central: 'hq', medium, fileBytes, all: true });
  }

  async read(medium: string): Promise<CourierRead[]> {
    const reads: CourierRead[] = [];
    const parts = { medium, central: 'hq', key: KEY.privateKey, sink: this.keeper };
    for await (const read of readCourier(parts)) reads.push(read);
    return reads;
  }

  /** Some of the feed over a line, from where central stands. */
  async pull(itemsMax: number): Promise<void> {
    const peer = { role: 'gateway', gateway: 'box' } as const;
    const feed = feedIdOf(this.box.db);
    const known = await this.keeper.resume(peer);
    const items = this.box.db.feed(known.feed === feed ? known.after : 0, itemsMax, Number.MAX_SAFE_INTEGER);
    const { refusal } = await this.keeper.keep(peer, { feed, items, complete: items.length < itemsMax });
    if (refusal !== undefined) throw refusal.error;
  }

  /** Central has every block, gap and definition, each once, byte for byte. */
  isSame(t: Test): void {
    requireSameStores(t, this.central, this.box.db, 'box');
    t.equal(this.keeper.counters.conflicts, 0);
  }
}

t.test('what is carried is there as if it had come over a line, and a line goes on behind it', async (t) => {
  const rig = new Rig(t);
  const medium = folder(t);
  rig.steps(60);
  const written = rig.write(medium);
  t.ok(written.files.length > 3, 'files are bounded');
  t.ok((await rig.read(medium)).every(({ outcome }) => outcome === 'kept'));
  rig.isSame(t);
  t.equal(rig.central.cursor('box'), written.to, 'what was carried is not asked for again');
  t.same(rig.write(medium).files, [], 'nothing is new');
  rig.steps(10);
  t.ok(rig.write(medium).files.length > 0, 'what is new goes on behind');
  await rig.read(medium);
  rig.isSame(t);
});

t.test(
  'the same lap by line and by courier, in pieces, shuffled, twice and cut: every block is there once',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 4, maxLength: 10 }), async (choices) => {
        const rig = new Rig(t, choices[0]);
        const media = [folder(t), folder(t), folder(t)];
        for (const choice of choices) {
          rig.steps(5 + (choice % 7));
          rig.write(media[choice % 3] ?? '', 20_000);
          if (choice % 5 === 0) await rig.pull(1 + (choice % 11));
          const paths = filesOn(media[(choice + 1) % 3] ?? '');
          // One file of another medium alone, at random, and now and then one that was cut before its end.
          const path = paths[choice % Math.max(1, paths.length)];
          if (path === undefined) continue;
          const alone = folder(t);
          const to = join(alone, path.slice(path.indexOf('caisson-courier')));
          mkdirSync(dirname(to), { recursive: true });
          const bytes = readFileSync(path);
          writeFileSync(to, choice % 3 === 0 ? bytes.subarray(0, Math.floor(bytes.length * 0.7)) : bytes);
          await rig.read(alone);
        }
        for (const medium of [media[2], media[0], media[1], media[0]]) await rig.read(medium ?? '');
        await rig.pull(1e6);
        rig.isSame(t);
      }),
      { numRuns: 3 },
    );
  },
);

t.test(
  'a store set back to a copy of itself is carried anew from there, in whatever order the files come',
  async (t) => {
    for (const isShuffled of [false, true]) {
      const rig = new Rig(t);
      const [medium, copy] = [folder(t), join(folder(t), 'copy.db')];
      rig.steps(5);
      await rig.pull(1e6);
      rig.box.close();
      copyFileSync(storePaths(rig.dir).blocks, copy);
      rig.box = new FilledStore(rig.dir, 'box', new Random(4));
      rig.steps(8);
      rig.write(medium, 4000);
      await rig.read(medium);
      const lost = blocksOf(rig.box.db, 'box');
      rig.setBackTo(copy, 5);
      rig.steps(5);
      rig.box.startBoot();
      rig.steps(10);
      const { files } = rig.write(medium, 4000);
      t.ok(files.length > 1, 'what is on the medium of another past is no reason to write less');
      if (isShuffled) {
        const folders = new Map(filesOn(medium).map((path) => [path.slice(dirname(path).length + 1), path]));
        for (const name of files.toReversed()) {
          const alone = join(folder(t), 'caisson-courier/box/hq');
          mkdirSync(alone, { recursive: true });
          copyFileSync(folders.get(name) ?? '', join(alone, name));
          t.match(await rig.read(dirname(dirname(dirname(alone)))), [{ outcome: 'kept' }]);
        }
      }
      t.ok((await rig.read(medium)).every(({ outcome }) => outcome === 'kept'));
      const had = [...lost, ...blocksOf(rig.box.db, 'box')].map(({ identity, bytes }) => `${identity} ${bytes}`);
      const has = blocksOf(rig.central, 'box').map(({ identity, bytes }) => `${identity} ${bytes}`);
      t.same(has.sort(), [...new Set(had)].sort(), 'what was lost at the box, and what came since, each block once');
      t.equal(rig.keeper.counters.conflicts, 0);
    }
  },
);

t.test(
  'a medium that is pulled out costs the file that was being written, and one that is full says so',
  { skip: skipSmallDisk },
  async (t) => {
    const rig = new Rig(t);
    rig.steps(150);
    const medium = smallDisk(t, 1);
    writeFileSync(join(medium, 'other'), Buffer.alloc(800_000));
    t.throws(() => rig.write(medium, 20_000), { code: 'courier-failed', hint: /another medium takes the rest/ });
    const whole = filesOn(medium).length;
    t.ok(whole > 0);
    t.ok(
      (await rig.read(medium)).every(({ outcome }) => outcome === 'kept'),
      'what is whole is good',
    );
    const [path] = filesOn(medium);
    if (path === undefined) throw new Error('nothing was written');
    t.notOk(readdirSync(dirname(path)).some((name) => name.endsWith('.part')));
    rmSync(join(medium, 'other'));
    writeFileSync(join(dirname(path), 'left.part'), 'as a power cut leaves it');
    rig.write(medium, 20_000);
    t.notOk(readdirSync(dirname(path)).includes('left.part'));
    await rig.read(medium);
    rig.isSame(t);
    fillDisk(join(medium, 'fill'));
    rig.steps(5);
    t.throws(() => rig.write(medium), { code: 'courier-failed', retryable: true });
  },
);

t.test('a file that is cut or changed anywhere is told, and what stands before is kept', async (t) => {
  const rig = new Rig(t);
  const medium = folder(t);
  rig.steps(12);
  rig.write(medium, 1e9);
  const [path = ''] = filesOn(medium);
  const bytes = readFileSync(path);
  const damaged = async (change: Uint8Array) => {
    writeFileSync(path, change);
    return (await rig.read(medium))[0];
  };
  for (const length of [0, 3, 10, 60, bytes.length >> 1, bytes.length - 1]) {
    t.match(await damaged(bytes.subarray(0, length)), { outcome: 'damaged', problem: /the file was cut/ });
  }
  for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 16)) {
    const flipped = Uint8Array.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    const read = await damaged(flipped);
    t.not(read?.outcome, 'kept', `byte ${at}`);
  }
  t.match(await damaged(Buffer.concat([bytes, Buffer.of(0)])), { outcome: 'kept' }, 'what follows the end is not read');
  rig.isSame(t);
});

t.test('who carries a file cannot read it, and a central leaves those of others alone', async (t) => {
  const rig = new Rig(t);
  const medium = folder(t);
  rig.box.seal('box/secret-name');
  rig.write(medium);
  const [path = ''] = filesOn(medium);
  t.notOk(readFileSync(path).includes('secret-name'));
  const other = generateKeyPairSync('x25519').privateKey;
  const read = async (central: string, key = KEY.privateKey) => {
    for await (const each of readCourier({ medium, central, key, sink: rig.keeper })) return each;
    return undefined;
  };
  t.match(await read('elsewhere'), { outcome: 'foreign', samples: 0 });
  t.match(await read('hq', other), { outcome: 'damaged', problem: /does not open/ });
  t.throws(() => carry({ ...{ dir: rig.dir, destinations: {}, central: 'hq', medium }, fileBytes: 1, all: true }), {
    code: 'config-invalid',
    message: /destinations.hq has no courierKey/,
  });
});

const VECTOR = join(PROJECT_ROOT, 'test/vectors/courier/worked-example');
const seedKey = (byte: number) => {
  const der = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), Buffer.alloc(32, byte)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
};

t.test('the worked example has the very bytes that the format says', async (t) => {
  const [central, own] = [seedKey(7), seedKey(9)];
  const head = { gateway: 'pit-12', central: 'hq', feed: '00112233aabbccdd', from: 0, isPartial: false };
  const sealer = new CourierSealer(head, central, own);
  const contents = [
    { kind: ITEMS, content: Buffer.from('0a103030313132323333616162626363646412', 'hex') },
    { kind: END, content: Buffer.of(3, 1, 2, 0xca, 0xfe) },
  ];
  const bytes = Buffer.concat([sealer.beginning, ...contents.map(({ kind, content }) => sealer.chunk(kind, content))]);
  const described = {
    centralKeySeed: '07'.repeat(32),
    fileKeySeed: '09'.repeat(32),
    head,
    chunks: contents.map(({ kind, content }) => ({ kind, contentHex: content.toString('hex') })),
  };
  if (process.env.CAISSON_WRITE_VECTORS !== undefined) {
    mkdirSync(dirname(VECTOR), { recursive: true });
    writeFileSync(`${VECTOR}.bin`, bytes);
    writeFileSync(`${VECTOR}.json`, `${JSON.stringify(described, undefined, 2)}\n`);
  }
  t.same(bytes.toString('hex'), readFileSync(`${VECTOR}.bin`).toString('hex'));
  t.same(JSON.parse(readFileSync(`${VECTOR}.json`, 'utf8')), described);
  let at = 0;
  const opener = new CourierOpener((length) => {
    at += length;
    return bytes.subarray(at - length, at);
  });
  t.same(opener.head, head);
  t.same(
    [...opener.chunks(central)].map(({ kind, content }) => [kind, Buffer.from(content).toString('hex')]),
    contents.map(({ kind, content }) => [kind, content.toString('hex')]),
  );
});

t.test('what says something of samples before it waits for its turn', async (t) => {
  const medium = folder(t);
  const kept: { readonly role: string; readonly kinds: string[] }[] = [];
  const sink = (after: number): PullSink => ({
    resume: async ({ role }) => (role === 'gateway' ? { feed: 'ab', after } : { feed: '', after: 0 }),
    keep: async ({ role }, { items }) => {
      kept.push({ role, kinds: items.map(({ kind }) => kind) });
      return { samples: 0 };
    },
    skip: async () => {},
  });
  const boot: FeedItem = { kind: 'boot', position: 6, gateway: 'box', boot: 'b2', started: 1, origin: 'b1' };
  const derivation: FeedItem = {
    ...{ kind: 'derivation', position: 7, gateway: 'box', boot: 'b2', channels: ['box/a'] },
    derivation: { version: 1, made: 1, spans: { arrival: [], device: [] }, recipe: { kind: 'raw' } },
  };
  const items = [boot, derivation];
  for (const [isPartial, after] of [
    [false, 5],
    [false, 3],
    [true, 5],
  ] as const) {
    const { files } = writeCourier({
      ...{ gateway: 'box', central: 'hq', feedId: 'ab', from: 5, medium: join(medium, `${isPartial} ${after}`) },
      ...{ key: KEY.publicKey, fileBytes: 1e6, bootAt: () => 'b2', knownBefore: () => [], isPartial },
      feed: { feed: (position) => items.filter((item) => item.position > position) },
    });
    t.equal(files.length, 1);
    const parts = { medium: join(medium, `${isPartial} ${after}`), central: 'hq', key: KEY.privateKey };
    for await (const { outcome } of readCourier({ ...parts, sink: sink(after) })) t.equal(outcome, 'kept');
  }
  t.same(kept, [
    { role: 'gateway', kinds: ['boot', 'derivation'] },
    { role: 'central', kinds: ['boot'] },
    { role: 'central', kinds: ['boot'] },
  ]);
});

t.test('what a central spools lies in its own folder, and what a process that is gone left there goes', async (t) => {
  const dir = folder(t);
  const path = new SpoolFolder(dir).path('brought');
  t.equal(dirname(dirname(path)), dir);
  const of = (machine: string, pid: number, began: number) => join(dirname(path), `${machine}~${pid}~${began}~x`);
  const began = Number(path.split('~')[2]);
  const left = [of(hostname(), process.pid, began - 1), of(hostname(), 2 ** 22 + 1, 1), join(dirname(path), 'odd')];
  const others = [path, of(hostname(), process.ppid, 1), of('another-machine', 1, 1)];
  for (const each of [...left, ...others]) writeFileSync(each, '');
  new SpoolFolder(dir);
  t.same(left.map(existsSync), [false, false, false]);
  t.same(others.map(existsSync), [true, true, true]);
});

t.test('the answer opens with the key of its file only, and for that file only', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const head = { gateway: 'box', central: 'hq', feed: 'ab', from: 0, isPartial: false };
  const sealer = new CourierSealer(head, publicKey);
  const bytes = Buffer.concat([sealer.beginning, sealer.end({ to: 9, requests: [Buffer.from('request')] })]);
  const reading = (from: Uint8Array) => {
    let at = 0;
    return (length: number) => {
      at += length;
      return from.subarray(at - length, at);
    };
  };
  const opener = new CourierOpener(reading(bytes));
  const key = opener.answerKey(privateKey);
  t.same(Buffer.from(key), Buffer.from(sealer.answerKey), 'both ends have it');
  const ends = [...opener.chunks(privateKey)].map(({ content }) => decodeEnd(content));
  t.same(ends, [{ to: 9, requests: [Buffer.from('request')] }]);
  const digest = createHash('sha256').update(bytes).digest();
  const answer = {
    ...({ digest, outcome: 'kept', problem: '', feed: 'ab', position: 9 } as const),
    receipts: [{ receipt: Buffer.from('receipt'), signature: Buffer.alloc(64, 7) }],
  };
  const sealed = sealAnswer(key, answer);
  t.same(openAnswer(sealer.answerKey, digest, sealed), answer);
  const invalid = { code: 'courier-invalid', message: /^COURIER-7/ };
  t.throws(() => openAnswer(new CourierSealer(head, publicKey).answerKey, digest, sealed), invalid);
  t.throws(() => openAnswer(key, createHash('sha256').update('another').digest(), sealed), invalid);
  for (let at = 0; at < sealed.length; at += 1) {
    const flipped = Uint8Array.from(sealed);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    t.throws(() => openAnswer(key, digest, flipped), invalid, `byte ${at}`);
    t.throws(() => openAnswer(key, digest, sealed.subarray(0, at)), invalid, `cut at ${at}`);
  }
});

t.test('who has no key knows of a file that it is whole, and of a cut one that it is not', async (t) => {
  const rig = new Rig(t);
  const medium = folder(t);
  rig.steps(30);
  rig.write(medium, 1e9);
  const bytes = readFileSync(filesOn(medium)[0] ?? '');
  const check = (of: Uint8Array) => checkFraming((at, length) => of.subarray(at, at + length), of.length);
  t.match(check(bytes), { gateway: 'box', central: 'hq', from: 0, isPartial: false });
  for (const length of [0, 3, 60, bytes.length >> 1, bytes.length - 1]) {
    t.throws(() => check(bytes.subarray(0, length)), { code: 'courier-invalid' }, `cut at ${length}`);
  }
  t.throws(() => check(Buffer.concat([bytes, Buffer.of(1)])), { code: 'courier-invalid' });
});
