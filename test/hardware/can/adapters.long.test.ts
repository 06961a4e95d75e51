/** A million pieces of what CAN adapters and daemons send, real and hostile: the same frames and errors come of them in one piece and split. */
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { FRAME_BYTES_MAX, FrameBatch } from '../../../hardware/can/can-frame.ts';
import { SlcanDecoder } from '../../../hardware/can/slcan.ts';
import { SocketcandDecoder } from '../../../hardware/can/socketcand.ts';
import { FUZZ_RUNS, microsecondsEach, piecesOf } from '../../fuzz.ts';

/** Most CPU time that an input of some hundred bytes, decoded twice, may take on average, microseconds. */
const AVERAGE_US_MAX = 1_000;

interface Decoder {
  readonly errors: Readonly<Record<string, number>>;
  decode(bytes: Uint8Array, at: number, batch: FrameBatch): number;
}

const DECODERS: Readonly<
  Record<string, { make: (say: (answer: unknown) => void) => Decoder; wires: readonly string[] }>
> = {
  slcan: {
    make: () => new SlcanDecoder(),
    wires: [
      't12380011223344556677\r',
      'T1ABCDEF82AABB\r',
      'r1230\r',
      'd1239112233445566778899AABB\r',
      'z\r',
      '\x07',
      'V1013\r',
      'e1f\r',
    ],
  },
  socketcand: {
    make: (say) => new SocketcandDecoder(say),
    wires: [
      '< hi >',
      '< ok >',
      '< frame 123 23.424242 11223344 >',
      '< frame 1ABCDEF8 23.424242 AA >',
      '< rtr 123 23.424242 4 >',
      '< error 004 23.424242 >',
      '< error could not open >',
    ],
  },
};

function decoded(make: (say: (answer: unknown) => void) => Decoder, pieces: readonly Uint8Array[], capacity: number) {
  const answers: unknown[] = [];
  const decoder = make((answer) => answers.push(answer));
  const frames: string[] = [];
  const batch = new FrameBatch(capacity);
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      batch.clear();
      const next = decoder.decode(piece, at, batch);
      if (next <= at) throw new Error(`no way on from byte ${at}`);
      at = next;
      for (let i = 0; i < batch.count; i += 1) {
        const data = batch.data.subarray(i * FRAME_BYTES_MAX, i * FRAME_BYTES_MAX + (batch.lengths[i] ?? 0));
        frames.push(`${batch.ids[i]} ${batch.flags[i]} ${Buffer.from(data).toString('hex').length}`);
      }
    }
  }
  return { frames, answers, errors: { ...decoder.errors } };
}

for (const [name, { make, wires }] of Object.entries(DECODERS)) {
  t.test(`${name}: whatever comes, in one piece and split`, async (t) => {
    const wire = piecesOf(wires.map((text) => Buffer.from(text, 'latin1')));
    const input = fc.array(wire, { maxLength: 8 }).map((parts) => Buffer.concat(parts));
    let runs = 0;
    const before = process.cpuUsage();
    fc.assert(
      fc.property(input, fc.nat(), (bytes, cut) => {
        runs += 1;
        const at = cut % (bytes.length + 1);
        const whole = decoded(make, [bytes], 16);
        return isDeepStrictEqual(whole, decoded(make, [bytes.subarray(0, at), bytes.subarray(at)], 2));
      }),
      { numRuns: FUZZ_RUNS },
    );
    const each = microsecondsEach(before, runs);
    t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
  });
}
