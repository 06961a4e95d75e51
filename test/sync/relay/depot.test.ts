import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { CourierStartMessage } from '../../../sync/api/courier-messages.ts';
import { CourierSealer } from '../../../sync/courier/courier-file.ts';
import { Depot, type DepotOptions } from '../../../sync/relay/depot.ts';
import { folder } from './relay-rig.ts';

const { publicKey } = generateKeyPairSync('x25519');

/** A file of a gateway, and what is said of it. */
function file(gateway = 'box', central = 'hq', from = 0, bytes = 1000) {
  const sealer = new CourierSealer({ gateway, central, feed: 'ab', from, isPartial: false }, publicKey);
  const chunk = sealer.chunk(1, new Uint8Array(bytes));
  const content = Buffer.concat([sealer.beginning, chunk, sealer.end({ to: from + 5, requests: [] })]);
  return said(content, gateway, central, `ab-cd-${from}-${from + 5}.ccf`);
}

function said(content: Buffer, gateway: string, central: string, name: string) {
  const digest = createHash('sha256').update(content).digest();
  const start: CourierStartMessage = { digest, name, gateway, central, bytes: content.length, offset: 0 };
  return { content, start, hex: digest.toString('hex') };
}

async function* pieces(...all: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all;
}

function rig(t: Test, more: Partial<DepotOptions> = {}) {
  const problems: string[] = [];
  const dir = join(folder(t), 'depot');
  let now = Date.now();
  const open = () =>
    new Depot({
      ...{ dir, bytesMax: 1e6, filesPerSender: 10, freeBytes: 0, keepMs: 3_600_000, utcMs: () => now },
      onProblem: (text) => problems.push(text),
      ...more,
    });
  const pass = (ms: number) => {
    now += ms;
  };
  return { dir, problems, open, pass };
}

const bring = (depot: Depot, { content, start }: ReturnType<typeof file>, sender?: string) =>
  depot.take({ start, sender }, pieces(content));

t.test('refuses what it has no room for, with when to come again, and counts it', async (t) => {
  const [one, two] = [file('box', 'hq', 0), file('box', 'hq', 5)];
  for (const [reason, limits] of [
    ['full', { bytesMax: one.content.length + 100 }],
    ['sender-share', { filesPerSender: 1 }],
  ] as const) {
    const depot = rig(t, limits).open();
    await bring(depot, one);
    await bring(depot, one);
    await t.rejects(bring(depot, two), { code: 'server-busy', retryable: true, retryAfterMs: 60_000 }, reason);
    t.match(depot.status(), { files: 1, taken: 1, refused: { [reason]: 1 } }, 'the same again is no second file');
    t.same(depot.stateOf('box', two.hex), { state: 'unknown' });
    if (reason === 'sender-share') await bring(depot, file('van', 'hq', 0));
    depot.answer('hq', one.hex, { answer: Buffer.alloc(10), problem: '' });
    depot.done('box', one.hex);
    await bring(depot, two);
    t.match(depot.stateOf('box', two.hex), { state: 'carried' }, 'there is room again');
  }
  const depot = rig(t, { freeBytes: Number.MAX_SAFE_INTEGER }).open();
  await t.rejects(bring(depot, one), { code: 'server-busy', message: /must stay/ });
  t.match(depot.status(), { refused: { disk: 1 } });
});

t.test('refuses what is not what it says, by name, and keeps nothing of it', async (t) => {
  const good = file();
  const flipped = Buffer.from(good.content);
  flipped[flipped.length - 30] = (flipped[flipped.length - 30] ?? 0) ^ 1;
  const cut = good.content.subarray(0, -3);
  const start = (more: Partial<CourierStartMessage>) => ({ ...good, start: { ...good.start, ...more } });
  const cases: [string, ReturnType<typeof file>, { readonly code: string; readonly message?: RegExp }][] = [
    ['a damaged chunk', { ...good, content: flipped }, { code: 'courier-invalid', message: /not those of its digest/ }],
    [
      'chunks that do not end',
      said(cut, 'box', 'hq', 'ab-cd-0-5.ccf'),
      { code: 'courier-invalid', message: /was cut/ },
    ],
    ['no courier file', said(Buffer.from('hello'), 'box', 'hq', 'ab-cd-0-5.ccf'), { code: 'courier-invalid' }],
    [
      'another gateway in its head',
      start({ gateway: 'van' }),
      { code: 'courier-invalid', message: /its head is of box/ },
    ],
    ['another central in its head', start({ central: 'lab' }), { code: 'courier-invalid', message: /for hq/ }],
    ['another place in its head', start({ name: 'ab-cd-3-5.ccf' }), { code: 'courier-invalid' }],
    ['a name that leads elsewhere', start({ name: '../ab-cd-0-5.ccf' }), { code: 'courier-invalid' }],
    ['a gateway that is a path', start({ gateway: '../..' }), { code: 'courier-invalid', message: /cannot be/ }],
    ['a central that is a path', start({ central: 'a/b' }), { code: 'courier-invalid' }],
    ['more bytes than were said', start({ bytes: 20 }), { code: 'courier-invalid' }],
    ['no digest', start({ digest: new Uint8Array(3) }), { code: 'courier-invalid' }],
  ];
  const { open, dir, problems } = rig(t);
  const depot = open();
  for (const [what, brought, error] of cases) await t.rejects(bring(depot, brought), error, what);
  await t.rejects(depot.take({ start: undefined, sender: undefined }, pieces(good.content)), {
    code: 'courier-invalid',
  });
  t.equal(depot.status().files, 0);
  t.notOk(readdirSync(dir).includes('caisson-courier'));
  t.ok(problems.every((text) => text.startsWith('relay: ')) && problems.length >= cases.length - 1, 'each is told');
  await bring(depot, good);
  t.match(depot.status(), { files: 1 }, 'the good one is taken all the same');
});

