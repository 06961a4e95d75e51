import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { recordingFormat } from '../../../../hardware/can/recording/recording-format.ts';
import { decodePieces } from './decode.ts';

const HEADS: readonly (readonly [head: string, format: string | undefined])[] = [
  ['(1.5) can0 123#11\n', 'candump'],
  ['  can0  123   [2]  11 22\n', 'candump'],
  ['# a comment\n# base hex\ninterface = can0, family = 29', 'candump'],
  ['', 'candump'],
  ['nothing that is known', 'candump'],
  ['date Mon Jul 26 10:14:02 pm 2021\nbase hex  timestamps absolute', 'asc'],
  ['// version 8.1.0\r\nBASE HEX TIMESTAMPS ABSOLUTE', 'asc'],
  ['\xef\xbb\xbfdate Mon', 'asc'],
  [';$FILEVERSION=1.1\r\n', 'trc'],
  ['\n;##########', 'trc'],
  ['LOGG\x90\0\0\0', 'blf'],
  ['MDF     4.11', 'mf4'],
  ['UnFinMF 4.11', 'mf4'],
  ['\xd4\xc3\xb2\xa1\x02\0\x04\0', 'pcap'],
  ['\xa1\xb2\x3c\x4d\0\x02\0\x04', 'pcap'],
  ['\x0a\x0d\x0d\x0a\x1c\0\0\0', 'pcapng'],
  ['\x7fELF\x02\x01\x01\0', undefined],
  ['\0\0\0\0', undefined],
];

t.test('the format is told by the first bytes', async (t) => {
  for (const [head, format] of HEADS)
    t.equal(recordingFormat(Buffer.from(head, 'latin1')), format, JSON.stringify(head));
});

for (const format of ['asc', 'blf', 'candump', 'pcap', 'pcapng', 'trc'] as const) {
  const starts: Readonly<Record<string, string>> = {
    blf: `4c4f474748000000${'00'.repeat(64)}`,
    pcap: 'd4c3b2a1020004000000000000000000000004 00e3000000'.replaceAll(' ', ''),
    pcapng: '0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000',
  };
  t.test(`any bytes behind the beginning of ${format} give frames or errors, and an end`, async () => {
    const start = Buffer.from(starts[format] ?? '', 'hex');
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.string({ maxLength: 60 }).map((text) => Buffer.from(`${text}\n`)),
      fc
        .constantFrom('LOBJ', '0.5 1 123 Rx d 1 ', '1) 1.0 Rx 0001 1 ', '(1.5) can0 123#', '\n')
        .map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const { lines } = decodePieces(format, [start, ...pieces]);
        return lines.every(({ id, length }) => id <= 0x1fffffff && length <= 64);
      }),
      { numRuns: 500 },
    );
  });
}
