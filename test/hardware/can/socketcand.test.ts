import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { CanBus, CanBusState } from '../../../hardware/can/can-bus.ts';
import {
  FRAME_BRS,
  FRAME_ERROR,
  FRAME_ESI,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  FrameBatch,
} from '../../../hardware/can/can-frame.ts';
import { encodeSocketcandSend, type SocketcandAnswer, SocketcandDecoder } from '../../../hardware/can/socketcand.ts';
import { openSocketcandBus } from '../../../hardware/can/socketcand-bus.ts';
import { freePort } from '../../free-port.ts';
import { waitFor } from '../../wait-for.ts';
import { HurriedTimers } from '../serial/hurried-timers.ts';
import { SocketcandDaemon } from './socketcand-daemon.ts';

interface Decoded {
  readonly frames: string[];
  readonly answers: SocketcandAnswer[];
  readonly errors: Readonly<Record<string, number>>;
}

function decode(pieces: readonly Uint8Array[]): Decoded {
  const answers: SocketcandAnswer[] = [];
  const decoder = new SocketcandDecoder((answer) => answers.push(answer));
  const batch = new FrameBatch(3);
  const frames: string[] = [];
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; batch.clear()) {
      at = decoder.decode(piece, at, batch);
      for (let i = 0; i < batch.count; i++) {
        const bytes = ((batch.flags[i] ?? 0) & FRAME_REMOTE) === 0 ? (batch.lengths[i] ?? 0) : 0;
        const data = Buffer.from(batch.data.subarray(i * 64, i * 64 + bytes)).toString('hex');
        frames.push([batch.ids[i]?.toString(16), batch.flags[i], batch.lengths[i], batch.times[i], data].join(' '));
      }
    }
  }
  return { frames, answers, errors: { ...decoder.errors } };
}

const SAID: readonly (readonly [message: string, frame: string])[] = [
  ['< frame 123 23.424242 11 22 33 44 >', '123 0 4 23424242 11223344'],
  ['< frame 123 1424000000.000001 11223344 >', '123 0 4 1424000000000001 11223344'],
  ['< frame 18FEF100 1.000000 >', `18fef100 ${FRAME_EXTENDED} 0 1000000 `],
  ['< rtr 123 23.424242 4 >', `123 ${FRAME_REMOTE} 4 23424242 `],
  ['< rtr 00000123 23.424242 0 >', `123 ${FRAME_REMOTE | FRAME_EXTENDED} 0 23424242 `],
  ['< fdframe 123 05 23.424242 11223344 >', `123 ${FRAME_FD | FRAME_BRS} 4 23424242 11223344`],
  ['< fdframe 18FEF100 02 23.424242  >', `18fef100 ${FRAME_FD | FRAME_ESI | FRAME_EXTENDED} 0 23424242 `],
  [`< fdframe 123 00 23.424242 ${'5A'.repeat(64)} >`, `123 ${FRAME_FD} 64 23424242 ${'5a'.repeat(64)}`],
  ['< error 004 23.424242 >', `4 ${FRAME_ERROR} 0 23424242 `],
];

t.test('messages are read whole, byte by byte and cut at every place', async (t) => {
  const wire = Buffer.from(`< hi >< ok >\n${SAID.map(([message]) => message).join('')}< error could not open bus >`);
  const expected: Decoded = {
    frames: SAID.map(([, frame]) => frame),
    answers: [{ kind: 'hi' }, { kind: 'ok' }, { kind: 'refused', reason: 'could not open bus' }],
    errors: {},
  };
  t.same(decode([wire]), expected);
  t.same(decode(Array.from(wire, (byte) => Uint8Array.of(byte))), expected);
  const text = JSON.stringify(expected);
  const differing = Array.from(wire.keys()).filter((cut) => {
    return JSON.stringify(decode([wire.subarray(0, cut), wire.subarray(cut)])) !== text;
  });
  t.same(differing, []);
});

t.test('what is no message is counted by reason, and the next is read', async (t) => {
  const bad = [
    ['< what >', 'unknown-line'],
    ['nothing >', 'unknown-line'],
    ['< frame 1234 1.000000 >', 'bad-id'],
    ['< frame 923 1.000000 >', 'bad-id'],
    ['< frame 123 1.0 >', 'bad-time'],
    ['< frame 123 1.000000 1 >', 'bad-data'],
    ['< frame 123 1.000000 1Z >', 'bad-data'],
    ['< frame 123 1.000000 112233445566778899 >', 'bad-data'],
    ['< rtr 123 1.000000 9 >', 'bad-data'],
    [`< fdframe 123 00 1.000000 ${'00'.repeat(9)} >`, 'bad-data'],
    ['< fdframe 123 1.000000 00 >', 'bad-data'],
    ['< fdframe 123 00 1.0 00 >', 'bad-time'],
    [`< frame 123 1.000000 ${'0'.repeat(600)} >`, 'line-too-long'],
  ] as const;
  for (const [message, reason] of bad) {
    const { frames, errors } = decode([Buffer.from(`${message}${SAID[0]?.[0]}`)]);
    t.same(errors, { [reason]: 1 }, message.slice(0, 40));
    t.same(frames, [SAID[0]?.[1]]);
  }
});

