import { Buffer } from 'node:buffer';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { CaissonError } from '../../../../gateway/errors.ts';
import { LOSS_CAUSES } from '../../../../gateway/intake.ts';
import { readRecord, writeRecord } from '../../../../gateway/store/journal/record.ts';
import type { JournalGroup, JournalRow } from '../../../../gateway/store/journal/row.ts';
import { decodeJournalRow, decodeRowRuns } from '../../../../gateway/store/journal/row-decoder.ts';
import { encodeJournalRow, RowEncoder } from '../../../../gateway/store/journal/row-encoder.ts';
import { RowGroups } from '../../../../gateway/store/journal/row-groups.ts';
import { PROJECT_ROOT } from '../../../data-dir.ts';
import { fromBits } from '../block/samples.ts';
import { describeRow, journalVectors } from './row-vectors.ts';

const VECTORS = join(PROJECT_ROOT, 'test/vectors/journal-row');

/** CAISSON_WRITE_VECTORS=1 writes the files anew; without it they are only compared. */
if (process.env.CAISSON_WRITE_VECTORS === '1') {
  mkdirSync(VECTORS, { recursive: true });
  for (const { name, bytes, expected } of journalVectors()) {
    writeFileSync(join(VECTORS, `${name}.bin`), bytes);
    writeFileSync(join(VECTORS, `${name}.json`), `${JSON.stringify(expected, null, 2)}\n`);
  }
}

t.test('the vector files are what their generator makes', async (t) => {
  const names = journalVectors().flatMap(({ name }) => [`${name}.bin`, `${name}.json`]);
  t.same(readdirSync(VECTORS).sort(), names.sort());
  for (const { name, bytes, expected } of journalVectors()) {
    t.ok(readFileSync(join(VECTORS, `${name}.bin`)).equals(bytes), name);
    t.same(JSON.parse(readFileSync(join(VECTORS, `${name}.json`), 'utf8')), expected, name);
  }
});

for (const { name, expected } of journalVectors()) {
  const bytes = readFileSync(join(VECTORS, `${name}.bin`));
  if ('refused' in expected) {
    t.test(`refuses ${name} by ${expected.refused}`, async (t) => {
      t.throws(() => decodeJournalRow(bytes), {
        code: 'journal-invalid',
        message: new RegExp(`^${expected.refused}: `),
      });
    });
  } else {
    t.test(`reads ${name} and writes the same bytes again`, async (t) => {
      const row = decodeJournalRow(bytes);
      t.same(describeRow(row), expected.row);
      t.ok(bytes.equals(encodeJournalRow(row)));
    });
  }
}

t.test('every clause by which the reader refuses has a vector and is in the specification', async (t) => {
  const refused = new Set(
    journalVectors().map(({ expected }) => ('refused' in expected ? expected.refused : undefined)),
  );
  const page = readFileSync(join(PROJECT_ROOT, 'gateway/store/JOURNAL_FORMAT.md'), 'utf8');
  const clauses = new Set([...page.matchAll(/\*\*(JOURNAL-\d\.\d+)\*\*/g)].map((match) => match[1]));
  const source = readFileSync(join(PROJECT_ROOT, 'gateway/store/journal/row-decoder.ts'), 'utf8');
  const cited = [...source.matchAll(/(?:fail|varintUpTo|text)\([^']*'(\d\.\d+)'/g)].map(
    ([, clause]) => `JOURNAL-${clause}`,
  );
  t.ok(cited.length > 10, 'clauses are found in the code');
  for (const clause of cited) t.ok(refused.has(clause), `${clause} has a vector`);
  for (const clause of refused)
    if (clause !== undefined) t.ok(clauses.has(clause), `${clause} is in the specification`);
});

t.test('the worked example of the specification is the vector', async (t) => {
  const page = readFileSync(join(PROJECT_ROOT, 'gateway/store/JOURNAL_FORMAT.md'), 'utf8');
  const example = page.slice(page.indexOf('## Journal example'));
  const hex = [...example.matchAll(/^ {4}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2}|$)/gm)]
    .map((match) => match[1])
    .join('');
  t.equal(hex.replaceAll(' ', ''), readFileSync(join(VECTORS, 'worked-example.bin')).toString('hex'));
});

const anyTime = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: 1_700_000_000_000_000, max: 1_700_000_000_100_000 }));
const anyBits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

const anyGroup: fc.Arbitrary<JournalGroup> = fc
  .record({
    channel: fc.integer({ min: 0, max: 0xffff_ffff }),
    firstSequence: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 100 }),
    times: fc.array(anyTime, { minLength: 1, maxLength: 40 }),
    bits: fc.array(anyBits, { minLength: 40, maxLength: 40 }),
    texts: fc.option(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 40, maxLength: 40 }), { freq: 3 }),
  })
  .map(({ channel, firstSequence, times, bits, texts }) => ({
    channel,
    firstSequence,
    times: Float64Array.from(times),
    values: texts?.slice(0, times.length) ?? fromBits(bits).subarray(0, times.length),
  }));

