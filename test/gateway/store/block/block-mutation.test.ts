import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { CaissonError } from '../../../../gateway/errors.ts';
import { decodeBlock, encodeBlock } from './one-block.ts';
import { anyBlock, sameSamples } from './samples.ts';

/** A change to some bytes; undefined where it changes nothing. */
type Mutation = (bytes: Uint8Array) => Uint8Array | undefined;

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const flip = fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(
  ([where, mask]): Mutation =>
    (bytes) => {
      const changed = bytes.slice();
      const at = Math.floor(where * bytes.length);
      changed[at] = (changed[at] ?? 0) ^ mask;
      return changed;
    },
);
const truncate = place.map(
  (where): Mutation =>
    (bytes) =>
      bytes.slice(0, Math.floor(where * bytes.length)),
);
const extend = fc.uint8Array({ minLength: 1, maxLength: 40 }).map(
  (more): Mutation =>
    (bytes) =>
      Buffer.concat([bytes, more]),
);
const overwrite = fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 12 })).map(
  ([where, other]): Mutation =>
    (bytes) => {
      const changed = bytes.slice();
      const at = Math.floor(where * bytes.length);
      changed.set(other.subarray(0, bytes.length - at), at);
      return Buffer.compare(changed, bytes) === 0 ? undefined : changed;
    },
);
const mutation = fc.oneof(flip, truncate, extend, overwrite);

t.test('refuses every changed block', async () => {
  fc.assert(
    fc.property(anyBlock, mutation, ({ header, samples }, mutate) => {
      const mutated = mutate(encodeBlock(header, samples));
      if (mutated === undefined) return true;
      return refuses(() => decodeBlock(mutated));
    }),
    { numRuns: 600 },
  );
});

t.test('refuses a block changed by one that knows the checksum, or reads what is a valid block', async () => {
  fc.assert(
    fc.property(anyBlock, fc.array(mutation, { minLength: 1, maxLength: 3 }), ({ header, samples }, mutations) => {
      let body: Uint8Array = encodeBlock(header, samples).slice(0, -4);
      for (const mutate of mutations) body = mutate(body) ?? body;
      const bytes = withChecksum(body);
      const decoded = attempt(() => decodeBlock(bytes));
      if (decoded === undefined) return true;
      const again = decodeBlock(encodeBlock(decoded, decoded));
      return decoded.times.length === decoded.count && sameSamples(again, decoded);
    }),
    { numRuns: 2500 },
  );
});

t.test('refuses noise', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => refuses(() => decodeBlock(noise))),
    { numRuns: 500 },
  );
});

function withChecksum(body: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(body.length + 4);
  bytes.set(body);
  bytes.writeUInt32LE(crc32(body), body.length);
  return bytes;
}

function refuses(read: () => unknown): boolean {
  return attempt(read) === undefined;
}

/** What `read` returns; undefined where it throws the one error it may. */
function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof CaissonError && thrown.code === 'block-invalid') return undefined;
    throw thrown;
  }
}
