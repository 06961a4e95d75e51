import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { loadProtos, serviceOf, TELEMETRY_SERVICE } from '../../../sync/api/descriptor.ts';
import { packFrame } from '../../../sync/api/transfer-frame.ts';
import type { TransferResponseMessage } from '../../../sync/api/transfer-messages.ts';

const { Transfer } = serviceOf(loadProtos(), TELEMETRY_SERVICE);
const serialize = (response: object) => Transfer?.responseSerialize(response) ?? Buffer.alloc(0);
const deserialize = (bytes: Buffer) => Transfer?.responseDeserialize(bytes);

const PLAIN: TransferResponseMessage = {
  ...{ feed: '', items: [], piece: null, complete: false, grant: 0, heldUs: 0 },
  ...{ packed: new Uint8Array(0), packedBytes: 0, ahead: null, passed: 0 },
};

/** What the encoder is to write: it leaves out what is not there, and would write what is empty. */
function written({ items, piece, ...rest }: TransferResponseMessage): object {
  return {
    ...filled(rest),
    items: items.map(({ position, ...item }) => ({ ...filled({ position }), ...item })),
    ...(piece !== null && { piece: filled(piece) }),
  };
}

function filled(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => (value instanceof Uint8Array ? value.length > 0 : Boolean(value))),
  );
}

/** Around every length at which a varint grows. */
const anyNumber = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc
    .record({ bits: fc.nat(53), less: fc.nat(1) })
    .map(({ bits, less }) => Math.max(0, 2 ** bits - less - (bits === 53 ? 1 : 0))),
);
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.integer({ min: 16_300, max: 16_500 }).map((length) => new Uint8Array(length).fill(length)),
);
const anyResponse = fc.record({
  items: fc.array(fc.record({ position: anyNumber, pack: anyBytes }), { maxLength: 20 }),
  piece: fc.option(
    fc.record({
      ...{ position: anyNumber, size: anyNumber, offset: anyNumber },
      ...{ check: fc.uint8Array({ maxLength: 200 }), bytes: anyBytes, ahead: fc.boolean() },
    }),
  ),
  ...{ complete: fc.boolean(), grant: anyNumber, heldUs: anyNumber, passed: anyNumber },
});

t.test('a response of packs has the bytes that the encoder gives it', async (t) => {
  let compared = 0;
  fc.assert(
    fc.property(anyResponse, fc.nat(9), (fields, start) => {
      const response = { ...PLAIN, ...fields };
      const frame = packFrame(response);
      const expected = serialize(written(response));
      if (frame?.length !== expected.length || frame.byteLength !== expected.length) return false;
      const target = Buffer.alloc(start + expected.length + 3, 0xa5);
      frame.copy(target, start);
      compared += 1;
      const around = [target.subarray(0, start), target.subarray(start + expected.length)];
      return (
        isDeepStrictEqual(deserialize(expected), deserialize(serialize(response))) &&
        target.subarray(start, start + expected.length).equals(expected) &&
        around.every((bytes) => bytes.every((byte) => byte === 0xa5))
      );
    }),
    { numRuns: 2000 },
  );
  t.ok(compared >= 2000, `${compared} were compared`);
});

t.test('what says more than packs is left to the encoder', async (t) => {
  const boot = { position: 1, boot: { gateway: 'box', boot: 'f', started: 0, origin: '' } };
  const others: [string, Partial<TransferResponseMessage>][] = [
    ['the name of the feed', { feed: 'f' }],
    ['an item that is no pack', { items: [{ position: 2, pack: Uint8Array.of(1) }, boot] }],
    ['items that are packed', { packed: Uint8Array.of(1), packedBytes: 1 }],
    ['what comes ahead', { ahead: { items: [], outlines: [], outlined: null } }],
  ];
  for (const [what, fields] of others) t.equal(packFrame({ ...PLAIN, ...fields }), undefined, what);
  t.not(packFrame(PLAIN), undefined, 'one without any of it is not');
});
