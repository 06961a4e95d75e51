import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { type CanBus, type CanBusState, ReasonCounts } from '../../../hardware/can/can-bus.ts';
import { FD_LENGTHS, FRAME_EXTENDED, FRAME_FD, FRAME_REMOTE, FrameBatch } from '../../../hardware/can/can-frame.ts';
import { candumpText } from '../../../hardware/can/candump-frame.ts';
import { AdapterClock, type GvretAnswer, GvretDecoder } from '../../../hardware/can/gvret/gvret.ts';
import { openGvretSerial, openGvretTcp } from '../../../hardware/can/gvret/gvret-bus.ts';
import { freePort } from '../../free-port.ts';
import { waitFor } from '../../wait-for.ts';
import { HurriedTimers } from '../serial/hurried-timers.ts';
import { type GvretFrame, gvretFrame, listenGvret, plugInGvret } from './gvret-adapter.ts';

/** Decodes pieces one after another with a batch of little room, as a bus does. */
function decode(pieces: readonly Uint8Array[], capacity = 3) {
  const answers: GvretAnswer[] = [];
  const reasons = new ReasonCounts();
  const decoder = new GvretDecoder(reasons, (answer) => answers.push(answer));
  const batch = new FrameBatch(capacity);
  const frames: string[] = [];
  for (const piece of pieces) {
    // What was fed is the port's own afterwards.
    const lent = Uint8Array.from(piece);
    decoder.feed(lent);
    for (let isMore = true; isMore; ) {
      batch.clear();
      isMore = decoder.read(batch);
      for (let i = 0; i < batch.count; i++) {
        const name = decoder.interfaces.names[batch.interfaces[i] ?? 0] ?? '';
        frames.push(`${batch.times[i]} ${candumpText(name, batch, i)}`);
      }
    }
    lent.fill(0xf1);
  }
  return { frames, answers, errors: reasons.counts };
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

const PACKETS: readonly (readonly [bytes: string, frame: string])[] = [
  ['f1 00 10270000 23010000 02 aabb 00', '10000 can0 123#AABB'],
  ['f1 00 11270000 00f1fe98 18 0102030405060708 00', '10001 can1 18FEF100#0102030405060708'],
  ['f1 00 12270000 ff070000 00 00', '10002 can0 7FF#'],
  ['f1 14 13270000 23010000 0c 01 000102030405060708090a0b 00', '10003 can1 123##0000102030405060708090A0B'],
  ['f1 00 14270000 01000000 f1 f1 f1', '10004 can15 001#F1'],
  ['f1 00 15270000 02000000 01 f1', '10005 can0 002#F1'],
  ['f1 00 16270000 03000000 00 00', '10006 can0 003#'],
];

const WIRE = Buffer.concat([
  hex('f1 09 dead f1 0c 02 f1 07 6b0220000000 f1 01 01020304'),
  ...PACKETS.map(([bytes]) => hex(bytes)),
  hex('f1 06 01 20a10700 10 48e80100'),
]);

const DECODED = {
  frames: PACKETS.map(([, frame]) => frame),
  answers: [
    ...[{ kind: 'alive' }, { kind: 'alive' }, { kind: 'alive' }, { kind: 'alive' }],
    {
      kind: 'buses',
      buses: [
        { isEnabled: true, listenOnly: false, bitrate: 500_000 },
        { isEnabled: false, listenOnly: true, bitrate: 125_000 },
      ],
    },
  ],
  errors: {},
};

t.test('packets are read whole, byte by byte and cut at every place', async (t) => {
  t.same(decode([WIRE]), DECODED);
  t.same(decode(Array.from(WIRE, (byte) => Uint8Array.of(byte))), DECODED);
  const text = JSON.stringify(DECODED);
  const differing = Array.from(WIRE.keys()).filter((cut) => {
    return JSON.stringify(decode([WIRE.subarray(0, cut), WIRE.subarray(cut)])) !== text;
  });
  t.same(differing, []);
});

t.test('what is no packet is counted by reason, and the next is read', async (t) => {
  const bad = [
    ['Build number: 618\r\n', 'stray-bytes'],
    ['\xf1\x63', 'unknown-command'],
    ['\xf1\x09\xde\xac', 'unknown-command'],
    ['\xf1\x00\0\0\0\0\x23\x01\0\0\x09', 'bad-length'],
    ['\xf1\x14\0\0\0\0\x23\x01\0\0\x0b\0', 'bad-length'],
    ['\xf1\x14\0\0\0\0\x23\x01\0\0\x0c\x10', 'bad-bus'],
    ['\xf1\x00\0\0\0\0\x00\x08\0\0\x01\x01', 'bad-id'],
    ['\xf1\x00\0\0\0\0\x00\x00\0\xa0\x01\x01', 'bad-id'],
  ] as const;
  for (const [text, reason] of bad) {
    const found = decode([Buffer.concat([Buffer.from(text, 'latin1'), hex(PACKETS[0]?.[0] ?? '')])]);
    t.same(found, { frames: ['10000 can0 123#AABB'], answers: [], errors: { [reason]: 1 } }, JSON.stringify(text));
  }
});

const anyFrame: fc.Arbitrary<GvretFrame> = fc
  .record({
    bus: fc.nat(15),
    extended: fc.boolean(),
    fd: fc.boolean(),
    id: fc.nat(0x1fffffff),
    code: fc.nat(15),
    bytes: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    time: fc.nat(0x7fffffff),
  })
  .map(({ id, extended, fd, code, bytes, ...rest }) => {
    const length = FD_LENGTHS[fd ? code : code % 9] ?? 0;
    return { ...rest, extended, fd, id: extended ? id : id & 0x7ff, data: bytes.subarray(0, length) };
  });

function textOf({ bus, id, extended = false, fd = false, data }: GvretFrame): string {
  const batch = new FrameBatch(1);
  batch.add(id, (extended ? FRAME_EXTENDED : 0) | (fd ? FRAME_FD : 0), data, 0, data.length);
  return candumpText(`can${bus}`, batch, 0);
}

t.test('any frames are read as they were sent, however they are cut', async () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 6 }), fc.array(fc.nat(400), { maxLength: 5 }), (sent, cuts) => {
      const wire = Buffer.concat(sent.map(gvretFrame));
      const places = [...cuts, 0, wire.length].map((cut) => Math.min(cut, wire.length)).sort((a, b) => a - b);
      const pieces = places.slice(1).map((to, n) => wire.subarray(places[n], to));
      const { frames, errors } = decode(pieces);
      const texts = frames.map((frame) => frame.slice(frame.indexOf(' ') + 1));
      return JSON.stringify([texts, errors]) === JSON.stringify([sent.map(textOf), {}]);
    }),
    { numRuns: 300 },
  );
});

