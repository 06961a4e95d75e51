import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import type { CanBusListener, CanBusState } from '../../../../hardware/can/can-bus.ts';
import { LogBus, type LogSettings } from '../../../../hardware/can/recording/log-bus.ts';
import type { ReopeningOptions } from '../../../../hardware/serial/reopening-port.ts';
import type { Timers } from '../../../../hardware/serial/timers.ts';
import { waitFor } from '../../../wait-for.ts';
import { HurriedTimers } from '../../serial/hurried-timers.ts';

const START = 1_600_000_000;

/** A log with one frame at each time, seconds after START; identifiers count up. */
function logOf(seconds: readonly number[]): string {
  return seconds
    .map((at, n) => `(${(START + at).toFixed(6)}) can${n % 2} ${n.toString(16).padStart(3, '0')}#00\n`)
    .join('');
}

async function fileWith(t: Test, content: string | Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-log-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'candump.log');
  await writeFile(path, content);
  return path;
}

interface Heard {
  readonly bus: LogBus;
  readonly ids: number[];
  /** Seconds after START. */
  readonly times: number[];
  readonly states: CanBusState[];
}

function play(
  t: Test,
  settings: LogSettings,
  options: ReopeningOptions = {},
  onFrames: (heard: Heard) => Promise<void> | undefined = () => undefined,
): Heard {
  const heard: Heard = { bus: new LogBus(settings, options), ids: [], times: [], states: [] };
  const listener: CanBusListener = {
    onFrames(frames, from, to) {
      heard.ids.push(...frames.ids.subarray(from, to));
      heard.times.push(...frames.times.subarray(from, to).map((time) => time / 1e6 - START));
      return onFrames(heard);
    },
    onState: (state) => heard.states.push(state),
  };
  heard.bus.start(listener);
  t.teardown(() => heard.bus.stop());
  return heard;
}

const ended = (heard: Heard) => () => heard.states.at(-1)?.state === 'ended';

/** Time that passes only when it is waited for, and then at once. */
class JumpingTimers implements Timers {
  #now = 0;

  now(): number {
    return this.#now;
  }

  after(delayMs: number, action: () => void): () => void {
    const immediate = setImmediate(() => {
      this.#now += delayMs;
      action();
    });
    return () => clearImmediate(immediate);
  }
}

t.test('a recording is played whole, packed or not, with its own times', async (t) => {
  const seconds = Array.from({ length: 1000 }, (_, n) => n / 100);
  for (const content of [logOf(seconds), gzipSync(logOf(seconds))]) {
    const heard = play(t, { path: await fileWith(t, content), speed: Number.POSITIVE_INFINITY });
    await waitFor('the end', ended(heard));
    t.same(heard.ids, Array.from(seconds.keys()));
    t.ok(heard.times.every((time, n) => Math.abs(time - (seconds[n] ?? 0)) < 1e-6));
    t.same(heard.bus.interfaces, ['can0', 'can1']);
    t.same(heard.states, [{ state: 'open' }, { state: 'ended' }]);
  }
});

t.test('frames come when they are due at the speed asked for', async (t) => {
  const seconds = Array.from({ length: 200 }, (_, n) => n / 20);
  const path = await fileWith(t, logOf(seconds));
  for (const speed of [1, 4, 0.5]) {
    const timers = new JumpingTimers();
    const late: number[] = [];
    const start = timers.now();
    const heard = play(t, { path, speed }, { timers }, ({ times }) => {
      late.push(((timers.now() - start) / 1e3) * speed - (times.at(-1) ?? 0));
      return undefined;
    });
    await waitFor('the end', ended(heard));
    t.equal(heard.ids.length, 200);
    t.ok(Math.min(...late) > -1e-6, `never early at speed ${speed}`);
    t.ok(Math.max(...late) < 0.01 * Math.max(1, speed), `at most 10 ms late at speed ${speed}`);
  }
});

t.test('a pause or a jump of the clock of more than ten seconds is not waited out', async (t) => {
  const timers = new JumpingTimers();
  const seconds = [0, 0.1, 90_000, 90_000.1, 1, 1.1];
  const heard = play(t, { path: await fileWith(t, logOf(seconds)), speed: 1 }, { timers });
  await waitFor('the end', ended(heard));
  t.equal(heard.ids.length, seconds.length);
  t.ok(timers.now() > 10_000 && timers.now() < 11_000, `${timers.now()} ms`);
});

