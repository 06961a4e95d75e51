import fc from 'fast-check';
import t from 'tap';
import { NUMBER_ENCODINGS } from '../../../../gateway/store/block/number-column.ts';
import { ascendingTimes, TIME_ENCODINGS } from '../../../../gateway/store/block/time-column.ts';
import { ByteReader, ByteWriter } from '../../../../gateway/store/bytes.ts';
import { cornersToCompare, fold, hexWords, referenceCorners } from './reference-corners.ts';
import { NUMBER_SHAPES, TIME_SHAPES } from './samples.ts';

/** Ends of stretches from whole numbers of any size: ascending, the last one that of the column. */
function endsOf(cuts: readonly number[], count: number): number[] {
  const inside = new Set(cuts.map((cut) => cut % count).filter((cut) => cut > 0));
  return [...inside].sort((a, b) => a - b).concat(count);
}

for (const [shape, { values }] of Object.entries(NUMBER_SHAPES)) {
  t.test(`corners of ${shape} are those of the samples, in every form and wherever it is cut`, async () => {
    const cuts = fc.oneof(
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.array(fc.nat(), { minLength: 400, maxLength: 511 }),
    );
    fc.assert(
      fc.property(values, cuts, (column, cuts) => {
        const ends = endsOf(cuts, column.length);
        const expected = cornersToCompare(referenceCorners(hexWords(column), ends));
        return NUMBER_ENCODINGS.formsOf(column).every(({ id, write }) => {
          const out = new ByteWriter();
          write(out);
          const content = new ByteReader(out.toBytes(), 'block-invalid', 'BLOCK');
          const met = cornersToCompare(hexWords(fold(id, content, column.length, ends)));
          return met.length === expected.length && met.every((corner, i) => corner === expected[i]);
        });
      }),
      { numRuns: 40 },
    );
  });
}

t.test('a negative gain turns the least and the greatest round', async (t) => {
  const out = new ByteWriter();
  // Scaled, -0.5 * k; plain from -2 on, two bits: -2, 1, 0, -1.
  out.u8(1);
  out.f64(-0.5);
  out.u8(0);
  out.signed(-2);
  out.u8(2);
  out.u8(0b01_10_11_00);
  const content = new ByteReader(out.toBytes(), 'block-invalid', 'BLOCK');
  t.strictSame([...fold(1, content, 4, [2, 4])], [-0.5, 1, 1, -0.5, -0, 0.5, -0, 0.5]);
});

for (const [shape, times] of Object.entries(TIME_SHAPES)) {
  t.test(`times ${shape} that are told one by one are those of their column, and ascend`, async () => {
    fc.assert(
      fc.property(times, (column) => {
        const timeMin = column.reduce((least, time) => Math.min(least, time));
        const timeMax = column.reduce((greatest, time) => Math.max(greatest, time));
        const isNear = timeMax - timeMin <= 2 ** 47;
        const distances = isNear ? column.map((time) => time - timeMin) : column;
        return TIME_ENCODINGS.formsOf(distances).every(({ id, write }) => {
          const out = new ByteWriter();
          write(out);
          const content = new ByteReader(out.toBytes(), 'block-invalid', 'BLOCK');
          const told = ascendingTimes(id, content, column.length, { timeMin, timeMax });
          if (told === undefined) return true;
          return column.every((time, i) => told.at(i) === time && (i === 0 || time >= (column[i - 1] ?? 0)));
        });
      }),
      { numRuns: 40 },
    );
  });
}

t.test(
  'times on a grid with jitter are told one by one, and refused where they are not what is said of them',
  async (t) => {
    const times = Float64Array.from({ length: 4096 }, (_, i) => i * 10_000 + (Math.imul(i, 0x9e37_79b1) >>> 26));
    const timeMax = times.at(-1) ?? 0;
    const told = TIME_ENCODINGS.formsOf(times).flatMap(({ id, write }) => {
      const out = new ByteWriter();
      write(out);
      const read = (count: number, timeMax: number) => {
        const content = new ByteReader(out.toBytes(), 'block-invalid', 'BLOCK');
        return ascendingTimes(id, content, count, { timeMin: 0, timeMax });
      };
      return read(4096, timeMax) === undefined ? [] : [read];
    });
    t.ok(told.length > 0);
    for (const read of told) {
      t.equal(read(4096, timeMax)?.at(1234), times[1234]);
      t.throws(() => read(4096, timeMax + 1), /BLOCK-5.3/);
      t.throws(() => read(4080, timeMax), { code: 'block-invalid' });
    }
  },
);