t.test('noise gives the same whole, byte by byte and cut, and frames behind it are read', async () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(fc.constantFrom(0xf1, 0x00, 0x14, 0x09, 0x06, 0x02), { maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(noise, fc.nat(100), (junk, cut) => {
      // What looks like a packet swallows fewer bytes than these take; none of theirs looks like one.
      const sent = Array.from({ length: 9 }, (_, n) => ({ bus: 0, id: n, data: Uint8Array.of(n), time: n }));
      const wire = Buffer.concat([junk, ...sent.map(gvretFrame)]);
      const whole = JSON.stringify(decode([wire]));
      if (JSON.stringify(decode(Array.from(wire, (byte) => Uint8Array.of(byte)))) !== whole) return false;
      if (JSON.stringify(decode([wire.subarray(0, cut), wire.subarray(cut)])) !== whole) return false;
      return (
        decode([wire])
          .frames.at(-1)
          ?.endsWith(textOf(sent[8] as GvretFrame)) === true
      );
    }),
    { numRuns: 300 },
  );
});

t.test('the counter of microseconds goes on where it starts over', async (t) => {
  const clock = new AdapterClock();
  const counters = [0xfffffff0, 0xfffffff8, 4, 2, 0x70000000, 0xe0000000, 16];
  const first = 0xfffffff0;
  t.same(
    counters.map((counter) => clock.time(counter) - first),
    [0, 8, 20, 18, 0x70000010, 0xe0000010, 0x100000020],
  );
});

/** Starts a bus and keeps what it tells. */
function listen(t: Test, bus: CanBus) {
  const heard: { frames: string[]; times: number[]; states: CanBusState[] } = { frames: [], times: [], states: [] };
  bus.start({
    onFrames(frames, from, to) {
      for (let i = from; i < to; i++) {
        heard.frames.push(candumpText(bus.interfaces[frames.interfaces[i] ?? 0] ?? '', frames, i));
        heard.times.push(frames.times[i] ?? Number.NaN);
      }
      return undefined;
    },
    onState: (state) => heard.states.push(state),
  });
  t.teardown(() => bus.stop());
  return heard;
}

const isOpen = (heard: { states: readonly CanBusState[] }) => heard.states.at(-1)?.state === 'open';

/** Frames of two buses, alternating, a microsecond apart across the end of the counter. */
function framesOf(first: number, count: number): GvretFrame[] {
  return Array.from({ length: count }, (_, n) => {
    const id = first + n;
    return { bus: n % 2, id, extended: true, data: Uint8Array.of(n, 0xf1), time: 2 ** 32 - 1500 + id };
  });
}

