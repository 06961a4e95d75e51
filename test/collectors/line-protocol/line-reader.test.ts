import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { ChannelTemplate } from '../../../collectors/line-protocol/channel-template.ts';
import { LINE_FAULTS_MAX, LineBody } from '../../../collectors/line-protocol/line-body.ts';
import { LINE_REASONS } from '../../../collectors/line-protocol/line-fault.ts';
import { LINE_BYTES_MAX, LineReader } from '../../../collectors/line-protocol/line-reader.ts';
import type { Precision } from '../../../collectors/line-protocol/precision.ts';
import { Field } from '../../../collectors/payload/field.ts';
import { SampleBatch } from '../../../collectors/payload/sample-batch.ts';
import { LINE_CASES } from './cases.ts';
import { lineOf, points, samplesOfPoints } from './points.ts';
import { newReader, readLines } from './read-lines.ts';

for (const { line, gives } of LINE_CASES) {
  const expected = typeof gives === 'string' ? gives : gives.map(([, , value]) => value).join(' ');
  t.test(`reads ${JSON.stringify(line)} as ${expected || 'nothing'}, alone and among others`, async (t) => {
    const alone = readLines(line);
    const among = readLines(`a b=1\n${line}\na b=2`);
    if (typeof gives !== 'string') {
      t.strictSame(alone, { samples: gives, faults: [], lines: gives.length === 0 ? 0 : 1 });
      t.strictSame(among.samples, [['a/b', undefined, 1], ...gives, ['a/b', undefined, 2]]);
      return;
    }
    t.strictSame(alone.samples, []);
    t.equal(alone.faults.length, 1);
    t.match(alone.faults[0], `: ${LINE_REASONS[gives]} (line 1)`);
    t.strictSame(among.samples, [
      ['a/b', undefined, 1],
      ['a/b', undefined, 2],
    ]);
    t.equal(among.faults.length, 1);
    t.match(among.faults[0], '(line 2)');
  });
}

const times: [precision: Precision, digits: string, time: number][] = [
  ['ns', '1700000000000000499', 1_700_000_000_000_000],
  ['ns', '9007199254740991499', Number.MAX_SAFE_INTEGER],
  ['us', '1700000000000001', 1_700_000_000_000_001],
  ['ms', '1700000000001', 1_700_000_000_001_000],
  ['s', '1700000000', 1_700_000_000_000_000],
  ['m', '28333333', 1_699_999_980_000_000],
  ['h', '472222', 1_699_999_200_000_000],
];
for (const [precision, digits, time] of times) {
  t.test(`reads the time ${digits} in ${precision}`, async (t) => {
    t.strictSame(readLines(`a b=1 ${digits}`, { precision }).samples, [['a/b', time, 1]]);
  });
}

t.test('names each bad line with number and reason, and keeps the lines around it', async (t) => {
  const { samples, faults } = readLines('a x=1\na x=\n\n# c\na s="1\n2"\na x=3,y=z 5\na x=4');
  t.strictSame(
    samples.map(([, , value]) => value),
    [1, '1\n2', 4],
  );
  t.strictSame(faults, [
    "unable to parse 'a x=': a field without key or value (line 2)",
    "unable to parse 'a x=3,y=z 5': a value is neither float, integer, boolean nor quoted string (line 7)",
  ]);
});

t.test('a quote too many costs its line, not those behind it', async (t) => {
  const { samples, faults } = readLines('a x=1\na s="open\na x=2\na s="shut"\na x=3');
  t.strictSame(samples, [
    ['a/x', undefined, 1],
    ['a/x', undefined, 2],
    ['a/s', undefined, 'shut'],
    ['a/x', undefined, 3],
  ]);
  t.equal(faults.length, 1);
});

t.test('a line feed ends a quoted string where the wire is one of single lines', async (t) => {
  const { samples, faults } = readLines('a s="one\ntwo",x=1\na x=2', { stringsSpanLines: false });
  t.strictSame(samples, [['a/x', undefined, 2]]);
  t.strictSame(
    faults.map((fault) => fault.slice(-8)),
    ['(line 1)', '(line 2)'],
  );
});

t.test('refuses what is not UTF-8', async (t) => {
  for (const line of ['a\xff x=1', 'a x\xff=1', 'a x="\xff"']) {
    const { samples, faults } = readLines(Buffer.from(line, 'latin1'));
    t.strictSame(samples, []);
    t.match(faults[0], 'not UTF-8');
  }
});

