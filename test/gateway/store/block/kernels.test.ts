import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { formsOfIntegers } from '../../../../gateway/store/block/integer-forms.ts';
import { decodeIntegers } from '../../../../gateway/store/block/integers.ts';
import { column, kernels } from '../../../../gateway/store/block/kernels/kernels.ts';
import { PREDICTIONS } from '../../../../gateway/store/block/prediction.ts';
import { ByteReader, ByteWriter } from '../../../../gateway/store/bytes.ts';
import { PROJECT_ROOT } from '../../../data-dir.ts';
import { compileKernels, EMBEDDED_PATH } from '../../../generated-kernels.ts';
import { type RunParts, referenceIntegers, referencePlanes } from './reference-run.ts';

t.test('the embedded kernels are what their source compiles to: `npm run kernels` writes them anew', async (t) => {
  t.equal(readFileSync(join(PROJECT_ROOT, EMBEDDED_PATH), 'utf8'), await compileKernels());
});

/** A cheap repeatable source of whole numbers below `below`. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const runs = fc
  .record({
    prediction: fc.constantFrom(...PREDICTIONS),
    width: fc.nat(34),
    count: fc.oneof(fc.nat(70), fc.nat(4000)),
    seed: fc.nat(),
    base: fc.integer({ min: -(2 ** 30), max: 2 ** 30 }),
    step: fc.integer({ min: -1000, max: 1000 }),
  })
  .map(({ prediction, width, count, seed, base, step }) => {
    const random = randomFrom(seed);
    const residuals = Array.from({ length: count }, () =>
      random(2 ** Math.min(width, prediction === 'delta2' ? 22 : 34)),
    );
    const run: RunParts = { prediction, base, step: prediction === 'grid' ? step / 7 : step, residuals };
    return { run, width };
  });

t.test('reads a run of any prediction and width as the specification says', async () => {
  fc.assert(
    fc.property(runs, ({ run, width }) => {
      const expected = referenceIntegers(run);
      const met = decodeIntegers(new ByteReader(bytesOf(run, width), 'block-invalid', 'BLOCK'), expected.length);
      return expected.every((integer, i) => Object.is(integer + 0, met[i]));
    }),
    { numRuns: 400 },
  );
});

t.test('every form of a run that is weighed gives back its integers', async () => {
  fc.assert(
    fc.property(runs, ({ run }) => {
      const integers = Float64Array.from(referenceIntegers(run));
      if (integers.length === 0) return true;
      return formsOfIntegers(integers).every(({ write }) => {
        const out = new ByteWriter();
        write(out);
        const input = new ByteReader(out.toBytes(), 'block-invalid', 'BLOCK');
        return (
          decodeIntegers(input, integers.length).every((integer, i) => integer === integers[i]) && input.remaining === 0
        );
      });
    }),
    { numRuns: 150 },
  );
});

t.test('tells whether a column ascends, wherever it does not', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 40 }),
      fc.boolean(),
      (steps, sorted) => {
        const times = sorted ? steps.toSorted((a, b) => a - b) : steps;
        // What stands behind the column must not count.
        column.set([...times, -100]);
        return (
          (kernels.ascends(times.length) === 1) === times.every((time, i) => i === 0 || time >= (times[i - 1] ?? 0))
        );
      },
    ),
    { numRuns: 400 },
  );
});

function bytesOf({ prediction, base, step, residuals }: RunParts, width: number): Uint8Array {
  const out = new ByteWriter();
  out.u8(PREDICTIONS.indexOf(prediction));
  out.signed(base);
  if (prediction === 'grid') out.f64(step);
  else if (prediction !== 'plain') out.signed(step);
  out.u8(width);
  out.bytes(referencePlanes(residuals, width));
  return out.toBytes();
}
