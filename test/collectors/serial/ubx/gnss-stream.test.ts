import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { GnssStream, UBX_PAYLOAD_BYTES_MAX } from '../../../../collectors/serial/ubx/gnss-stream.ts';
import { navPvt, rtcmFrame, ubxFrame } from './ubx-frames.ts';

/** What a stream tells, bytes between frames joined. */
function told(pieces: readonly Uint8Array[], withRtcm = true): { events: string[]; between: string } {
  const events: string[] = [];
  let between = '';
  const stream = new GnssStream(
    {
      ubx: (messageClass, id, payload) =>
        events.push(`ubx ${messageClass} ${id} ${Buffer.from(payload).toString('hex')}`),
      rtcm: (type, message) => events.push(`rtcm ${type} ${message.length}`),
      between: (bytes) => {
        between += Buffer.from(bytes).toString('latin1');
      },
      damaged: (reason) => events.push(reason),
    },
    withRtcm,
  );
  for (const piece of pieces) stream.feed(piece);
  stream.end();
  return { events, between };
}

const frames = (events: readonly string[]): string[] => events.filter((event) => /^(ubx|rtcm) /.test(event));

const RTCM_1077 = rtcmFrame(Buffer.concat([Buffer.from([0x43, 0x50]), Buffer.alloc(200, 0xb5)]));
const SENTENCE = Buffer.from('$GNRMC,,V,,,,,,,,,,N*4D\r\n', 'latin1');
const WIRE = Buffer.concat([
  SENTENCE,
  navPvt(),
  RTCM_1077,
  SENTENCE,
  ubxFrame(2, 0x15, Buffer.alloc(16, 0x62)),
  SENTENCE,
]);

t.test('tells frames and what stands between them, at every split and byte by byte', async (t) => {
  const whole = told([WIRE]);
  t.equal(frames(whole.events).length, 3);
  t.match(whole.events[1], /^rtcm 1077 202/);
  t.equal(whole.between, SENTENCE.toString('latin1').repeat(3));
  for (let at = 1; at < WIRE.length; at += 1) t.same(told([WIRE.subarray(0, at), WIRE.subarray(at)]), whole);
  t.same(told([...WIRE].map((byte) => Uint8Array.of(byte))), whole);
});

/** What a frame begins with that no frame of the test below is: longer than any of theirs. */
const LURE = Buffer.from([0xb5, 0x62, 1, 7, 92, 0]);

/** Whether what follows a lure has the checksum that makes it a frame, as it has one time in 65,536. */
function hasFrameByChance(wire: Buffer): boolean {
  for (let at = wire.indexOf(LURE); at >= 0; at = wire.indexOf(LURE, at + 1)) {
    const frame = ubxFrame(1, 7, wire.subarray(at + 6, at + 98));
    if (frame.equals(wire.subarray(at, at + 100))) return true;
  }
  return false;
}

t.test('finds every frame whatever stands before, between and behind', async (t) => {
  const noise = fc.uint8Array({ maxLength: 40 }).chain((bytes) =>
    // Noise that looks like the start of a frame is the hard kind.
    fc.constantFrom(
      bytes,
      Buffer.concat([bytes, Buffer.from([0xb5])]),
      Buffer.concat([LURE, bytes]),
      Buffer.concat([Buffer.from([0xd3, 0, 40, 0x43, 0x50]), bytes]),
    ),
  );
  const frame = fc.oneof(
    fc
      .tuple(fc.nat(255), fc.nat(255), fc.uint8Array({ maxLength: 60 }))
      .map(([c, id, payload]) => ubxFrame(c, id, payload)),
    fc.uint8Array({ maxLength: 60 }).map((body) => rtcmFrame(Buffer.concat([Buffer.from([0x3e, 0xd0]), body]))),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(noise, frame), { maxLength: 6 }),
      noise,
      fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
      (parts, last, steps) => {
        const wire = Buffer.concat([...parts.flat(), last]);
        const expected = parts.flatMap(([, one]) => frames(told([one]).events));
        fc.pre(!hasFrameByChance(wire));
        const whole = told([wire]);
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < wire.length; ) {
          const step = steps.next().value ?? 1;
          pieces.push(wire.subarray(at, at + step));
          at += step;
        }
        t.same(told(pieces), whole);
        t.same(frames(whole.events), expected);
      },
    ),
    { numRuns: 300 },
  );
});

t.test('a frame that is damaged costs itself and is counted, and the next is found', async (t) => {
  const good = navPvt();
  for (let at = 0; at < good.length; at += 1) {
    const damaged = Buffer.from(good);
    damaged[at] = (damaged[at] ?? 0) ^ 0x01;
    const { events } = told([Buffer.concat([damaged, good, good])]);
    t.equal(frames(events).length, 2, `byte ${at}`);
  }
  t.same(told([Buffer.from([0xb5, 0x62, 1, 7, 0, 0, 8, 0])]).events, ['ubx-checksum']);
  const tooLong = UBX_PAYLOAD_BYTES_MAX + 1;
  const { events } = told([Buffer.from([0xb5, 0x62, 1, 7, tooLong & 0xff, tooLong >> 8]), good]);
  t.equal(events[0], 'ubx-too-long');
  t.equal(frames(events).length, 1);
  const rtcm = Buffer.from(RTCM_1077);
  rtcm[20] = 0;
  t.same(told([rtcm, good]).events.slice(0, 1), ['rtcm-checksum']);
});

t.test('takes RTCM 3 for noise where it is not expected', async (t) => {
  const { events } = told([Buffer.concat([RTCM_1077, navPvt()])], false);
  t.equal(events.length, 1);
  t.match(events[0], /^ubx 1 7 /);
});
