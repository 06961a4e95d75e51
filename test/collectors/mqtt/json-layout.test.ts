import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { learnLayout } from '../../../collectors/mqtt/payload/learn-layout.ts';
import { Field } from '../../../collectors/payload/field.ts';
import { SampleBatch } from '../../../collectors/payload/sample-batch.ts';
import { decoderOf, type Rule, read, reasonOf } from './read-message.ts';

/** A number as a device may write it. */
const number = fc.oneof(
  fc.integer().map(String),
  fc.maxSafeInteger().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.nat(20)).map(([value, digits]) => value.toFixed(digits)),
  fc
    .tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(20))
    .map(([value, digits]) => value.toExponential(digits)),
  fc.tuple(fc.nat(), fc.integer({ min: -400, max: 400 })).map(([mantissa, power]) => `${mantissa}E${power}`),
  fc.stringMatching(/^-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?$/),
  fc.constantFrom(
    '0',
    '-0',
    '-0.0',
    '0e0',
    '9007199254740993',
    '999999999999999',
    '0.000000000000001',
    '5e-324',
    '1.7976931348623157e308',
  ),
);

/** What is nearly a number, or another value. */
const odd = fc.constantFrom(
  '01',
  '1.',
  '.5',
  '-',
  '+1',
  '1e',
  '1e+',
  '0x1',
  'NaN',
  '-01',
  '1 2',
  'tru',
  '"a',
  '"a"b',
  '{}',
  '[1]',
);
const word = fc.constantFrom('true', 'false', 'null', '"text"', '""', '"\\u0041"', '"\u00e9"', '"a\\"b"', '"tab\t"');
const scalar = fc.oneof(
  { arbitrary: number, weight: 6 },
  { arbitrary: word, weight: 2 },
  { arbitrary: odd, weight: 1 },
);

/** A text with as many values as it has `@`. */
const FORMS = [
  '{"a":@,"b":@,"c":@}',
  '{ "a" : @ ,\n "b" : [ @ , @ , { "x" : @ } ] }\n',
  '[@,@,[@]]',
  '{"a":{"b":{"c":@}},"\\u00e9 \\"q\\"":@,"":@}',
  '{"a":@,"a":@}',
  '{"2":@,"1":@,"a":@}',
  '{"a":{},"b":[],"c":@,"__proto__":@}',
  '{"at":@,"a":@}',
  '{"a":@,"at":@,"deep":{"at":@}}',
] as const;

const RULES: readonly Omit<Rule, 'filter'>[] = [
  { payload: 'json' },
  {},
  { payload: 'json', timestamp: { field: 'at', unit: 's' } },
  { payload: 'json', timestamp: { field: 'deep/at', unit: 'ms' } },
];

/** What is read of `text`, and by which reason not. */
function outcomeOf(text: string, rule: Omit<Rule, 'filter'>, decoder = decoderOf({ filter: '#', ...rule })): unknown {
  let samples: unknown;
  const reason = reasonOf(() => {
    samples = read(text, rule, decoder);
  });
  return reason ?? samples;
}

t.test('a topic whose messages are alike is read as JSON.parse would read each, bit for bit', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...FORMS),
      fc.constantFrom(...RULES),
      fc.array(fc.array(scalar, { minLength: 4, maxLength: 4 }), { minLength: 2, maxLength: 6 }),
      (form, rule, rounds) => {
        const decoder = decoderOf({ filter: '#', ...rule });
        for (const values of rounds) {
          let at = 0;
          const text = form.replaceAll('@', () => values[at++ % values.length] ?? '');
          if (!isDeepStrictEqual(outcomeOf(text, rule, decoder), outcomeOf(text, rule))) return false;
        }
        return true;
      },
    ),
    { numRuns: 3000 },
  );
});

t.test('every number that a known layout reads is the one that JSON.parse gives', async () => {
  const root = new Field('a', () => {});
  const layout = learnLayout(Buffer.from('{"a":1}'), root, 'arrival');
  const batch = new SampleBatch();
  fc.assert(
    fc.property(number, (text) => {
      batch.clear();
      const isRead = layout?.read(Buffer.from(`{"a":${text}}`), batch);
      return isRead === true && batch.count === 1 && Object.is(batch.values[0], JSON.parse(text));
    }),
    { numRuns: 20_000 },
  );
});

t.test('a layout reads what is like it, and refuses the rest without a trace', async (t) => {
  const learn = (text: string) => learnLayout(Buffer.from(text), new Field('a', () => {}), 'arrival');
  const batch = new SampleBatch();
  const layout = learn('{"a":1,"b":"x"}');
  t.ok(layout?.read(Buffer.from('{"a":-2.5,"b":true}'), batch));
  t.same([batch.count, batch.values[0], batch.values[1]], [2, -2.5, 1]);
  for (const other of [
    '{"a":1,"b":1',
    '{"a":1,"b":1}}',
    '{"a":1,"c":1}',
    '{"a":01,"b":1}',
    '{"a":1,"b":"\\n"}',
    '',
    '{"a":',
  ]) {
    batch.clear();
    t.equal(layout?.read(Buffer.from(other), batch), false, other);
    t.same([batch.count, batch.slots], [0, 0], other);
  }
  for (const none of ['{"a":1,"a":2}', '{"a":1,"7":2}']) t.equal(learn(none), undefined, none);
});
