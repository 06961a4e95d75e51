import { Buffer } from 'node:buffer';
import { Duplex } from 'node:stream';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import t from 'tap';
import { defineChannel } from '../../../gateway/channel.ts';
import { loadProtos, serviceOf, TELEMETRY_SERVICE } from '../../../sync/api/descriptor.ts';
import { encodeFeedItem } from '../../../sync/api/feed-message.ts';
import { ItemPacker } from '../../../sync/api/packed-items.ts';
import type { TransferRequestMessage, TransferResponseMessage } from '../../../sync/api/transfer-messages.ts';
import { pullTransfer } from '../../../sync/api/transfer-pull.ts';
import { LoopLag } from '../../../sync/line/loop-lag.ts';
import { Pacer } from '../../../sync/line/pacer.ts';
import { PackAssembly } from '../../../sync/line/pack-assembly.ts';
import { waitFor } from '../../wait-for.ts';

const { Transfer } = serviceOf(loadProtos(), TELEMETRY_SERVICE);
const serialize = (response: TransferResponseMessage) => Transfer?.responseSerialize(response) ?? Buffer.alloc(0);
const deserialize = (bytes: Buffer) => Transfer?.responseDeserialize(bytes) as TransferResponseMessage;

const ITEMS = 4000;
const MESSAGES = 100;

/** Definitions that take a tenth of what they are, from a position on. */
function packedDefinitions(from: number): Buffer {
  const items = Array.from({ length: ITEMS }, (_, i) => {
    const definition = defineChannel({ name: `car/wheel-${i % 4}/sensor-${i}/temperature`, source: 's', unit: 'degC' });
    return encodeFeedItem({ kind: 'channel', position: from + i, gateway: 'box', definition });
  });
  const part = { feed: 'f', items, piece: null, complete: false, ahead: null, passed: 0 };
  return serialize({ ...new ItemPacker(serialize).pack(part), grant: 0, heldUs: 0 });
}

t.test('what came and is not taken yet is bounded by what it is unpacked, also where more is on its way', async (t) => {
  const messages = Array.from({ length: MESSAGES }, (_, i) => packedDefinitions(i * ITEMS));
  let read = 0;
  let given = 0;
  const duplex = new Duplex({
    objectMode: true,
    read() {
      const next = messages[given];
      given += 1;
      this.push(next ?? null);
    },
    write: (_message, _encoding, done) => done(),
  });
  const call = Object.assign(duplex, { cancel: () => {} }) as unknown as ClientDuplexStream<
    TransferRequestMessage,
    Buffer
  >;
  const counting = (bytes: Buffer) => {
    const message = deserialize(bytes);
    if (message.packed.length > 0) read += 1;
    return message;
  };
  const request = { feed: 'f', after: 0, pacer: new Pacer(), lag: new LoopLag(), assembly: new PackAssembly() };
  const batches = pullTransfer(call, request, counting);
  const first = await batches.next();
  if (first.done === true) throw new Error('nothing came');
  const before = read;
  await waitFor('nothing more is read', () => call.isPaused(), 10_000);
  const held = (read - before) * (deserialize(messages[0] ?? Buffer.alloc(0)).packedBytes ?? 0);
  t.ok(held > 4 << 20 && held < 9 << 20, `${held} bytes are held, of ${messages[0]?.length} a message`);
  let items = first.value.items.length;
  for await (const batch of batches) items += batch.items.length;
  t.equal(items, MESSAGES * ITEMS, 'all of it comes once it is taken');
});
