import { EventEmitter } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import t from 'tap';
import { Outflow } from '../../../sync/api/outflow.ts';

/** A call whose messages reach the wire when a test says so. */
class HeldCall extends EventEmitter {
  readonly cancelled = false;
  readonly sent: (() => void)[] = [];

  write(_message: string, onSent: () => void): boolean {
    this.sent.push(onSent);
    return true;
  }
}

t.test('every sender goes on when there is room, also where several wait', async (t) => {
  const call = new HeldCall();
  const out = new Outflow(call as unknown as ServerWritableStream<unknown, string>, 2, new AbortController().signal);
  t.equal(await out.send('first'), true, 'there is room for two');
  const waiting = ['rows', 'progress', 'notice'].map((message) => out.send(message));
  t.equal(call.sent.length, 4);
  for (const onSent of call.sent) onSent();
  t.same(await Promise.all(waiting), [true, true, true]);
});

t.test('whoever waits is told that nobody reads any more', async (t) => {
  const call = new HeldCall();
  const out = new Outflow(call as unknown as ServerWritableStream<unknown, string>, 1, new AbortController().signal);
  const waiting = ['rows', 'progress'].map((message) => out.send(message));
  call.emit('close');
  t.same(await Promise.all(waiting), [false, false]);
});
