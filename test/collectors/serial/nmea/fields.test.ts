import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { Fields } from '../../../../collectors/serial/nmea/fields.ts';

/** What is read of the first field behind the address, and whether it is bad. */
function read<Value>(text: string, of: (fields: Fields) => Value): { value: Value; isBad: boolean } {
  const bytes = Buffer.from(`GPXXX,${text}`, 'latin1');
  const fields = new Fields();
  fields.take(bytes, 0, bytes.length);
  const value = of(fields);
  return { value, isBad: fields.isBad };
}

const digits = (alphabet: string, maxLength: number) =>
  fc.array(fc.constantFrom(...alphabet), { minLength: 1, maxLength }).map((chars) => chars.join(''));

t.test('a number is the one that JavaScript reads, to the last bit', async (t) => {
  const written = fc.oneof(
    digits('0123456789.+-e ', 8),
    fc.tuple(digits('0123456789', 9), digits('0123456789', 9)).map(([whole, decimals]) => `-${whole}.${decimals}`),
    digits('0123456789.', 24),
  );
  fc.assert(
    fc.property(written, (text) => {
      const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text);
      const expected = isNumber ? { value: Number(text), isBad: false } : { value: undefined, isBad: true };
      t.same(
        read(text, (fields) => fields.number(1)),
        expected,
        text,
      );
    }),
    { numRuns: 2000 },
  );
});

t.test('a time of day is what its pattern says', async (t) => {
  const written = fc.oneof(digits('0123456789.', 10), fc.stringMatching(/^[0-2]\d[0-6]\d[0-6]\d(\.\d{0,8})?$/));
  fc.assert(
    fc.property(written, (text) => {
      const [, hours = '', minutes = '', seconds = '', fraction = ''] =
        /^(\d\d)(\d\d)(\d\d)(?:\.(\d*))?$/.exec(text) ?? [];
      const isTime = hours !== '' && Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) <= 60;
      const micros = Number(fraction.slice(0, 6).padEnd(6, '0'));
      const value = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1e6 + micros;
      t.same(
        read(text, (fields) => fields.timeOfDay(1)),
        isTime ? { value, isBad: false } : { value: undefined, isBad: true },
        text,
      );
    }),
    { numRuns: 2000 },
  );
});

t.test('a coordinate is degrees and minutes', async (t) => {
  const written = fc.oneof(digits('0123456789.', 9), fc.stringMatching(/^\d{3,5}(\.\d{0,8})?$/));
  fc.assert(
    fc.property(written, fc.constantFrom('N', 'S', 'X'), (text, side) => {
      const match = /^(\d{1,3})(\d\d(?:\.\d*)?)$/.exec(text);
      const degrees = Number(match?.[1]) + Number(match?.[2]) / 60;
      const isGood = match !== null && side !== 'X' && Number(match[2]) < 60 && degrees <= 90;
      const value = side === 'N' ? degrees : -degrees;
      const expected = isGood ? { value, isBad: false } : { value: undefined, isBad: true };
      t.same(
        read(`${text},${side}`, (fields) => fields.latitude(1)),
        expected,
        text,
      );
    }),
    { numRuns: 2000 },
  );
});

t.test('fields are told apart, and those that are missing are empty', async (t) => {
  const told = read('a,,bc,', (fields) => [fields.count, ...[0, 1, 2, 3, 4, 5].map((index) => fields.text(index))]);
  t.same(told.value, [5, 'GPXXX', 'a', '', 'bc', '', '']);
  t.same(
    read('', (fields) => [fields.number(1), fields.number(9), fields.timeOfDay(1), fields.latitude(1)]),
    {
      value: [undefined, undefined, undefined, undefined],
      isBad: false,
    },
  );
});
