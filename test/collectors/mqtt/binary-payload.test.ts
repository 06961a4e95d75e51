import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { encode as encodeMessagePack } from '@msgpack/msgpack';
import { encode as encodeCbor } from 'cborg';
import fc from 'fast-check';
import t from 'tap';
import { decodeCbor } from '../../../collectors/mqtt/payload/cbor.ts';
import { decodeMessagePack } from '../../../collectors/mqtt/payload/message-pack.ts';
import { DEPTH_MAX } from '../../../collectors/mqtt/payload/value-tree.ts';
import { MESSAGE_SAMPLES_MAX } from '../../../collectors/payload/sample-batch.ts';
import { type Rule, read, reasonOf } from './read-message.ts';

const FORMS = {
  cbor: { encode: (value: unknown) => encodeCbor(value), decode: decodeCbor },
  msgpack: { encode: (value: unknown) => encodeMessagePack(value), decode: decodeMessagePack },
} as const;
const BOTH = ['cbor', 'msgpack'] as const;

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const at = { field: 't', unit: 's' } as const;

const readable: [what: string, payload: 'cbor' | 'msgpack', bytes: string, samples: unknown[][]][] = [
  ['a half float', 'cbor', 'f9 3e00', [['a/b', 0, 1.5]]],
  ['an unsigned integer beyond 2^53', 'cbor', '1b 7fffffffffffffff', [['a/b', 0, 2 ** 63]]],
  ['a negative integer beyond 2^53', 'cbor', '3b 7fffffffffffffff', [['a/b', 0, -(2 ** 63)]]],
  ['a bignum', 'cbor', 'c2 49 010000000000000000', [['a/b', 0, 2 ** 64]]],
  ['a negative bignum', 'cbor', 'c3 49 010000000000000000', [['a/b', 0, -(2 ** 64)]]],
  ['a decimal fraction', 'cbor', 'c4 82 21 19 6ab3', [['a/b', 0, 273.15]]],
  [
    'a map with integer keys',
    'cbor',
    'a2 01 02 20 f5',
    [
      ['a/b/1', 0, 2],
      ['a/b/-1', 0, true],
    ],
  ],
  [
    'an array of indefinite length',
    'cbor',
    '9f 01 02 ff',
    [
      ['a/b/0', 0, 1],
      ['a/b/1', 0, 2],
    ],
  ],
  ['a time as text', 'cbor', 'c1 1a 514b67b0', [['a/b', 0, '2013-03-21T20:04:00.000000Z']]],
  ['a tag that says nothing', 'cbor', 'd9 0400 05', [['a/b', 0, 5]]],
  ['undefined and bytes, which are no samples', 'cbor', 'a3 6161 f7 6162 42 0102 6163 01', [['a/b/c', 0, 1]]],
  ['a float of 32 bits', 'msgpack', 'ca 3fc00000', [['a/b', 0, 1.5]]],
  ['an unsigned integer of 64 bits', 'msgpack', 'cf 8000000000000000', [['a/b', 0, 2 ** 63]]],
  ['an integer of 64 bits', 'msgpack', 'd3 8000000000000000', [['a/b', 0, -(2 ** 63)]]],
  [
    'negative integers',
    'msgpack',
    '94 ff d080 d18000 d280000000',
    [
      ['a/b/0', 0, -1],
      ['a/b/1', 0, -128],
      ['a/b/2', 0, -32_768],
      ['a/b/3', 0, -2_147_483_648],
    ],
  ],
  [
    'a map with integer keys',
    'msgpack',
    '82 01 02 ff c3',
    [
      ['a/b/1', 0, 2],
      ['a/b/-1', 0, true],
    ],
  ],
  ['a timestamp as text', 'msgpack', 'd6 ff 514b67b0', [['a/b', 0, '2013-03-21T20:04:00.000000Z']]],
  ['bytes and extensions, which are no samples', 'msgpack', '83 a161 c4020102 a162 d40501 a163 01', [['a/b/c', 0, 1]]],
];
for (const [what, payload, bytes, samples] of readable) {
  t.test(`${payload}: reads ${what}`, async (t) => t.strictSame(read(hex(bytes), { payload }), samples));
}

const timed: [what: string, payload: 'cbor' | 'msgpack', bytes: string, time: number][] = [
  ['seconds as a float', 'cbor', 'a2 6174 fb 41d954fc40 100000 6178 01', 1_700_000_000_250_000],
  ['a tagged number, whatever the unit of the rule', 'cbor', 'a2 6174 c1 1a 6553f100 6178 01', 1_700_000_000_000_000],
  ['a tagged text', 'cbor', 'a2 6174 c0 74 323031332d30332d32315432303a30343a30305a 6178 01', 1_363_896_240_000_000],
  ['a timestamp of 32 bits', 'msgpack', '82 a174 d6ff 6553f100 a178 01', 1_700_000_000_000_000],
  ['a timestamp of 64 bits', 'msgpack', '82 a174 d7ff 3b9ac9fc 6553f100 a178 01', 1_700_000_000_250_000],
  ['a timestamp of 96 bits', 'msgpack', '82 a174 c70cff 0ee6b280 000000006553f100 a178 01', 1_700_000_000_250_000],
];
for (const [what, payload, bytes, time] of timed) {
  t.test(`${payload}: takes the time from ${what}`, async (t) => {
    t.strictSame(read(hex(bytes), { payload, timestamp: at }), [['a/b/x', time, 1]]);
  });
}