const anyRow: fc.Arbitrary<JournalRow> = fc.record({
  groups: fc.array(anyGroup, { maxLength: 30 }),
  losses: fc.array(
    fc.record({
      channel: fc.integer({ min: 0, max: 0xffff_ffff }),
      firstSequence: fc.integer({ min: 0, max: 2 ** 52 }),
      count: fc.integer({ min: 1, max: 2 ** 40 }),
      from: anyTime,
      to: anyTime,
      cause: fc.constantFrom(...LOSS_CAUSES),
    }),
    { maxLength: 5 },
  ),
});

t.test('gives back any row, every bit of every number', async () => {
  fc.assert(
    fc.property(anyRow, (row) => {
      const decoded = decodeJournalRow(encodeJournalRow(row));
      return JSON.stringify(describeRow(decoded)) === JSON.stringify(describeRow(row));
    }),
    { numRuns: 300 },
  );
});

t.test('tells which samples a row holds without reading them', async () => {
  fc.assert(
    fc.property(anyRow, (row) => {
      const { channels, sequences, counts } = decodeRowRuns(encodeJournalRow(row));
      const told = Array.from(channels, (channel, i) => [channel, sequences[i], counts[i]]);
      const held = row.groups.map(({ channel, firstSequence, times }) => [channel, firstSequence, times.length]);
      return JSON.stringify(told) === JSON.stringify(held);
    }),
    { numRuns: 300 },
  );
});

const damage = fc.record({
  where: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }),
  keep: fc.double({ min: 0, max: 1, noNaN: true }),
});

/** Encodes a row whose groups stand in the middle of longer columns, told in another order. */
function encodeWithin(encoder: RowEncoder, { groups, losses }: JournalRow): Uint8Array {
  const ranges = new RowGroups();
  const isSorted = groups.every(({ channel }, index) => channel > (groups[index - 1]?.channel ?? -1));
  for (const { channel, firstSequence, times, values } of isSorted ? groups.toReversed() : groups) {
    const from = 1 + (channel % 3);
    const to = from + times.length;
    const column = (numbers: Float64Array) => {
      const longer = new Float64Array(to + 2).fill(9);
      longer.set(numbers, from);
      return longer;
    };
    const texts = (strings: readonly string[]) => [...new Array(from).fill('before'), ...strings, 'behind'];
    const around = values instanceof Float64Array ? column(values) : texts(values);
    ranges.add(channel, firstSequence, column(times), around, from, to);
  }
  if (isSorted) ranges.sort();
  const bytes = encoder.encode(ranges, losses);
  ranges.clear();
  return bytes;
}

t.test('gives back any row, whatever the encoder remembers of those before', async () => {
  fc.assert(
    fc.property(fc.array(anyRow, { minLength: 2, maxLength: 4 }), (rows) => {
      const encoder = new RowEncoder((channel) => ({ gain: (channel % 7) / 4, offset: channel % 3 }));
      return rows.every((row) => {
        const decoded = decodeJournalRow(encodeWithin(encoder, row));
        return JSON.stringify(describeRow(decoded)) === JSON.stringify(describeRow(row));
      });
    }),
    { numRuns: 200 },
  );
});

t.test('a damaged record is refused, whatever row it holds', async () => {
  fc.assert(
    fc.property(anyRow, damage, (row, { where, bytes, keep }) => {
      const encoded = encodeJournalRow(row);
      const record = Buffer.alloc(encoded.length + 2 * 4096);
      const head = { segment: 3, row: 9, boot: '00112233aabbccdd', ringEnd: 4, firstReceipt: 5 };
      writeRecord(record, head, encoded, new Uint8Array(32));
      const whole = record.subarray(0, 56 + encoded.length + 32);
      const damaged = Buffer.from(overwritten(whole, where, bytes).subarray(0, Math.ceil(keep * whole.length)));
      return Buffer.compare(damaged, whole) === 0 || readRecord(damaged, 0, 3) === undefined;
    }),
    { numRuns: 500 },
  );
});

t.test('refuses a damaged row, or reads what is a valid row', async () => {
  fc.assert(
    fc.property(anyRow, damage, (row, { where, bytes, keep }) => {
      const whole = encodeJournalRow(row);
      const decoded = attempt(overwritten(whole, where, bytes).subarray(0, Math.ceil(keep * whole.length)));
      if (decoded === undefined) return true;
      return (
        JSON.stringify(describeRow(decodeJournalRow(encodeJournalRow(decoded)))) ===
        JSON.stringify(describeRow(decoded))
      );
    }),
    { numRuns: 3000 },
  );
});

t.test('numbers of a scale that changes, and numbers of none, are written as they are', async (t) => {
  const encoder = new RowEncoder();
  const values = [1, 2.5, 2.25, Number.NaN, -0, 1 / 3, 7, 1e-7, 2 ** 52, 0.1, 0.30000000000000004, 5, 1e300, 12.5];
  for (let round = 0; round < 40; round += 1) {
    const numbers = Float64Array.from(values, (_, i) => values[(i + round) % values.length] ?? 0).subarray(
      0,
      1 + (round % 9),
    );
    const group = { channel: 4, firstSequence: round, times: numbers.map((_, i) => i), values: numbers };
    const row = { groups: [group], losses: [] };
    t.same(describeRow(decodeJournalRow(encodeWithin(encoder, row))), describeRow(row));
  }
});