for (const wire of ['a serial port', 'TCP'] as const) {
  t.test(`frames of two buses come over ${wire}, in order and complete, and frames are sent`, async (t) => {
    const options = { timers: new HurriedTimers() };
    const setup = [
      { bitrate: 500_000, listenOnly: false },
      { bitrate: 125_000, listenOnly: true },
    ] as const;
    const device = wire === 'TCP' ? await listenGvret() : await plugInGvret();
    t.teardown(() => device.close());
    const bus =
      'port' in device
        ? openGvretTcp({ host: '127.0.0.1', port: device.port, setup }, options)
        : openGvretSerial({ path: device.path, baudRate: 1_000_000, setup }, options);
    const { adapter } = device;
    t.equal(bus.send?.(0x7df, 0, Uint8Array.of(1)), false, 'not open yet');
    const heard = listen(t, bus);
    await waitFor('the bus is open', () => isOpen(heard));
    t.match(heard.states[0], { state: 'waiting', problem: /no answer yet/ });
    await waitFor('it is set up', () => bus.statusOf?.(0)?.bitrate === 500_000);
    t.same(adapter.setup, [0xc0000000 + 500_000, 0xe0000000 + 125_000]);
    for (let first = 0; first < 3000; first += 100) {
      adapter.pass(...framesOf(first, 100));
      await waitFor('the frames are heard', () => heard.frames.length === first + 100);
    }
    const expected = framesOf(0, 3000).map((frame, n) => textOf({ ...frame, data: Uint8Array.of(n % 100, 0xf1) }));
    t.same(heard.frames, expected);
    t.ok(heard.times.every((time, n) => n === 0 || time === (heard.times[n - 1] ?? 0) + 1));
    t.same(bus.interfaces, ['can0', 'can1']);
    t.match(bus.statusOf?.(1), { bitrate: 125_000, lost: undefined });
    t.equal(bus.send?.(0x7df, 0, Uint8Array.of(2, 1, 12)), true);
    t.equal(bus.send?.(0x18db33f1, FRAME_EXTENDED, Uint8Array.of(9)), true);
    t.equal(bus.send?.(0x7df, FRAME_REMOTE, new Uint8Array(0)), false, 'the protocol has no remote frames');
    await waitFor('both are there', () => adapter.sent.length === 2);
    t.same(adapter.sent, ['df070000000302010c00', 'f133db980001' + '0900']);
    t.same(bus.errors, {});
  });
}

t.test('an adapter that falls silent is missed, and one that was reset speaks binary again', async (t) => {
  const { adapter, path, close } = await plugInGvret();
  t.teardown(close);
  adapter.answers = false;
  const heard = listen(t, openGvretSerial({ path, baudRate: 1_000_000 }, { timers: new HurriedTimers() }));
  await waitFor('it is told to speak binary', () => adapter.isBinary);
  t.equal(isOpen(heard), false, 'it has not answered');
  adapter.answers = true;
  await waitFor('the bus is open', () => isOpen(heard));
  t.same(adapter.setup, [], 'it stays as it is');
  adapter.answers = false;
  await waitFor('it is missed', () => !isOpen(heard));
  t.match(heard.states.at(-1), { problem: /has not answered for 5 s/ });
  adapter.isBinary = false;
  adapter.answers = true;
  await waitFor('it is there again', () => isOpen(heard) && adapter.isBinary);
  adapter.isBinary = false;
  await waitFor('it speaks binary again', () => adapter.isBinary);
  t.equal(isOpen(heard), true);
});

t.test('an adapter on the network that goes and comes is connected to again', async (t) => {
  const first = await listenGvret(await freePort());
  const bus = openGvretTcp({ host: '127.0.0.1', port: first.port }, { timers: new HurriedTimers() });
  const heard = listen(t, bus);
  await waitFor('the bus is open', () => isOpen(heard));
  await first.close();
  await waitFor('it is missed', () => !isOpen(heard));
  t.equal(bus.send?.(1, 0, new Uint8Array(0)), false);
  const second = await listenGvret(first.port);
  t.teardown(second.close);
  await waitFor('the bus is open', () => isOpen(heard));
  second.adapter.pass(...framesOf(7, 1));
  await waitFor('the frame is heard', () => heard.frames.length === 1);
  t.same(bus.errors, {});
});

t.test('an adapter that keeps another speed than it was given is told', async (t) => {
  const { adapter, port, close } = await listenGvret();
  t.teardown(close);
  adapter.obeys = false;
  const setup = [{ bitrate: 250_000, listenOnly: true }] as const;
  const bus = openGvretTcp({ host: '127.0.0.1', port, setup }, { timers: new HurriedTimers() });
  const heard = listen(t, bus);
  await waitFor('it has told how it is set up', () => bus.errors['setup-refused'] === 1);
  t.same(adapter.setup, [0xe0000000 + 250_000, 0x80000000]);
  t.equal(isOpen(heard), true);
  t.equal(bus.send?.(1, 0, new Uint8Array(0)), false, 'it only listens');
});
