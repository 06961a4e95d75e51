import { Buffer } from 'node:buffer';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { CaissonError } from '../../../gateway/errors.ts';
import { LOSS_CAUSES } from '../../../gateway/intake.ts';
import {
  decodeJournalRow,
  encodeJournalRow,
  type JournalGroup,
  type JournalRow,
} from '../../../gateway/store/journal-row.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { fromBits } from './block/samples.ts';
import { describeRow, journalVectors } from './journal-row-vectors.ts';

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
  const source = readFileSync(join(PROJECT_ROOT, 'gateway/store/journal-row.ts'), 'utf8');
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

const damage = fc.record({
  where: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }),
  keep: fc.double({ min: 0, max: 1, noNaN: true }),
});

t.test('refuses every damaged row', async () => {
  fc.assert(
    fc.property(anyRow, damage, (row, { where, bytes, keep }) => {
      const whole = encodeJournalRow(row);
      const damaged = overwritten(whole, where, bytes).subarray(0, Math.ceil(keep * whole.length));
      return Buffer.compare(damaged, whole) === 0 || attempt(damaged) === undefined;
    }),
    { numRuns: 300 },
  );
});

t.test('refuses a row damaged by one that knows the checksum, or reads what is a valid row', async () => {
  fc.assert(
    fc.property(anyRow, damage, (row, { where, bytes, keep }) => {
      const whole = encodeJournalRow(row).slice(0, -4);
      const damaged = overwritten(whole, where, bytes).subarray(0, Math.ceil(keep * whole.length));
      const sealed = Buffer.concat([damaged, Buffer.alloc(4)]);
      sealed.writeUInt32LE(crc32(damaged), damaged.length);
      const decoded = attempt(sealed);
      if (decoded === undefined) return true;
      return (
        JSON.stringify(describeRow(decodeJournalRow(encodeJournalRow(decoded)))) ===
        JSON.stringify(describeRow(decoded))
      );
    }),
    { numRuns: 1500 },
  );
});

const REFUSED: Readonly<Record<string, [Partial<JournalGroup>, RegExp]>> = {
  'without samples': [{ times: new Float64Array(0), values: new Float64Array(0) }, /JOURNAL-3\.3: a group of 0 times/],
  'with more times than values': [{ values: new Float64Array(0) }, /JOURNAL-3\.3: a group of 1 times and 0 values/],
  'of a channel that is no id': [{ channel: 2 ** 32 }, /JOURNAL-3\.2: channel is 4294967296/],
  'with a broken sequence number': [{ firstSequence: 0.5 }, /JOURNAL-3\.4: first sequence is 0\.5/],
  'with a time of half a microsecond': [{ times: Float64Array.of(0.5) }, /JOURNAL-3\.5: time is 0\.5/],
  'with too long a text': [{ values: ['x'.repeat(65_537)] }, /JOURNAL-3\.8: a text of 65537 bytes/],
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
