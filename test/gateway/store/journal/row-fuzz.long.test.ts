import { Buffer } from 'node:buffer';
import t from 'tap';
import { CaissonError } from '../../../../gateway/errors.ts';
import type { JournalRow } from '../../../../gateway/store/journal/row.ts';
import { decodeJournalRow } from '../../../../gateway/store/journal/row-decoder.ts';
import { encodeJournalRow } from '../../../../gateway/store/journal/row-encoder.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import { describeRow, journalVectors } from './row-vectors.ts';

const SEEDS = 10;
const MUTATIONS = 100_000;

/** Bytes that one mutation changes, at most. */
const CHANGES_MAX = 3;

/** One in so many is cut short as well. */
const CUT_EVERY = 8;

/** Rows that are right, and those that are nearly. */
const ROWS = journalVectors().map(({ bytes }) => bytes);

for (let seed = 1; seed <= SEEDS; seed += 1) {
  t.test(`${MUTATIONS} changed rows of seed ${seed} are refused, or read as what can be written again`, async (t) => {
    const random = new Random(seed);
    let read = 0;
    for (let i = 0; i < MUTATIONS; i += 1) {
      const bytes = changed(ROWS[random.below(ROWS.length)] ?? Buffer.alloc(0), random);
      const row = attempt(bytes);
      if (row === undefined) continue;
      read += 1;
      const again = decodeJournalRow(encodeJournalRow(row));
      if (JSON.stringify(describeRow(again)) !== JSON.stringify(describeRow(row))) {
        throw new Error(`seed ${seed}, mutation ${i}: not the same again: ${Buffer.from(bytes).toString('hex')}`);
      }
    }
    t.comment(`${read} of ${MUTATIONS} were read`);
    t.ok(read > MUTATIONS / 100, `${read} read`);
    t.ok(MUTATIONS - read > MUTATIONS / 10, `${MUTATIONS - read} refused`);
  });
}

function changed(row: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(row);
  if (bytes.length === 0) return bytes;
  for (let changes = 1 + random.below(CHANGES_MAX); changes > 0; changes -= 1) {
    bytes[random.below(bytes.length)] = random.below(256);
  }
  return random.below(CUT_EVERY) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

/** The row; undefined where it is refused by the one error it may be refused by. */
function attempt(bytes: Uint8Array): JournalRow | undefined {
  try {
    return decodeJournalRow(bytes);
  } catch (thrown) {
    if (thrown instanceof CaissonError && thrown.code === 'journal-invalid') return undefined;
    throw new Error(Buffer.from(bytes).toString('hex'), { cause: thrown });
  }
}