t.test('who takes the frames can hold the recording', async (t) => {
  const path = await fileWith(t, logOf(Array.from({ length: 2000 }, (_, n) => n / 1000)));
  let release: () => void = () => {};
  const heard = play(t, { path, speed: Number.POSITIVE_INFINITY }, {}, () => {
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  let deliveries = 0;
  while (!ended(heard)()) {
    const before = heard.ids.length;
    await waitFor('more frames or the end', () => heard.ids.length > before || ended(heard)());
    const held = heard.ids.length;
    await new Promise(setImmediate);
    t.equal(heard.ids.length, held, 'nothing comes while it is held');
    deliveries += 1;
    release();
  }
  t.equal(heard.ids.length, 2000);
  t.ok(deliveries > 2);
});

t.test('a loop goes on behind the last time, round after round', async (t) => {
  const path = await fileWith(t, logOf([0, 1, 2]));
  const settings = { path, speed: Number.POSITIVE_INFINITY, loop: true, startAt: (START + 100) * 1e6 };
  const heard = play(t, settings);
  await waitFor('three rounds', () => heard.ids.length >= 9);
  await heard.bus.stop();
  t.same(heard.ids.slice(0, 9), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
  t.same(
    heard.times.slice(0, 9).map((time) => Number(time.toFixed(3))),
    [100, 101, 102, 102.01, 103.01, 104.01, 104.02, 105.02, 106.02],
  );
});

t.test('a recording that is missing is waited for', async (t) => {
  const whole = await fileWith(t, logOf([0]));
  const path = `${whole}.there`;
  const heard = play(t, { path, speed: 1 }, { timers: new HurriedTimers() });
  await waitFor('the file is missed', () => heard.states.length > 0);
  t.match(heard.states[0], { state: 'waiting', problem: /ENOENT/ });
  // Whole at once: a recording that is just being written would be played as far as it is.
  await rename(whole, path);
  await waitFor('the end', ended(heard));
  t.same(heard.ids, [0]);
});

t.test('a damaged archive gives what can be read of it, and is counted', async (t) => {
  const packed = gzipSync(logOf(Array.from({ length: 20_000 }, (_, n) => n / 1000)).replace(/0{3}#/g, '7FF#'));
  const path = await fileWith(t, packed.subarray(0, packed.length - 2000));
  const heard = play(t, { path, speed: Number.POSITIVE_INFINITY });
  await waitFor('the end', ended(heard));
  t.ok(heard.ids.length > 1000 && heard.ids.length < 20_000, `${heard.ids.length} frames`);
  t.match(heard.states.at(-1), { state: 'ended', problem: 'unexpected end of file' });
  t.equal(heard.bus.errors['recording-broken-off'], 1);
});

t.test('bad lines are counted, and a last line needs no end', async (t) => {
  const heard = play(t, { path: await fileWith(t, `nonsense\n${logOf([0, 1]).trimEnd()}`), speed: 100 });
  await waitFor('the end', ended(heard));
  t.same(heard.ids, [0, 1]);
  t.same(heard.bus.errors, { 'bad-line': 1 });
  t.same(heard.bus.errorPlaces, { 'bad-line': 'line 1' });
});

t.test('nothing comes after a stop', async (t) => {
  const path = await fileWith(t, logOf(Array.from({ length: 5000 }, (_, n) => n / 1000)));
  const heard = play(t, { path, speed: 1 });
  await waitFor('some frames', () => heard.ids.length > 0);
  await heard.bus.stop();
  const { length } = heard.ids;
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.equal(heard.ids.length, length);
  t.equal(ended(heard)(), false);
});

t.test('a recording without times is played at the pace of its wire', async (t) => {
  const frames = 500;
  const path = await fileWith(t, '  can0  123   [8]  11 22 33 44 55 66 77 88\n'.repeat(frames));
  for (const bitrate of [undefined, 500_000]) {
    const timers = new JumpingTimers();
    const heard = play(t, { path, speed: 1, ...(bitrate !== undefined && { bitrate }) }, { timers });
    await waitFor('the end', ended(heard));
    t.equal(heard.ids.length, frames);
    t.ok(heard.times.every(Number.isNaN), 'no time is made up');
    const wireMs = (frames * 111 * 1e3) / (bitrate ?? 250_000);
    t.ok(timers.now() > wireMs - 10 && timers.now() < wireMs + 20, `${timers.now()} ms, ${wireMs} ms of wire`);
  }
});

t.test('what is no recording is not waited for', async (t) => {
  for (const content of [
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0, 0, 1]),
    Buffer.from('MDF     4.11 and nothing'),
  ]) {
    const heard = play(t, { path: await fileWith(t, content), speed: 1 });
    await waitFor('the end', ended(heard));
    t.match(heard.states, [{ state: 'ended', problem: /no recording of CAN frames|expected a block HD/ }]);
    t.same(heard.bus.errors, { 'unknown-format': 1 });
  }
});

t.test('a recording of another format is played by its content, round after round', async (t) => {
  const asc = 'date Sun Sep 13 12:26:40 2020\nbase hex timestamps absolute\n0.5 1 123 Rx d 1 11\n0.6 2 124 Rx d 1 11\n';
  const heard = play(t, { path: await fileWith(t, gzipSync(asc)), speed: Number.POSITIVE_INFINITY, loop: true });
  await waitFor('two rounds', () => heard.ids.length >= 4);
  await heard.bus.stop();
  t.same(heard.ids.slice(0, 4), [0x123, 0x124, 0x123, 0x124]);
  t.same(
    heard.times.slice(0, 4).map((time) => Number(time.toFixed(3))),
    [0.5, 0.6, 0.61, 0.71],
  );
  t.same(heard.bus.interfaces, ['can1', 'can2']);
});
