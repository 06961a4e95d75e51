import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { decodeReceipt, decodeRequest, encodeReceipt, signReceipt } from '../../../sync/receipts/receipt.ts';
import type { Acknowledgement } from '../../../sync/receipts/receipt-desk.ts';
import { publicKeyOf, publicKeyText, receiptKey } from '../../../sync/receipts/receipt-key.ts';
import { mergerOf } from '../../gateway/store/merge/merge-steps.ts';
import { KEY, Rig } from './receipt-rig.ts';

const NOTHING = new Uint8Array(0);

t.test('a central is believed as far as it proves what it has, and no further', async (t) => {
  const rig = new Rig(t);
  rig.fill();
  await rig.pull(20);
  t.ok(rig.say().wanted.length > 0);
  t.same(rig.confirmed, [], 'its word alone moves nothing');
  t.equal(await rig.prove(), 1);
  t.same(rig.confirmed, [rig.position]);
  t.equal(rig.say().wanted.length, 0, 'all is proven');
  rig.fill(400, [1]);
  await rig.pull();
  t.ok((await rig.prove()) > 1, 'a receipt is bounded');
  t.equal(rig.confirmed.at(-1), rig.position);
  t.match(rig.desk.status(0), [{ name: 'hq', position: rig.position, proven: true, refused: {} }]);
});

t.test('what was merged or given up since, and what was lost, hinders no receipt', async (t) => {
  const rig = new Rig(t);
  rig.fill(20);
  await rig.pull(30);
  mergerOf(rig.rig).runRound();
  rig.fill(3);
  await rig.pull();
  rig.rig.blocks.transaction(() => rig.rig.blocks.giveUp('standard', 'thin', 'disk-full', (_, { packs }) => packs < 2));
  await rig.prove();
  t.equal(rig.confirmed.at(-1), rig.position);
  t.same(rig.problems, []);
});

t.test('what a central gave up by its own rules it signs that it had, and the gateway waits for nothing', async (t) => {
  const rig = new Rig(t);
  rig.fill(20);
  await rig.pull();
  const packs = rig.central.packsAfter(0, Number.MAX_SAFE_INTEGER, 1000).map(({ position }) => position);
  rig.central.transaction(() => rig.central.retire(packs.slice(0, 7), 'retired'));
  const { digests } = decodeReceipt((await rig.answer(rig.say().wanted)).receipt);
  const retired = digests.filter((digest) => digest.every((byte) => byte === 0xff)).length;
  t.ok(retired > 0 && retired < digests.length, 'the rest it proves');
  t.ok((await rig.prove()) > 0);
  t.equal(rig.confirmed.at(-1), rig.position);
});

t.test('a central that has less than it had is believed at once', async (t) => {
  const rig = new Rig(t);
  rig.fill();
  await rig.pull();
  await rig.prove();
  rig.say({ position: 3 });
  t.equal(rig.confirmed.at(-1), 3);
  await rig.prove();
  t.equal(rig.confirmed.at(-1), rig.position);
});

t.test('without a key a central is believed on its word, and that is said', async (t) => {
  const rig = new Rig(t, () => undefined);
  t.same(rig.say({ position: 9 }), { wanted: NOTHING, refused: '' });
  t.same(rig.confirmed, [9]);
  t.match(rig.desk.status(0), [{ name: 'hq', proven: false }]);
});

