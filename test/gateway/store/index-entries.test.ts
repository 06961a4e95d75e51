import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { CaissonError } from '../../../gateway/errors.ts';
import {
  decodeEntries,
  encodeEntries,
  type IndexEntries,
  type IndexEntry,
} from '../../../gateway/store/index-entries.ts';

/** Numbers of every form: decimals, float32 and float64, with those that have a form of their own. */
const number = fc.oneof(
  fc.integer({ min: -1e6, max: 1e6 }).map((digits) => digits / 100),
  fc.integer({ min: -1e6, max: 1e6 }).map((raw) => raw * 0.244 - 125),
  fc.array(fc.nat(1000), { maxLength: 40 }).map((digits) => digits.reduce((sum, digit) => sum + digit / 10, 0)),
  fc.tuple(fc.nat(1000), fc.integer({ min: -5000, max: 5000 })).map(([digits, steps]) => digits / 8 + steps * 2 ** -50),
  fc.constantFrom(5e-324, -5e-324, 1e-300, 2 ** 40, 2 ** 52 - 1, 1 / 3),
  fc.float({ noNaN: true }),
  fc.double(),
  fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_VALUE),
);

const entry: fc.Arbitrary<IndexEntry> = fc
  .record({
    block: fc.nat(255),
    count: fc.integer({ min: 1, max: 4096 }),
    firstSequence: fc.nat(1e6),
    timeMin: fc.integer({ min: -1e15, max: 2e15 }),
    span: fc.nat(1e9),
    numbers: fc.option(fc.tuple(number, number, number, number, number), { nil: undefined }),
  })
  .map(({ count, timeMin, span, numbers, ...rest }) => {
    const times = { timeMin, timeMax: timeMin + span };
    const [min = 0, max = 0, first = 0, last = 0, sum = 0] = numbers ?? [];
    const node = numbers === undefined ? undefined : { count, ...times, min, max, first, last, sum };
    return { ...rest, count, ...times, endSequence: rest.firstSequence + count, node };
  });

t.test('gives back every entry, to the bit, wherever in memory its bytes lie', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.option(entry, { nil: undefined }), { minLength: 1, maxLength: 8 }),
      fc.nat(9),
      (some, at) => {
        const entries: IndexEntries = ordered(some);
        const bytes = encodeEntries(entries);
        const around = Buffer.alloc(bytes.length + 19, 0xff);
        around.set(bytes, at);
        const read = decodeEntries(around.subarray(at, at + bytes.length), entries.length);
        return same(read, entries);
      },
    ),
  );
  t.pass('held');
});

t.test('a channel of decimals takes some ten bytes of a row', async (t) => {
  const entries = Array.from({ length: 64 }, (_, block): IndexEntry => {
    const values = Array.from({ length: 60 }, (_, i) => (4000 + block * 13 + ((i * 7919) % 101)) * 0.1);
    const sum = values.reduce((all, value) => all + value, 0);
    const [count, timeMin, timeMax] = [60, 1.7e15 + block * 400, 1.7e15 + block * 400 + 59e6];
    const [first = 0, last = 0] = [values[0], values.at(-1)];
    const node = { count, timeMin, timeMax, min: Math.min(...values), max: Math.max(...values), first, last, sum };
    return { block, count, firstSequence: 600, endSequence: 660, timeMin, timeMax, node };
  });
  const bytes = encodeEntries(entries);
  t.ok(bytes.length < 12 * entries.length, `${bytes.length / entries.length} bytes an entry`);
  t.ok(same(decodeEntries(bytes, entries.length), entries));
});

t.test('any bit that turned is noticed', async (t) => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 8 }), fc.nat(), (some, bit) => {
      const bytes = encodeEntries(ordered(some));
      const at = bit % (bytes.length * 8);
      bytes[at >>> 3] = (bytes[at >>> 3] ?? 0) ^ (1 << (at & 7));
      try {
        decodeEntries(bytes, some.length);
        return false;
      } catch (error) {
        return error instanceof CaissonError && error.code === 'block-invalid';
      }
    }),
  );
  t.pass('held');
});

/** Blocks of a pack stand in the order of its roster. */
function ordered(entries: IndexEntries): IndexEntries {
  return entries.map((each, index) => (each === undefined ? undefined : { ...each, block: index }));
}

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  const keys = Object.keys(b);
  return Object.keys(a).length === keys.length && keys.every((key) => same(fieldOf(a, key), fieldOf(b, key)));
}

function fieldOf(object: object, key: string): unknown {
  return (object as Record<string, unknown>)[key];
}
