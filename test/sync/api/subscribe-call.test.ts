import { EventEmitter } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import t from 'tap';
import type { LiveUpdateMessage } from '../../../sync/api/live-messages.ts';
import { Outflow } from '../../../sync/api/outflow.ts';
import { answerSubscribe } from '../../../sync/api/subscribe-call.ts';
import { MemoryTelemetry } from '../memory-telemetry.ts';

/** A reader that takes every message at once. */
class ReadCall extends EventEmitter {
  readonly cancelled = false;
  readonly times: number[][] = [];

  write({ values }: LiveUpdateMessage, onSent: () => void): boolean {
    this.times.push(values.map(({ time }) => Number(time)));
    setImmediate(onSent);
    return true;
  }
}

/** Whose intervals end when the test says so. */
class SteppedOutflow extends Outflow<LiveUpdateMessage> {
  readonly intervals: (() => void)[] = [];

  override pause(): Promise<void> {
    return new Promise((resolve) => this.intervals.push(resolve));
  }
}

function subscription() {
  const telemetry = new MemoryTelemetry();
  const channel = telemetry.add('speed', () => [][Symbol.iterator]()).id;
  const call = new ReadCall();
  const stopping = new AbortController();
  const out = new SteppedOutflow(
    call as unknown as ServerWritableStream<unknown, LiveUpdateMessage>,
    1,
    stopping.signal,
  );
  const request = { channels: ['speed'], gateway: '', rateMax: 10, every: false, resume: new Uint8Array() };
  const ended = answerSubscribe(telemetry, request, out);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { telemetry, channel, call, out, stopping, ended, turn };
}

t.test(
  'what changes behind a quiet interval is sent at once, what changes within one at its end, merged',
  async (t) => {
    const { telemetry, channel, call, out, stopping, ended, turn } = subscription();
    const interval = async (count: number) => {
      while (out.intervals.length < count) await turn();
    };
    await interval(1);
    t.same(call.times, [[]], 'what is known at first');
    out.intervals[0]?.();
    await turn();
    telemetry.commit(channel, 1, 10);
    await interval(2);
    t.same(call.times, [[], [1]], 'without another interval');
    telemetry.commit(channel, 2, 20);
    telemetry.commit(channel, 3, 30);
    await turn();
    t.equal(call.times.length, 2, 'an interval is being waited for');
    out.intervals[1]?.();
    await interval(3);
    t.same(call.times, [[], [1], [3]]);
    stopping.abort();
    out.intervals[2]?.();
    await ended;
    t.equal(telemetry.followers, 0);
  },
);

t.test('a subscription of which nothing changes ends with its reader', async (t) => {
  const { telemetry, call, out, ended, turn } = subscription();
  while (out.intervals.length < 1) await turn();
  out.intervals[0]?.();
  await turn();
  call.emit('close');
  await ended;
  t.equal(telemetry.followers, 0);
  t.equal(call.times.length, 1, 'nothing is written to who has gone');
});
