import fc from 'fast-check';
import t from 'tap';
import { decimalsOf, parseNumber, parseSeconds } from '../../../collectors/replay/decimal.ts';

const NUMBERS: [text: string, value: number | undefined][] = [
  ['0', 0],
  ['-0.0000', -0],
  ['+1.5', 1.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1e3', 1000],
  ['-1.5E-2', -0.015],
  ['NaN', Number.NaN],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['', undefined],
  [' ', undefined],
  ['.', undefined],
  ['0x10', undefined],
  ['1,5', undefined],
  ['1 ', undefined],
  ['1e', undefined],
  ['--1', undefined],
  ['on', undefined],
];

t.test('what is a number, and which', async (t) => {
  for (const [text, value] of NUMBERS) t.ok(Object.is(parseNumber(text), value), JSON.stringify(text));
});

t.test('every double comes back from its digits', async () => {
  fc.assert(fc.property(fc.double(), (value) => Object.is(parseNumber(String(value)), value === 0 ? 0 : value)));
});

const TIMES: [text: string, us: number | undefined][] = [
  ['0', 0],
  ['0.000', 0],
  ['1767150797.44', 1_767_150_797_440_000],
  ['1767150881.711', 1_767_150_881_711_000],
  ['9007199254.740991', Number.MAX_SAFE_INTEGER],
  ['9007199254.740992', undefined],
  ['88.950', 88_950_000],
  ['1.0000005', 1_000_001],
  ['1.', 1_000_000],
  ['-0.5', -500_000],
  ['', undefined],
  ['12345678901', undefined],
  ['1e9', undefined],
  ['nan', undefined],
  ['12:30', undefined],
];

t.test('seconds become whole microseconds by the digits that are written', async (t) => {
  for (const [text, us] of TIMES) t.equal(parseSeconds(text), us, JSON.stringify(text));
  fc.assert(
    fc.property(fc.maxSafeNat(), (us) => {
      const digits = String(us).padStart(7, '0');
      return parseSeconds(`${digits.slice(0, -6)}.${digits.slice(-6)}`) === us;
    }),
  );
});

t.test('digits behind the point', async (t) => {
  const cases: [string, number][] = [
    ['12', 0],
    ['1.50', 2],
    ['-0.0000', 4],
    ['1.5e-3', 4],
    ['1.5e3', 0],
    ['nan', 0],
  ];
  for (const [text, decimals] of cases) t.equal(decimalsOf(text), decimals, text);
});