const refused: [what: string, reason: string, payload: 'cbor' | 'msgpack' | 'auto', bytes: string][] = [
  ['a value that is cut', 'cbor-invalid', 'cbor', '82 01'],
  ['bytes behind the value', 'cbor-invalid', 'cbor', '01 01'],
  ['a break without a begin', 'cbor-invalid', 'cbor', 'ff'],
  ['a length that is only claimed', 'cbor-invalid', 'cbor', '9b 00ffffffffffffff 01'],
  ['a bignum beyond its bound', 'cbor-invalid', 'cbor', `c2 58 ff ${'01'.repeat(255)}`],
  ['a time that is none', 'time-invalid', 'cbor', 'c0 61 78'],
  ['a value that is cut', 'msgpack-invalid', 'msgpack', '92 01'],
  ['bytes behind the value', 'msgpack-invalid', 'msgpack', '01 01'],
  ['the byte that is never used', 'msgpack-invalid', 'msgpack', 'c1'],
  ['a length that is only claimed', 'msgpack-invalid', 'msgpack', 'dd ffffffff 01'],
  ['a string that is not UTF-8', 'msgpack-invalid', 'msgpack', 'a1 ff'],
  ['a key that is no name', 'msgpack-invalid', 'msgpack', '81 c0 01'],
  ['a timestamp of five bytes', 'msgpack-invalid', 'msgpack', 'c7 05 ff 0000000000'],
  ['only null', 'no-samples', 'msgpack', 'c0'],
  ['only null', 'no-samples', 'cbor', 'f6'],
  ['CBOR without its tag, where nothing says that it is CBOR', 'payload-unrecognised', 'auto', 'a1 61 78 f9 3e00'],
];
for (const [what, reason, payload, bytes] of refused) {
  t.test(`${payload}: refuses ${what} as ${reason}`, async (t) => {
    t.equal(
      reasonOf(() => read(hex(bytes), { payload })),
      reason,
    );
  });
}

for (const payload of BOTH) {
  const { encode, decode } = FORMS[payload];

  t.test(`${payload}: nesting has a bound`, async (t) => {
    const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}1${']'.repeat(levels)}`);
    t.equal(read(encode(nested(DEPTH_MAX)), { payload }).length, 1);
    t.equal(
      reasonOf(() => read(encode(nested(DEPTH_MAX + 1)), { payload })),
      'too-deep',
    );
    const head = payload === 'cbor' ? 0x81 : 0x91;
    t.ok(
      reasonOf(() => read(Buffer.alloc(1 << 20, head), { payload })),
      'a million levels',
    );
  });

  t.test(`${payload}: a message of too many samples is refused`, async (t) => {
    const many = encode(new Array(MESSAGE_SAMPLES_MAX + 1).fill(1));
    t.equal(
      reasonOf(() => read(many, { payload })),
      'too-many-samples',
    );
  });

  t.test(`${payload}: gives the samples that the same value gives as JSON`, async (t) => {
    const value = fc.jsonValue({ maxDepth: 4 }).filter((met) => !JSON.stringify(met).includes('__proto__'));
    const same = (met: unknown) => {
      const json = JSON.stringify(met);
      const fromJson = outcome(json, { payload: 'json' });
      return isDeepStrictEqual(outcome(encode(JSON.parse(json)), { payload }), fromJson);
    };
    t.doesNotThrow(() => fc.assert(fc.property(value, same), { numRuns: 1000 }));
  });

  t.test(`${payload}: bytes that are cut, or that one byte is wrong of, never do harm`, async (t) => {
    const harmless = (met: unknown, where: number, byte: number) => {
      const bytes = Buffer.from(encode(met));
      for (let length = 0; length < bytes.length; length++) {
        t.ok(
          reasonOf(() => decode(bytes.subarray(0, length))),
          'cut',
        );
      }
      bytes[where % bytes.length] = byte;
      reasonOf(() => read(bytes, { payload }));
    };
    const value = fc.jsonValue({ maxDepth: 3 });
    t.doesNotThrow(() => fc.assert(fc.property(value, fc.nat(), fc.nat(255), harmless), { numRuns: 300 }));
  });
}

/** Samples, sorted because maps have no order, or the reason why there are none. */
function outcome(payload: string | Uint8Array, rule: Omit<Rule, 'filter'>): unknown {
  let samples: unknown[][] = [];
  const reason = reasonOf(() => {
    samples = read(payload, rule);
  });
  return reason ?? samples.map((sample) => JSON.stringify(sample)).sort();
}

t.test('CBOR that names itself needs no rule', async (t) => {
  t.strictSame(read(hex('d9d9f7 a1 6178 01')), [['a/b/x', 0, 1]]);
});