t.test('any bytes give frames or errors', async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom('< frame ', '123 1.000000', ' >').map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) =>
      decode(pieces).frames.every((frame) => frame.length < 190),
    ),
    { numRuns: 500 },
  );
});

/** Starts a bus and keeps what it tells. */
function listen(t: Test, bus: CanBus) {
  const heard: { ids: number[]; states: CanBusState[] } = { ids: [], states: [] };
  bus.start({
    onFrames(frames, from, to) {
      heard.ids.push(...frames.ids.subarray(from, to));
      return undefined;
    },
    onState: (state) => heard.states.push(state),
  });
  t.teardown(() => bus.stop());
  return heard;
}

t.test('frames of the daemon come in order and complete, and frames are sent', async (t) => {
  const daemon = await SocketcandDaemon.start();
  t.teardown(() => daemon.stop());
  const bus = openSocketcandBus({ host: '127.0.0.1', port: daemon.port, name: 'can0' });
  t.equal(bus.send?.(0x123, 0, Uint8Array.of(1)), false, 'not open yet');
  const heard = listen(t, bus);
  await waitFor('the bus is open', () => heard.states.at(-1)?.state === 'open');
  t.same(daemon.heard, ['open can0', 'rawmode']);
  const frames = Array.from({ length: 3000 }, (_, n) => `< frame ${n.toString(16).padStart(8, '0')} 1.000000 AB >`);
  daemon.say(frames.join(''));
  await waitFor('all frames', () => heard.ids.length === 3000);
  t.same(
    heard.ids,
    Array.from({ length: 3000 }, (_, n) => n),
  );
  t.equal(bus.send?.(0x18db33f1, FRAME_EXTENDED, Uint8Array.of(2, 1, 0x0c)), true);
  t.equal(bus.send?.(0x7df, 0, new Uint8Array(0)), true);
  t.equal(bus.send?.(0x7df, 0, new Uint8Array(9)), false, 'too long');
  t.equal(bus.send?.(0x7df, FRAME_FD, new Uint8Array(9)), false, 'CAN FD has no such length');
  t.equal(bus.send?.(0x123, FRAME_FD | FRAME_BRS, new Uint8Array(12).fill(0xab)), true);
  await waitFor('all are there', () => daemon.heard.length === 5);
  const long = `fdsend 123 01 12${' AB'.repeat(12)}`;
  t.same(daemon.heard.slice(2), ['send 18DB33F1 3 02 01 0C', 'send 7DF 0', long]);
  t.equal(Buffer.from(encodeSocketcandSend(5, 0, Uint8Array.of(255))).toString(), '< send 005 1 FF >');
  t.same(bus.errors, {});
});

t.test('a daemon that goes and comes is connected to again, and the bus opened anew', async (t) => {
  const port = await freePort();
  const first = await SocketcandDaemon.start(port);
  const bus = openSocketcandBus({ host: '127.0.0.1', port, name: 'can0' }, { timers: new HurriedTimers() });
  const heard = listen(t, bus);
  await waitFor('the bus is open', () => heard.states.at(-1)?.state === 'open');
  first.say('< frame 001 1.000000 >< frame 00');
  await waitFor('the frame is heard', () => heard.ids.length === 1);
  await first.stop();
  await waitFor('the daemon is missed', () => heard.states.at(-1)?.state === 'waiting');
  t.equal(bus.send?.(1, 0, new Uint8Array(0)), false);
  const second = await SocketcandDaemon.start(port);
  t.teardown(() => second.stop());
  await waitFor('the bus is open', () => heard.states.at(-1)?.state === 'open');
  second.say('< frame 002 1.000000 >');
  await waitFor('the frame is heard', () => heard.ids.length === 2);
  t.same(heard.ids, [1, 2]);
  t.same(bus.errors, {}, 'half a message is forgotten');
});

t.test('a bus that the daemon does not have is told', async (t) => {
  const daemon = await SocketcandDaemon.start();
  t.teardown(() => daemon.stop());
  const heard = listen(t, openSocketcandBus({ host: '127.0.0.1', port: daemon.port, name: 'can7' }));
  await waitFor('it is refused and the connection closed', () => heard.states.length >= 3);
  for (const state of heard.states.slice(1)) {
    t.match(state, { state: 'waiting', problem: 'socketcand refused can7: could not open bus' });
  }
});
