import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { CanBus, CanBusState } from '../../../hardware/can/can-bus.ts';
import { FRAME_ERROR, FRAME_EXTENDED, FrameBatch } from '../../../hardware/can/can-frame.ts';
import { SlcanAdapter } from '../../../hardware/can/slcan-adapter.ts';
import { openSlcanBus } from '../../../hardware/can/slcan-bus.ts';
import { openPty } from '../../../hardware/serial/pty.ts';
import { waitFor } from '../../wait-for.ts';
import { HurriedTimers } from '../serial/hurried-timers.ts';

/** Starts a bus and keeps what it tells. */
function listen(bus: CanBus) {
  const heard: { ids: number[]; flags: number[]; states: CanBusState[] } = { ids: [], flags: [], states: [] };
  bus.start({
    onFrames(frames, from, to) {
      heard.ids.push(...frames.ids.subarray(from, to));
      heard.flags.push(...frames.flags.subarray(from, to));
      return undefined;
    },
    onState: (state) => heard.states.push(state),
  });
  return heard;
}

/** An adapter on a pseudo terminal. */
async function plugIn() {
  const pty = await openPty();
  const adapter = new SlcanAdapter((bytes) => pty.write(bytes));
  pty.onData((bytes) => adapter.receive(bytes));
  return { pty, adapter };
}

function framesFrom(first: number, count: number): FrameBatch {
  const batch = new FrameBatch(count);
  for (let n = 0; n < count; n++) batch.add(first + n, FRAME_EXTENDED, Uint8Array.of(n, n >> 8), 0, 2);
  return batch;
}

t.test('frames of an adapter come over a serial port, in order and complete', async (t) => {
  const { pty, adapter } = await plugIn();
  const bus = openSlcanBus({ path: pty.path, bitrate: 250_000, dataBitrate: 2_000_000 });
  t.teardown(() => pty.close());
  const heard = listen(bus);
  await waitFor('the adapter is opened', () => adapter.isOpen);
  t.same([adapter.bitrate, adapter.dataBitrate], [250_000, 2_000_000]);
  for (let first = 0; first < 3000; first += 100) {
    adapter.pass(framesFrom(first, 100), 0, 100);
    await waitFor('the frames are heard', () => heard.ids.length === first + 100);
  }
  const error = new FrameBatch(1);
  error.add(0, FRAME_ERROR, new Uint8Array(0), 0, 0);
  adapter.pass(error, 0, 1);
  await waitFor('the error is heard', () => heard.flags.at(-1) === FRAME_ERROR);
  t.same(
    heard.ids.slice(0, 3000),
    Array.from({ length: 3000 }, (_, n) => n),
  );
  t.ok(heard.flags.slice(0, 3000).every((flags) => flags === FRAME_EXTENDED));
  t.same(heard.states, [{ state: 'open' }]);
  await bus.stop();
  await waitFor('the adapter is closed', () => !adapter.isOpen);
});

t.test('an adapter that is pulled out and put back is opened anew', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-slcan-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'by-id');
  const bus = openSlcanBus({ path, bitrate: 500_000, listenOnly: true }, { timers: new HurriedTimers() });
  const heard = listen(bus);
  t.teardown(() => bus.stop());
  await waitFor('the port is missed', () => heard.states.at(-1)?.state === 'waiting');
  for (const round of [1, 2]) {
    const { pty, adapter } = await plugIn();
    await symlink(pty.path, path);
    await waitFor('the adapter is opened', () => adapter.isOpen);
    adapter.pass(framesFrom(round, 1), 0, 1);
    await waitFor('the frame is heard', () => heard.ids.at(-1) === round);
    t.equal(heard.states.at(-1)?.state, 'open');
    await rm(path);
    await pty.close();
    await waitFor('the port is missed', () => heard.states.at(-1)?.state === 'waiting');
  }
  t.same(heard.ids, [1, 2]);
});

t.test('a frame is sent onto the bus, unless it is listened to only or there is no port', async (t) => {
  for (const listenOnly of [false, true]) {
    const { pty, adapter } = await plugIn();
    const bus = openSlcanBus({ path: pty.path, bitrate: 500_000, listenOnly });
    t.teardown(() => pty.close());
    t.equal(bus.send?.(0x7df, 0, Uint8Array.of(1)), false, 'not started');
    const heard = listen(bus);
    await waitFor('the bus is open', () => heard.states.length === 1);
    await waitFor('the adapter is opened', () => adapter.isOpen);
    t.equal(bus.send?.(0x18db33f1, FRAME_EXTENDED, Uint8Array.of(2, 1, 0x0c)), !listenOnly);
    if (!listenOnly) {
      let sent = adapter.takeSent();
      await waitFor('the frame is there', () => {
        if (sent.count === 0) sent = adapter.takeSent();
        return sent.count === 1;
      });
      t.same([sent.ids[0], sent.flags[0], sent.lengths[0]], [0x18db33f1, FRAME_EXTENDED, 3]);
      t.same([...sent.data.subarray(0, 3)], [2, 1, 0x0c]);
    }
    await bus.stop();
  }
});

t.test('the simulated adapter takes commands only as a real one does', async (t) => {
  const answers: string[] = [];
  const adapter = new SlcanAdapter((bytes) => answers.push(Buffer.from(bytes).toString('latin1')));
  const say = (line: string): string => {
    adapter.receive(Buffer.from(`${line}\r`));
    return answers.splice(0).join('');
  };
  t.equal(say('O'), '\x07', 'no bit rate');
  t.equal(say('t10021133'), '\x07', 'not open');
  t.equal(adapter.pass(framesFrom(1, 1), 0, 1), false);
  t.equal(say('S9'), '\x07', 'no such bit rate');
  t.equal(say('S6'), '\r');
  t.equal(say('Y7') + say('Y5'), '\x07\r');
  t.equal(say('O'), '\r');
  t.equal(say('S6'), '\x07', 'open');
  t.equal(say('t10021133'), 'z\r');
  t.equal(say('t1002113'), '\x07', 'broken');
  const sent = adapter.takeSent();
  t.same([sent.count, sent.ids[0], sent.data[1]], [1, 0x100, 0x33]);
  t.equal(adapter.takeSent().count, 0);
  t.equal(say('F') + say('V') + say('N') + say(''), 'F00\rV1013\rNCA15\r\r');
  t.equal(say('C'), '\r');
  t.equal(say('C') + say('F') + say('x'), '\x07\x07\x07');
  t.equal(say('L'), '\r');
  t.equal(say('t10021133'), '\x07', 'listening only');
});

t.test('a bit rate that no adapter has is refused at once', async (t) => {
  t.throws(() => openSlcanBus({ path: '/dev/null', bitrate: 33_333 }), RangeError);
});