t.test('a line beyond its bound is left out, whole or in pieces, and what stands behind it is kept', async (t) => {
  const fits = `a s="${'x'.repeat(LINE_BYTES_MAX - 6)}"`;
  for (const [line, good] of [
    [fits, true],
    [`${fits} `, false],
  ] as const) {
    const text = `${line}\na x=2`;
    const whole = readLines(text);
    t.equal(whole.samples.length, good ? 2 : 1);
    t.equal(whole.faults.length, good ? 0 : 1);
    for (const splits of [[1000], [LINE_BYTES_MAX - 1], [LINE_BYTES_MAX], [LINE_BYTES_MAX + 1], [LINE_BYTES_MAX + 2]]) {
      t.strictSame(readLines(text, { splits }), whole, `split at ${splits}`);
    }
  }
});

t.test('bad lines are told one by one up to a bound, and all are counted', async (t) => {
  const body = new LineBody('ns');
  newReader().read(Buffer.from('a\n'.repeat(LINE_FAULTS_MAX + 50)), true, body, new SampleBatch());
  t.equal(body.faults.length, LINE_FAULTS_MAX);
  t.equal(body.bad, LINE_FAULTS_MAX + 50);
  t.strictSame([...body.faultCounts], [['line-fields', LINE_FAULTS_MAX + 50]]);
});

t.test('fields that are missing, new or in another order are found', async (t) => {
  const reader = newReader();
  const text = 'a x=1,y=2,z=3\na x=4,z=5\na z=6,x=7\nb q=1\na y=8,new=9\na x=1,y=2,z=3,new=4';
  for (let round = 0; round < 2; round++) {
    t.strictSame(readLines(text, {}, reader).samples, readLines(text).samples, `round ${round}`);
  }
});

t.test('tells its owner of every series and field it remembers, once', async (t) => {
  let made = 0;
  const reader = new LineReader(new Field('', () => {}), new ChannelTemplate(), () => made++);
  for (let round = 0; round < 3; round++) readLines('a,t=1 x=1,y=2\na,t=2 x=1', {}, reader);
  t.equal(made, 5);
});

t.test('floats are those of JavaScript, to the last bit', async (t) => {
  const float = fc.double({ noNaN: true, noDefaultInfinity: true });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.oneof(
          float,
          fc.integer(),
          float.map((value) => Number(value.toFixed(3))),
        ),
        (value) => {
          const samples = readLines(`a x=${value}`).samples;
          return samples[0]?.[2] === value;
        },
      ),
      { numRuns: 2000 },
    ),
  );
});

t.test('reads back what was written, in one piece and split anywhere', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(points(5), fc.infiniteStream(fc.nat()), (met, numbers) => {
        const written = Buffer.from(met.map(lineOf).join('\n'));
        const expected = samplesOfPoints(met);
        const cut = numbers.next().value % (written.length + 1);
        for (const splits of [[], [cut], Array.from(written, (_, at) => at)]) {
          const { samples, faults } = readLines(written, { precision: 'us', splits });
          if (faults.length > 0 || !isDeepStrictEqual(samples, expected)) return false;
        }
        return true;
      }),
      { numRuns: 300 },
    ),
  );
});

t.test('every case gives the same in one piece, split anywhere, and a byte at a time', async (t) => {
  const all = LINE_CASES.map(({ line }) => line).join('\n');
  const whole = readLines(all);
  const bytes = Buffer.from(all);
  t.strictSame(readLines(all, { splits: Array.from(bytes, (_, at) => at) }), whole);
  for (const { line } of LINE_CASES) {
    const text = Buffer.from(`${line}\nb x=1 5\n`);
    const alone = readLines(text);
    for (let at = 0; at <= text.length; at++) {
      const split = readLines(text, { splits: [at] });
      if (!isDeepStrictEqual(split, alone)) t.strictSame(split, alone, `${line} split at ${at}`);
    }
  }
});

const soup = fc
  .array(fc.constantFrom('a', 'b=1', ',', ' ', '=', '"', '\\', '\n', '\r', '#', '1', '-', 't', '9e9', 'i', '\u00ff'), {
    maxLength: 60,
  })
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

t.test('any bytes give the same in one piece and split anywhere, and never stop it', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(soup, fc.nat(), fc.boolean(), (bytes, cut, stringsSpanLines) => {
        const whole = readLines(bytes, { stringsSpanLines });
        const split = readLines(bytes, { stringsSpanLines, splits: [cut % (bytes.length + 1)] });
        const single = readLines(bytes, { stringsSpanLines, splits: Array.from(bytes, (_, at) => at) });
        return isDeepStrictEqual(split, whole) && isDeepStrictEqual(single, whole);
      }),
      { numRuns: 1000 },
    ),
  );
});