const REFUSED: {
  readonly name: string;
  readonly reason: string;
  readonly make: (rig: Rig, wanted: Uint8Array) => Promise<Partial<Acknowledgement>>;
}[] = [
  {
    name: 'a receipt that another key signed',
    reason: 'forged',
    make: (rig, wanted) => rig.answer(wanted, generateKeyPairSync('ed25519').privateKey),
  },
  {
    name: 'a receipt that was changed after it was signed',
    reason: 'forged',
    make: async (rig, wanted) => {
      const { receipt, signature } = await rig.answer(wanted);
      receipt[20] = (receipt[20] ?? 0) ^ 1;
      return { receipt, signature };
    },
  },
  {
    name: 'a receipt of another central',
    reason: 'forged',
    make: (rig, wanted) => rig.answer(wanted, KEY.privateKey, 'other'),
  },
  {
    name: 'a receipt of another gateway',
    reason: 'wrong-store',
    make: async (rig, wanted) => signed({ ...decodeReceipt((await rig.answer(wanted)).receipt), gateway: 'other' }),
  },
  {
    name: 'a receipt of another feed',
    reason: 'wrong-store',
    make: async (rig, wanted) => signed({ ...decodeReceipt((await rig.answer(wanted)).receipt), feed: 'other' }),
  },
  {
    name: 'a receipt that nobody asked for',
    reason: 'stale',
    make: async (rig, wanted) =>
      signed({ ...decodeReceipt((await rig.answer(wanted)).receipt), nonce: new Uint8Array(16) }),
  },
  {
    name: 'a receipt that counted before',
    reason: 'replayed',
    make: async (rig, wanted) => {
      const word = await rig.answer(wanted);
      rig.say(word);
      rig.confirmed.length = 0;
      return word;
    },
  },
  {
    name: 'a receipt of a central that lost a block',
    reason: 'incomplete',
    make: (rig, wanted) => {
      const blocks = rig.central;
      blocks.transaction(() => blocks.giveUp('standard', 'thin', 'retention', (_, { packs }) => packs < 1));
      return rig.answer(wanted);
    },
  },
  {
    name: 'a receipt for less than was asked for',
    reason: 'incomplete',
    make: async (rig, wanted) => {
      const { ranges, digests, ...rest } = decodeReceipt((await rig.answer(wanted)).receipt);
      return signed({ ...rest, ranges: ranges.slice(1), digests: digests.slice(1) });
    },
  },
  {
    name: 'signed bytes that are no receipt',
    reason: 'malformed',
    make: async () => ({
      receipt: Uint8Array.of(1, 2, 3),
      signature: signReceipt(Uint8Array.of(1, 2, 3), KEY.privateKey),
    }),
  },
];

function signed(receipt: Parameters<typeof encodeReceipt>[0]) {
  const bytes = encodeReceipt(receipt);
  return { receipt: bytes, signature: signReceipt(bytes, KEY.privateKey) };
}

for (const { name, reason, make } of REFUSED) {
  t.test(`${name} is refused, counted and told`, async (t) => {
    const rig = new Rig(t);
    rig.fill();
    await rig.pull();
    const { wanted } = rig.say();
    t.match(rig.say(await make(rig, wanted)), { refused: reason });
    t.same(rig.confirmed, []);
    t.match(rig.desk.status(0), [{ refused: { [reason]: 1 } }]);
    t.match(rig.problems, [`a receipt of hq was refused: ${reason}`]);
  });
}

t.test('requests and receipts that are cut short or go on are refused', async (t) => {
  const rig = new Rig(t);
  rig.fill(2);
  await rig.pull();
  const { wanted } = rig.say();
  const { receipt } = await rig.answer(wanted);
  for (const [decode, bytes] of [
    [decodeRequest, wanted],
    [decodeReceipt, receipt],
  ] as const) {
    t.same(decode(bytes).ranges, decodeRequest(wanted).ranges);
    for (let length = 0; length < bytes.length; length += 1) {
      t.throws(() => decode(bytes.subarray(0, length)), { code: 'peer-invalid' });
    }
    t.throws(() => decode(Uint8Array.of(...bytes, 0)), { code: 'peer-invalid', message: /1 bytes follow/ });
  }
});

t.test('the key is made once, is readable by its owner only, and is refused where others may read it', async (t) => {
  const above = mkdtempSync(join(tmpdir(), 'caisson-receipt-key-'));
  t.teardown(() => rmSync(above, { recursive: true }));
  const dir = join(above, 'central');
  const text = publicKeyText(receiptKey(dir));
  t.match(text, /^ed25519:[A-Za-z0-9_-]{43}$/);
  t.equal(publicKeyText(receiptKey(dir)), text, 'the same at the next start');
  t.ok(publicKeyOf(text)?.equals(publicKeyOf(text) ?? KEY.publicKey));
  t.equal(publicKeyOf('ed25519:short'), undefined);
  const [file = ''] = readdirSync(dir);
  t.equal(statSync(join(dir, file)).mode & 0o777, 0o600);
  chmodSync(join(dir, file), 0o640);
  t.throws(() => receiptKey(dir), { code: 'tls-unusable', message: /mode 640, expected 600/ });
});