/** Around what the kernels take at once, and what they write at once. */
const lengths = fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 4090, max: 4102 }), fc.constant(8195));

t.test(
  'gives back integers of any size in groups of any length, and numbers of no scale wherever they begin',
  async () => {
    const group = fc.record({
      length: lengths,
      bits: fc.nat(52),
      gain: fc.constantFrom(1, 0.01, -0.5, 1e6),
      offset: fc.constantFrom(0, -40, 0.1),
      breaksAt: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      broken: fc.constantFrom(1 / 3, -0, Number.NaN, 2 ** 60),
      spread: fc.constantFrom(1, 10_000, 2 ** 46),
    });
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 6 }), (parts) => {
        const scales = parts.map(({ gain, offset }) => ({ gain, offset }));
        const rowOf = (isBroken: boolean): JournalRow => {
          const groups = parts.map(({ length, bits, gain, offset, breaksAt, broken, spread }, channel) => {
            const turned = (i: number) => Math.sin(i * i + bits) * 2 ** bits;
            const values = Float64Array.from({ length }, (_, i) => Math.round(turned(i)) * gain + offset);
            if (isBroken && breaksAt !== undefined) values.fill(broken, Math.floor(breaksAt * length));
            const times = values.map((_, i) => 1e15 + Math.round((i + Math.sin(i)) * (spread / length)));
            return { channel, firstSequence: bits, times, values };
          });
          return { groups, losses: [] };
        };
        // In the second row the scales that held in the first are tried, and fail somewhere.
        const encoder = new RowEncoder((channel) => scales[channel]);
        return [rowOf(false), rowOf(true)].every((row) => {
          const decoded = decodeJournalRow(encodeWithin(encoder, row));
          return JSON.stringify(describeRow(decoded)) === JSON.stringify(describeRow(row));
        });
      }),
      { numRuns: 60 },
    );
  },
);

t.test('small rows stay small behind a large one', async (t) => {
  const encoder = new RowEncoder();
  const count = 200_000;
  const times = Float64Array.from({ length: count }, (_, i) => 1e15 + i * 1000);
  const large = { groups: [{ channel: 1, firstSequence: 0, times, values: times.map(() => 1) }], losses: [] };
  for (const row of [large, ...journalVectors().flatMap(({ row }) => row ?? []), large]) {
    t.ok(
      JSON.stringify(describeRow(decodeJournalRow(encodeWithin(encoder, row)))) === JSON.stringify(describeRow(row)),
    );
  }
});

const REFUSED: Readonly<Record<string, [Partial<JournalGroup>, RegExp]>> = {
  'without samples': [{ times: new Float64Array(0), values: new Float64Array(0) }, /JOURNAL-3\.4: a group of 0 times/],
  'with more times than values': [{ values: new Float64Array(0) }, /JOURNAL-3\.4: a group of 1 times and 0 values/],
  'of a channel that is no id': [{ channel: 2 ** 32 }, /JOURNAL-3\.3: channel is 4294967296/],
  'with a broken sequence number': [{ firstSequence: 0.5 }, /JOURNAL-3\.5: first sequence is 0\.5/],
  'with a time of half a microsecond': [{ times: Float64Array.of(0.5) }, /JOURNAL-3\.7: time is 0\.5/],
  'with half a microsecond behind whole ones': [
    { times: Float64Array.of(1, 2, 2.5), values: new Float64Array(3) },
    /JOURNAL-3\.7: time is 2\.5/,
  ],
  'with a time beyond all times': [
    { times: Float64Array.of(2 ** 53 - 2, 2 ** 53), values: new Float64Array(2) },
    /JOURNAL-3\.7: time is 9007199254740992/,
  ],
  'with too long a text': [{ values: ['x'.repeat(65_537)] }, /JOURNAL-3\.11: a text of 65537 bytes/],
};

for (const [name, [part, message]] of Object.entries(REFUSED)) {
  t.test(`refuses to write a group ${name}`, async (t) => {
    const group = { channel: 1, firstSequence: 0, times: Float64Array.of(1), values: Float64Array.of(1), ...part };
    t.throws(() => encodeJournalRow({ groups: [group], losses: [] }), { code: 'journal-invalid', message });
  });
}

function overwritten(bytes: Uint8Array, where: number, other: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  const at = Math.floor(where * bytes.length);
  changed.set(other.subarray(0, bytes.length - at), at);
  return changed;
}

/** The row; undefined where it is refused by the one error it may be refused by. */
function attempt(bytes: Uint8Array): JournalRow | undefined {
  try {
    return decodeJournalRow(bytes);
  } catch (thrown) {
    if (thrown instanceof CaissonError && thrown.code === 'journal-invalid') return undefined;
    throw thrown;
  }
}
