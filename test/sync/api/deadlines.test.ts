import { setTimeout as after } from 'node:timers/promises';
import { Server, ServerCredentials, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import t from 'tap';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { DEADLINES, inTime } from '../../../sync/api/deadlines.ts';
import {
  BOX_CONFIG_SERVICE,
  FLEET_SERVICE,
  loadProtos,
  RELAY_SERVICE,
  serviceOf,
  TELEMETRY_SERVICE,
} from '../../../sync/api/descriptor.ts';

t.test('every call of the services has its deadline', async (t) => {
  const protos = loadProtos();
  const calls = [TELEMETRY_SERVICE, FLEET_SERVICE, BOX_CONFIG_SERVICE, RELAY_SERVICE].flatMap((name) =>
    Object.keys(serviceOf(protos, name)),
  );
  t.same(calls.sort(), Object.keys(DEADLINES).sort());
});

/** Numbers, each after so many milliseconds. */
async function* numbers(...waitsMs: number[]): AsyncGenerator<number> {
  for (const [number, wait] of waitsMs.entries()) {
    await after(wait);
    yield number;
  }
}

const late = (waitedMs: number) => new Error(`late after ${waitedMs}`);

t.test('a stream that brings something in time is handed on whole', async (t) => {
  const got = [];
  for await (const number of inTime(numbers(1, 1, 1), { firstMs: 5_000, nextMs: 5_000 }, late)) got.push(number);
  t.same(got, [0, 1, 2]);
});

t.test('a first message that does not come ends the reading, and one in the middle', async (t) => {
  const read = async (messages: AsyncIterable<number>, firstMs: number, nextMs: number) => {
    const got = [];
    try {
      for await (const number of inTime(messages, { firstMs, nextMs }, late)) got.push(number);
    } catch (error) {
      got.push((error as Error).message);
    }
    return got;
  };
  t.same(await read(numbers(200, 0), 10, 5_000), ['late after 10']);
  t.same(await read(numbers(0, 200), 5_000, 10), [0, 'late after 10']);
});

t.test('a reader that takes its time is not held against the sender', async () => {
  for await (const _ of inTime(numbers(0, 0, 0), { firstMs: 5_000, nextMs: 30 }, late)) await after(60);
});

t.test('a server that accepts calls and never answers is given up', async (t) => {
  const server = new Server();
  const { GetStatus, Subscribe } = serviceOf(loadProtos(), TELEMETRY_SERVICE);
  const asked: string[] = [];
  let deadline: Date | number = 0;
  let heardAt = 0;
  server.addService({ GetStatus, Subscribe } as Parameters<Server['addService']>[0], {
    GetStatus: (call: ServerUnaryCall<object, object>) => {
      asked.push('GetStatus');
      deadline = call.getDeadline();
      heardAt = Date.now();
    },
    Subscribe: (call: ServerWritableStream<object, object>) => {
      asked.push('Subscribe');
      call.on('cancelled', () => asked.push('cancelled'));
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  t.teardown(() => server.forceShutdown());
  const client = new TelemetryClient({ host: '127.0.0.1', port });
  t.teardown(() => client.close());
  const began = Date.now();
  const values = client.subscribe({ channels: ['a'] });
  const [status, live] = await Promise.allSettled([client.status(), values.next()]);
  t.match(status, { status: 'rejected', reason: { code: 'central-unreachable', retryable: true } });
  t.match(live, { status: 'rejected', reason: { message: /Subscribe brought nothing for 10 s/, retryable: true } });
  // It is told what is left when the call leaves, and counts from when that comes: later by what this machine took in between.
  const { firstMs = 0 } = DEADLINES.GetStatus;
  t.ok(Number(deadline) >= began + firstMs - 10, 'the server is told the deadline');
  t.ok(Number(deadline) <= heardAt + firstMs + 10, 'and gives it no more than it has');
  t.same(asked.slice(0, 2).sort(), ['GetStatus', 'Subscribe']);
});
