/** A million pieces of what CAN adapters and daemons send, real and hostile: the same frames and errors come of them in one piece and split. */
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { ReasonCounts } from '../../../hardware/can/can-bus.ts';
import { FrameBatch } from '../../../hardware/can/can-frame.ts';
import { candumpText } from '../../../hardware/can/candump-frame.ts';
import { GvretDecoder } from '../../../hardware/can/gvret/gvret.ts';
import { SlcanDecoder } from '../../../hardware/can/slcan.ts';
import { SocketcandDecoder } from '../../../hardware/can/socketcand.ts';
import { FUZZ_RUNS, microsecondsEach, piecesOf } from '../../fuzz.ts';
import { gvretFrame } from './gvret-adapter.ts';

/** Most CPU time that an input of some hundred bytes, decoded twice, may take on average, microseconds. */
const AVERAGE_US_MAX = 1_000;

interface Decoder {
  readonly errors: Readonly<Record<string, number>>;
  /** Reads a piece; `take` is called for each batch that has frames. */
  decode(piece: Uint8Array, batch: FrameBatch, take: () => void): void;
}

type MakeDecoder = (say: (answer: unknown) => void) => Decoder;

const DECODERS: Readonly<Record<string, { make: MakeDecoder; wires: readonly string[] }>> = {
  slcan: {
    make: () => inPlace(new SlcanDecoder()),
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
    make: (say) => inPlace(new SocketcandDecoder(say)),
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
  gvret: {
    make: (say) => {
      const reasons = new ReasonCounts();
      const decoder = new GvretDecoder(reasons, say);
      return {
        errors: reasons.counts,
        decode(piece, batch, take) {
          decoder.feed(piece);
          for (let isMore = true; isMore; batch.clear()) {
            isMore = decoder.read(batch);
            take();
          }
        },
      };
    },
    wires: [
      gvretFrame({ bus: 0, id: 0x123, data: Uint8Array.of(0xaa, 0xbb), time: 10_000 }),
      gvretFrame({ bus: 1, id: 0x18fef100, extended: true, data: new Uint8Array(8).fill(0xf1), time: 10_001 }),
      gvretFrame({ bus: 1, id: 0x123, fd: true, data: new Uint8Array(12), time: 10_002 }),
      Buffer.of(0xf1, 0x09, 0xde, 0xad, 0xf1, 0x0c, 2, 0xf1, 0x07, 0x6b, 2, 0x20, 0, 0, 0),
      Buffer.of(0xf1, 0x06, 1, 0x20, 0xa1, 7, 0, 0x10, 0x48, 0xe8, 1, 0, 0xf1, 1, 1, 2, 3, 4),
    ].map((bytes) => bytes.toString('latin1')),
  },
};

/** A decoder that is asked to go on where it stopped in a piece. */
function inPlace(decoder: SlcanDecoder | SocketcandDecoder): Decoder {
  return {
    errors: decoder.errors,
    decode(piece, batch, take) {
      for (let at = 0; at < piece.length; ) {
        batch.clear();
        const next = decoder.decode(piece, at, batch);
        if (next <= at) throw new Error(`no way on from byte ${at}`);
        at = next;
        take();
      }
    },
  };
}

function decoded(make: MakeDecoder, pieces: readonly Uint8Array[], capacity: number) {
  const answers: unknown[] = [];
  const decoder = make((answer) => answers.push(answer));
  const frames: string[] = [];
  const batch = new FrameBatch(capacity);
  for (const piece of pieces) {
    decoder.decode(piece, batch, () => {
      for (let i = 0; i < batch.count; i += 1) {
        frames.push(`${batch.interfaces[i]} ${batch.flags[i]} ${candumpText('can', batch, i)}`);
      }
    });
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
