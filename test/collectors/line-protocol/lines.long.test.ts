/** A million bodies of line protocol, real and hostile: the same comes of them in one piece and split, in time and room that stay in proportion. */
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { FUZZ_RUNS, microsecondsEach, piecesOf } from '../../fuzz.ts';
import { LINE_CASES } from './cases.ts';
import { readLines } from './read-lines.ts';

/** Most CPU time that a body of some hundred bytes, read twice, may take on average, microseconds. */
const AVERAGE_US_MAX = 1_000;

const WIRES = LINE_CASES.map(({ line }) => Buffer.from(`${line}\n`)).filter((line) => line.length < 500);

const soup = fc
  .array(fc.constantFrom('a', 'b=1', ',', ' ', '=', '"', '\\', '\n', '\r', '#', '1', '-', 't', '9e9', 'i', '\u00ff'), {
    maxLength: 40,
  })
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

t.test('bodies give the same in one piece and split anywhere, and never stop the reader', async (t) => {
  const body = fc.array(fc.oneof(piecesOf(WIRES), soup), { maxLength: 5 }).map((pieces) => Buffer.concat(pieces));
  let runs = 0;
  const before = process.cpuUsage();
  fc.assert(
    fc.property(body, fc.nat(), fc.boolean(), (bytes, cut, stringsSpanLines) => {
      runs += 1;
      const whole = readLines(bytes, { stringsSpanLines });
      const split = readLines(bytes, { stringsSpanLines, splits: [cut % (bytes.length + 1)] });
      const lineFeeds = bytes.filter((byte) => byte === 0x0a).length;
      return isDeepStrictEqual(split, whole) && whole.lines + whole.faults.length <= lineFeeds + 1;
    }),
    { numRuns: FUZZ_RUNS },
  );
  const each = microsecondsEach(before, runs);
  t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
});
