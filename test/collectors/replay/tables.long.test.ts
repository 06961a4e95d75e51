/** A million damaged tables of loggers, whole and split: the same rows and damages come of each, and nothing throws. */
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { DamagedRows } from '../../../collectors/replay/damaged-rows.ts';
import { RecordingReader } from '../../../collectors/replay/recording-reader.ts';
import { damagedFile, FUZZ_RUNS, microsecondsEach, piecesOf } from '../../fuzz.ts';
import { aim, raceChrono } from './recordings.ts';

/** Most CPU time that a table of some hundred bytes, read twice, may take on average, microseconds. */
const AVERAGE_US_MAX = 2_000;

const TABLES = [
  Buffer.from(raceChrono(['10.5,3,1.25,31.5,1.2,,9,soft', '11,3,nan,"a ""b""",inf,,9,', '12,x,1,2,3,4,5,6'])),
  Buffer.from(aim([['0.050', '1.10', '2', '-3.5', '0', 'on'], ['0.100', '1', '2', '3', '4', '5'], ['x']])),
];

function read(pieces: readonly Uint8Array[]) {
  const damage = new DamagedRows();
  const reader = new RecordingReader(damage);
  const rows = pieces.flatMap((piece) => reader.feed(piece));
  rows.push(...reader.end());
  return { isUnknown: reader.isUnknown, rows, damaged: damage.list() };
}

t.test('whatever comes, in one piece and split', async (t) => {
  const pieces = fc.array(piecesOf(TABLES), { maxLength: 3 }).map((parts) => Buffer.concat(parts));
  const table = fc.oneof({ arbitrary: damagedFile(TABLES), weight: 4 }, { arbitrary: pieces, weight: 1 });
  let runs = 0;
  const before = process.cpuUsage();
  fc.assert(
    fc.property(table, fc.nat(), (bytes, cut) => {
      runs += 1;
      const at = cut % (bytes.length + 1);
      const whole = read([bytes]);
      return (
        isDeepStrictEqual(whole, read([bytes.subarray(0, at), bytes.subarray(at)])) && whole.rows.length <= bytes.length
      );
    }),
    { numRuns: FUZZ_RUNS },
  );
  const each = microsecondsEach(before, runs);
  t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
});
