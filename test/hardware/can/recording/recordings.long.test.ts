/** A million damaged recordings of CAN frames through every decoder: frames, errors and an end come of each, the same in one piece and split. */
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import type { RecordingFormat } from '../../../../hardware/can/recording/recording-format.ts';
import { damagedFile, FUZZ_RUNS, microsecondsEach, piecesOf } from '../../../fuzz.ts';
import { blfFile, fdMessage64, message, object } from './blf-file.ts';
import { damagedMf4, readDamaged } from './damaged-mf4.ts';
import { type Decoded, decodePieces } from './decode.ts';
import { pcap, pcapng } from './pcap-file.ts';

/** Most CPU time that a recording of some hundred bytes, decoded twice, may take on average, microseconds. */
const AVERAGE_US_MAX = 2_000;

const OBJECTS = Buffer.concat([
  object(1, message(1, 0, 2, 0x123, '1122'), 1_234_567n, 1),
  object(86, message(2, 1, 8, 0x80000123, '1122334455667788'), 999n),
  object(65, Buffer.from('a text'), 5n),
  object(101, fdMessage64(5, 0x3000, 16, 'cd'.repeat(16)), 7n),
  object(73, message(1, 0, 0, 0, ''), 8n),
]);

const PACKETS = ['00000123020000001122', '99f0142b080000000f37373138312020', '20000004080000000001000000000000'].map(
  (hex) => Buffer.from(hex, 'hex'),
);

const ASC = `date Mon Jul 26 10:14:02.300 pm 2021
base hex  timestamps absolute
Begin Triggerblock Mon Jul 26 10:14:02.300 pm 2021
   0.017701 1  7E8             Rx   d 8 04 41 11 25 00 00 00 00
  2.5009 2  18EBFF00x       Rx   d 2 01 A0  Length = 273910
1.5 3  ErrorFrame
`;

const TRC = `;$FILEVERSION=1.1
;$STARTTIME=42208.7577760301
     1)      1059.9  Rx         0300  7  00 00 00 00 04 00 00
     2)      1283.2  Rx     18EFC034  8  39 00 00 00 00 00 00 00
`;

const CANDUMP = `(1533226488.230547) can0 260#08FFFB0000001884
(1701363725.986550) can1 18F75E89#FF3528
(1701363725.9) can1 123##1AABBCC
(1701363725.9) can1 123#R4
 (2021-07-26 03:14:14.298301)  can0  123   [2]  11 22
`;

/** What a recording gives: its frames and errors, or why it cannot be read further. Anything else that is thrown is a defect. */
function outcomeOf(work: () => Decoded): Decoded | string {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && error.constructor === Error) return error.message;
    throw error;
  }
}

type Streamed = Exclude<RecordingFormat, 'mf4'>;

const FILES: Readonly<Record<Streamed, readonly Buffer[]>> = {
  asc: [Buffer.from(ASC)],
  blf: [blfFile(OBJECTS, 1e6, 2), blfFile(OBJECTS, 40, 0), blfFile(OBJECTS, 60, 2)],
  candump: [Buffer.from(CANDUMP)],
  pcap: [pcap(true, false, PACKETS), pcap(false, true, PACKETS)],
  pcapng: [pcapng(true, PACKETS, 9), pcapng(false, PACKETS, 138), pcapng(true, PACKETS)],
  trc: [Buffer.from(TRC)],
};

for (const [name, files] of Object.entries(FILES)) {
  const format = name as Streamed;
  t.test(`${format}: whatever comes, in one piece and split`, async (t) => {
    const pieces = fc.array(piecesOf(files), { maxLength: 3 }).map((parts) => Buffer.concat(parts));
    const damaged = fc.oneof({ arbitrary: damagedFile(files), weight: 4 }, { arbitrary: pieces, weight: 1 });
    const clean = decodePieces(format, [files[0] ?? Buffer.alloc(0)]);
    t.ok(clean.lines.length >= 2, 'what is damaged was whole');
    let runs = 0;
    const before = process.cpuUsage();
    fc.assert(
      fc.property(damaged, fc.nat(), (bytes, cut) => {
        runs += 1;
        const whole = outcomeOf(() => decodePieces(format, [bytes]));
        const at = cut % (bytes.length + 1);
        const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
        const split = outcomeOf(() => decodePieces(format, pieces, { capacity: 3 }));
        if (!isDeepStrictEqual(whole, split)) return false;
        return typeof whole === 'string' || whole.lines.length <= bytes.length;
      }),
      { numRuns: FUZZ_RUNS },
    );
    const each = microsecondsEach(before, runs);
    t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
  });
}

t.test('mf4: whatever is damaged', async (t) => {
  let runs = 0;
  const before = process.cpuUsage();
  await fc.assert(
    fc.asyncProperty(damagedMf4(), async (bytes) => {
      runs += 1;
      return ((await readDamaged(bytes))?.lines.length ?? 0) <= bytes.length;
    }),
    { numRuns: FUZZ_RUNS },
  );
  const each = microsecondsEach(before, runs);
  t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
});
