import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { defineChannel } from '../../../gateway/channel.ts';
import type { FeedItem } from '../../../gateway/store/block-db.ts';
import { loadProtos, serviceOf, TELEMETRY_SERVICE } from '../../../sync/api/descriptor.ts';
import { decodeFeedItem, encodeFeedItem } from '../../../sync/api/feed-message.ts';
import { ItemPacker, unpacked } from '../../../sync/api/packed-items.ts';
import type { TransferResponseMessage } from '../../../sync/api/transfer-messages.ts';

const { Transfer } = serviceOf(loadProtos(), TELEMETRY_SERVICE);
const serialize = (response: TransferResponseMessage) => Transfer?.responseSerialize(response) ?? Buffer.alloc(0);
const deserialize = (bytes: Buffer) => Transfer?.responseDeserialize(bytes) as TransferResponseMessage;

const REST = { feed: 'f', piece: null, complete: false, ahead: null, passed: 0 };
const TIMES = { grant: 1, heldUs: 0 };

function channel(position: number, name: string): FeedItem {
  return { kind: 'channel', position, gateway: 'box', definition: defineChannel({ name, source: 's', unit: 'km/h' }) };
}

/** Through the wire and back. */
function passed(items: readonly FeedItem[]): { readonly items: FeedItem[]; readonly bytes: number } {
  const bytes = serialize({
    ...new ItemPacker(serialize).pack({ ...REST, items: items.map(encodeFeedItem) }),
    ...TIMES,
  });
  return { items: unpacked(deserialize(bytes), deserialize).items.map(decodeFeedItem), bytes: bytes.length };
}

t.test('definitions of 700 channels take a tenth of what they are', async (t) => {
  const items = Array.from({ length: 700 }, (_, i) => channel(i + 1, `car/wheel-${i % 4}/sensor-${i}/temperature`));
  const plain = serialize({
    ...REST,
    ...TIMES,
    items: items.map(encodeFeedItem),
    packed: Buffer.alloc(0),
    packedBytes: 0,
  });
  const { items: came, bytes } = passed(items);
  t.same(came, items);
  t.ok(bytes < plain.length / 10, `${bytes} of ${plain.length} bytes`);
});

t.test('items come as they were, in order, with packs wherever among them', async () => {
  const kind = fc.oneof(
    fc.stringMatching(/^[a-z0-9]{1,40}$/).map((name) => ({ name })),
    fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => ({ bytes })),
  );
  fc.assert(
    fc.property(fc.array(kind, { maxLength: 30 }), (kinds) => {
      const items = kinds.map(
        (each, i): FeedItem =>
          'name' in each ? channel(i + 1, `a/${each.name}`) : { kind: 'pack', position: i + 1, bytes: each.bytes },
      );
      const told = (list: readonly FeedItem[]) =>
        list.map((item) => {
          if (item.kind === 'channel') return item.definition.name;
          return item.kind === 'pack' ? Buffer.from(item.bytes).toString('hex') : undefined;
        });
      const came = passed(items).items;
      return (
        told(came).join() === told(items).join() && came.every(({ position }, i) => position === items[i]?.position)
      );
    }),
  );
});

t.test('what was packed tells how many items the next message has room for', async (t) => {
  const packer = new ItemPacker(serialize);
  t.equal(packer.itemBytes, undefined);
  packer.pack({ ...REST, items: Array.from({ length: 100 }, (_, i) => encodeFeedItem(channel(i + 1, `car/s${i}`))) });
  t.ok((packer.itemBytes ?? 100) < 40, `${packer.itemBytes} bytes an item`);
});

t.test('what comes ahead is packed as well, and tells what share of it is left', async (t) => {
  const outlines = Array.from({ length: 100 }, (_, i) => {
    const nodes = Buffer.alloc(100, i);
    return {
      gateway: 'box',
      boot: 'b',
      stamp: 'STAMP_ARRIVAL',
      channel: `car/s${i}`,
      firstSequence: i,
      nodes,
    } as const;
  });
  const ahead = { items: [], outlines, outlined: { upTo: 1, from: 2, to: 3, terms: 4 } };
  const packer = new ItemPacker(serialize);
  const bytes = serialize({ ...packer.pack({ ...REST, items: [], ahead }), ...TIMES });
  t.ok(bytes.length < 2_000, `${bytes.length} bytes`);
  t.ok(packer.aheadShare < 0.2);
  t.same(unpacked(deserialize(bytes), deserialize).ahead, ahead);
});

const BROKEN = [
  { what: 'bytes that are no frame', packed: Buffer.from('nothing of the kind'), packedBytes: 100 },
  { what: 'more than packed items may be', packed: Buffer.from('x'), packedBytes: 2 ** 30 },
];
for (const { what, packed, packedBytes } of BROKEN) {
  t.test(`refuses ${what}`, async (t) => {
    const response = { ...REST, ...TIMES, items: [], packed, packedBytes };
    t.throws(() => unpacked(response, deserialize), { code: 'peer-invalid' });
  });
}
