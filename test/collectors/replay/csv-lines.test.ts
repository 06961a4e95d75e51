import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { CsvLines, LINE_BYTES_MAX, splitCells } from '../../../collectors/replay/csv-lines.ts';

type Event = readonly string[] | string;

/** Feeds the pieces; returns cells and reasons by line number. */
function read(pieces: readonly Uint8Array[]): [number, Event][] {
  const events: [number, Event][] = [];
  const csv = new CsvLines({
    cells: (cells, line) => events.push([line, [...cells]]),
    damaged: (reason, line) => events.push([line, reason]),
  });
  for (const piece of pieces) csv.feed(piece);
  csv.end();
  return events;
}

const readText = (text: string) => read([Buffer.from(text)]);

const CELLS: [text: string, cells: string[] | undefined][] = [
  ['', ['']],
  ['a,b', ['a', 'b']],
  ['a,,', ['a', '', '']],
  ['"a","b"', ['a', 'b']],
  ['"a, b",c', ['a, b', 'c']],
  ['"say ""no""",', ['say "no"', '']],
  ['"",""', ['', '']],
  ['""""', ['"']],
  ['5" pipe,1', ['5" pipe', '1']],
  ['"open,1', undefined],
  ['"a"b,1', undefined],
  ['1,"', undefined],
  ['"""', undefined],
];

for (const [text, cells] of CELLS) {
  t.test(`cells of ${JSON.stringify(text)}`, async (t) => t.same(splitCells(text), cells));
}

t.test('any cells survive being quoted', async (t) => {
  const cell = fc.string().filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1 }), (cells) => {
      const line = cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(',');
      t.same(splitCells(line), cells);
    }),
  );
});

t.test('lines end with LF or CRLF, the last one may have no end', async (t) => {
  t.same(readText('a,b\r\n\nc\n'), [
    [1, ['a', 'b']],
    [2, ['']],
    [3, ['c']],
  ]);
  t.same(readText('a\nb'), [
    [1, ['a']],
    [2, ['b']],
  ]);
  t.same(readText(''), []);
});

t.test('a byte order mark is no part of the first cell', async (t) => {
  t.same(readText('\ufeff"a",b\n\ufeffc'), [
    [1, ['a', 'b']],
    [2, ['\ufeffc']],
  ]);
});

t.test('a line that is no UTF-8 is Latin-1', async (t) => {
  t.same(read([Buffer.from('°C\n'), Buffer.from([0xb0, 0x43, 0x0a])]), [
    [1, ['°C']],
    [2, ['°C']],
  ]);
});

t.test('a quote too many costs its line, not the rest', async (t) => {
  t.same(readText('1,"2\n3,4\n'), [
    [1, 'bad-quotes'],
    [2, ['3', '4']],
  ]);
});

t.test('a line may be as long as the maximum, not longer', async (t) => {
  const longest = 'x'.repeat(LINE_BYTES_MAX);
  for (const chop of [1000, LINE_BYTES_MAX * 4]) {
    const text = Buffer.from(`${longest}\n${longest}y\nz\n`);
    const pieces = Array.from({ length: Math.ceil(text.length / chop) }, (_, n) =>
      text.subarray(n * chop, (n + 1) * chop),
    );
    t.same(read(pieces), [
      [1, [longest]],
      [2, 'line-too-long'],
      [3, ['z']],
    ]);
  }
  t.same(readText(`${longest}y`), [[1, 'line-too-long']]);
});

t.test('however it is chopped, the same lines come out', async (t) => {
  const text = Buffer.from('\ufeffa,"b ""°"" c"\r\n\r\n"open,1\n-1.5,ü\nlast,');
  const whole = read([text]);
  t.equal(whole.length, 5);
  for (let at = 0; at <= text.length; at += 1) t.same(read([text.subarray(0, at), text.subarray(at)]), whole);
  t.same(read([...text].map((byte) => Uint8Array.of(byte))), whole);
});