t.test('a gateway hands over its own files only, and a relay carries for whom it is told to', async (t) => {
  const depot = rig(t, { centrals: ['hq'] }).open();
  await t.rejects(bring(depot, file('box'), 'van'), { code: 'access-refused', message: /gateway van brings/ });
  await bring(depot, file('box'), 'box');
  await t.rejects(bring(depot, file('box', 'lab')), { code: 'access-refused', message: /does not carry for lab/ });
  t.match(depot.status().refused, { 'not-carried-for': 1 });
});

t.test('each central gets its own files in order, and each sender its own answers', async (t) => {
  const { open } = rig(t);
  const depot = open();
  const [late, early, other] = [file('box', 'hq', 5), file('box', 'hq', 0), file('box', 'lab', 0)];
  for (const each of [late, early, other]) await bring(depot, each);
  t.same(
    depot.filesFor('hq').map(({ digest }) => digest),
    [early.hex, late.hex],
  );
  t.same(depot.filesFor('nobody'), []);
  await t.rejects(depot.read('hq', other.hex, 0, 100), { code: 'courier-failed' }, 'that of another is not here');
  const whole = await Promise.all([0, 400, 800, 1200].map((at) => depot.read('hq', early.hex, at, 400)));
  t.ok(Buffer.concat(whole).equals(early.content));
  depot.answer('lab', early.hex, { answer: Buffer.from('no'), problem: '' });
  t.match(depot.stateOf('box', early.hex), { state: 'carried' }, 'another central answers nothing');
  depot.answer('hq', early.hex, { answer: Buffer.from('yes'), problem: '' });
  for (const at of [depot, open()]) {
    t.same(at.stateOf('box', early.hex), { state: 'answered', answer: Buffer.from('yes'), problem: '' });
    t.same(at.stateOf('van', early.hex), { state: 'unknown' }, 'nobody else is told');
    t.same(
      at.filesFor('hq').map(({ digest }) => digest),
      [late.hex],
    );
  }
  depot.done('van', early.hex);
  t.match(depot.stateOf('box', early.hex), { state: 'answered' });
  depot.done('box', early.hex);
  t.same(depot.stateOf('box', early.hex), { state: 'unknown' });
});

t.test('what was killed anywhere is as it was: a part goes on, what was answered is gone', async (t) => {
  const { open, dir } = rig(t);
  const { content, start, hex } = file();
  const depot = open();
  await t.rejects(depot.take({ start, sender: undefined }, pieces(content.subarray(0, 600))), {
    code: 'courier-failed',
    retryable: true,
  });
  t.same(depot.stateOf('box', hex), { state: 'part', bytes: 600 });
  const again = open();
  t.same(again.stateOf('box', hex), { state: 'part', bytes: 600 });
  t.equal(again.status().bytes, 600, 'parts take room');
  const from = (offset: number) =>
    again.take({ start: { ...start, offset }, sender: undefined }, pieces(content.subarray(offset)));
  await t.rejects(from(700), { code: 'courier-failed', message: /600 bytes of the file are here/ });
  await from(500);
  t.match(again.status(), { files: 1, bytes: content.length });
  again.answer('hq', hex, { answer: Buffer.from('yes'), problem: '' });
  const folderOf = join(dir, 'caisson-courier/box/hq');
  // As a kill between the answer and the file leaves it.
  writeFileSync(join(folderOf, `ab-cd-0-5-${hex}.ccf`), content);
  mkdirSync(join(dir, 'answers/box'), { recursive: true });
  writeFileSync(join(dir, 'answers/box', 'left.part'), 'x');
  const after = open();
  t.match(after.status(), { files: 0, answers: 1 });
  t.same(readdirSync(folderOf), []);
  t.same(readdirSync(join(dir, 'answers/box')), [`${hex}.answer`]);
});

t.test('what nobody fetches is gone after a while, and said to be', async (t) => {
  const { open, pass, problems } = rig(t);
  const depot = open();
  const one = file();
  await bring(depot, one);
  pass(3_000_000);
  t.equal(depot.status().files, 1);
  pass(700_000);
  t.match(depot.status(), { files: 0, bytes: 0, refused: { expired: 1 } });
  t.match(problems, [/too old/]);
  t.same(depot.stateOf('box', one.hex), { state: 'unknown' }, 'its sender hands it over again');
});

t.test('a medium that is not there is named, and taken again when it is', async (t) => {
  const { open, dir, problems } = rig(t);
  // A file where the folder should be, as a medium that is not mounted may leave it.
  writeFileSync(dir, '');
  const depot = open();
  t.match(problems, [/EEXIST|ENOTDIR/]);
  await t.rejects(bring(depot, file()), { code: 'courier-failed', retryable: true, message: /depot/ });
  t.match(depot.status(), { problem: /depot/ });
  rmSync(dir);
  await bring(depot, file());
  t.match(depot.status(), { files: 1, problem: '' });
});
