import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials, status } from '@grpc/grpc-js';
import t, { type Test } from 'tap';
import type { Coverage } from '../../../gateway/query/coverage/coverage.ts';
import type { Samples } from '../../../gateway/query/telemetry.ts';
import { type QueryPiece, TelemetryClient } from '../../../sync/api/client.ts';
import {
  FLIGHT_SERVICE,
  HEALTH_SERVICE,
  loadProtos,
  serviceOf,
  TELEMETRY_SERVICE,
} from '../../../sync/api/descriptor.ts';
import type { LiveUpdateMessage } from '../../../sync/api/live-messages.ts';
import { startTelemetryServer, type TelemetryServer, type TelemetryServerOptions } from '../../../sync/api/server.ts';
import type { LiveValue } from '../../../sync/fanout/live-update.ts';
import { freePort } from '../../free-port.ts';
import { StolenTime } from '../../stolen-time.ts';
import { waitFor } from '../../wait-for.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';

const HOST = '127.0.0.1';

async function serve(
  t: Test,
  telemetry: MemoryTelemetry,
  options: Partial<TelemetryServerOptions> = {},
): Promise<{ client: TelemetryClient; server: TelemetryServer }> {
  const server = await startTelemetryServer({
    host: HOST,
    port: 0,
    telemetry,
    feed: { feed: () => [] },
    status: () => exampleStatus(),
    storeDir: tmpdir(),
    ...options,
  });
  const client = new TelemetryClient({ host: HOST, port: server.port });
  t.teardown(async () => {
    client.close();
    await server.stop();
  });
  return { client, server };
}

/** Pieces of `perPiece` samples with times 0, 1, 2, ... and values times + 0.5. */
function* ramp(samples: number, perPiece: number): IterableIterator<Samples> {
  for (let start = 0; start < samples; start += perPiece) {
    const length = Math.min(perPiece, samples - start);
    const times = Float64Array.from({ length }, (_, i) => start + i);
    yield { times, values: times.map((time) => time + 0.5) };
  }
}

async function collect(pieces: AsyncIterable<QueryPiece>): Promise<QueryPiece[]> {
  const got: QueryPiece[] = [];
  for await (const piece of pieces) got.push(piece);
  return got;
}

t.test('answers a query channel after channel, each sample once and in order', async (t) => {
  const telemetry = new MemoryTelemetry();
  telemetry.add('a', () => ramp(40_000, 30_000));
  telemetry.add('none', () => ramp(0, 1));
  telemetry.add('b', () => ramp(3, 2));
  const { client } = await serve(t, telemetry);
  const times: number[][] = [[], [], []];
  for await (const piece of client.query({ channels: ['a', 'none', 'b'] })) {
    if (!('samples' in piece)) throw new Error('an envelope was not asked for');
    t.ok(piece.samples.times.length <= 16_384, 'chunks are bounded');
    times[piece.channel]?.push(...piece.samples.times);
    t.equal(piece.samples.values.at(-1), (piece.samples.times.at(-1) ?? 0) + 0.5);
  }
  t.equal(times[0]?.length, 40_000);
  t.ok(times[0]?.every((time, i) => time === i));
  t.same(times.slice(1), [[], [0, 1, 2]]);
});

t.test('keeps every bit of every value: NaN payloads, the sign of zero, infinities, denormals', async (t) => {
  const bits = [0x7ff8000000000000n, 0x7ff0000000000001n, 0xfff8dead0000beefn, 1n << 63n, 0x7ff0000000000000n, 1n];
  const values = new Float64Array(new BigUint64Array(bits).buffer);
  const telemetry = new MemoryTelemetry();
  const times = Float64Array.from(values, (_, i) => i);
  telemetry.add('odd', () => [{ times, values }].values());
  const { client } = await serve(t, telemetry);
  const [piece] = await collect(client.query({ channels: ['odd'] }));
  const got = piece !== undefined && 'samples' in piece ? piece.samples.values : undefined;
  t.ok(got instanceof Float64Array);
  t.same(got instanceof Float64Array ? [...new BigUint64Array(got.buffer)] : [], bits);
});

t.test('carries text, also texts that are longer than a chunk', async (t) => {
  const texts = ['', 'grün', 'x'.repeat(300_000), 'y'.repeat(100_000), 'z'.repeat(100_000), '\u{1f3ce}'];
  const telemetry = new MemoryTelemetry();
  const times = Float64Array.from(texts, (_, i) => i);
  telemetry.add('words', () => [{ times, values: texts }].values(), 'box', 'text');
  const { client } = await serve(t, telemetry);
  const pieces = await collect(client.query({ channels: ['words'] }));
  t.ok(pieces.length > 2, 'in several chunks');
  t.same(
    pieces.flatMap((piece) => ('samples' in piece ? [...piece.samples.values] : [])),
    texts,
  );
});

t.test('answers an envelope with its range and columns', async (t) => {
  const telemetry = new MemoryTelemetry();
  telemetry.add('a', () => ramp(0, 1));
  const { client } = await serve(t, telemetry);
  const [piece] = await collect(client.query({ channels: ['a'], from: 5, to: 9, pixels: 4 }));
  t.match(piece, { channel: 0, envelope: { from: 5, to: 9, pixels: 4, max: Float64Array.of(0, 1, 2, 3) } });
});

t.test('says first of each channel what is missing and why, or nothing else', async (t) => {
  const telemetry = new MemoryTelemetry();
  telemetry.add('a', () => ramp(3, 3));
  telemetry.add('b', () => ramp(3, 3));
  const lack: Coverage = {
    ...{ from: 0, to: 9, waits: 'lte: budget used up' },
    stretches: [
      { from: 0, to: 4, state: 'full', cause: '', count: 0 },
      { from: 4, to: 6, state: 'outline', cause: 'not-sent', count: 7 },
      { from: 6, to: 9, state: 'missing', cause: 'ring-full', count: 0 },
    ],
  };
  telemetry.lacks.set(2, lack);
  const { client } = await serve(t, telemetry);
  const ask = { channels: ['a', 'b'], from: 0, to: 9 };
  const full = { from: 0, to: 9, stretches: [{ from: 0, to: 9, state: 'full', cause: '', count: 0 }], waits: '' };
  const kinds = (pieces: QueryPiece[]) => pieces.map((piece) => `${piece.channel} ${Object.keys(piece)[1]}`);
  const first = await collect(client.query({ ...ask, coverage: 'first' }));
  t.same(kinds(first), ['0 coverage', '0 samples', '1 coverage', '1 samples']);
  const only = await collect(client.query({ ...ask, coverage: 'only' }));
  t.same(only, [
    { channel: 0, coverage: full },
    { channel: 1, coverage: lack },
  ]);
  t.same(kinds(await collect(client.query(ask))), ['0 samples', '1 samples'], 'who does not ask is told nothing');
});

t.test('names what is wrong with a question, with the code of the error and its hint', async (t) => {
  const telemetry = new MemoryTelemetry();
  telemetry.add('a', () => ramp(1, 1));
  telemetry.add('twice', () => ramp(1, 1), 'box1');
  telemetry.add('twice', () => ramp(1, 1), 'box2');
  const { client } = await serve(t, telemetry);
  const cases = [
    { ask: { channels: ['b'] }, code: 'channel-unknown', hint: 'häh?' },
    { ask: { channels: [] }, code: 'query-invalid' },
    { ask: { channels: ['twice'] }, code: 'query-invalid' },
    { ask: { channels: ['a'], from: 2, to: 2 }, code: 'query-invalid' },
    { ask: { channels: ['a'], from: Number.NaN }, code: 'query-invalid' },
    { ask: { channels: ['a'], from: 2, pixels: 10 }, code: 'query-invalid' },
    { ask: { channels: Array.from({ length: 257 }, () => 'a') }, code: 'query-invalid' },
  ];
  for (const { ask, ...expected } of cases) await t.rejects(collect(client.query(ask)), expected);
  t.equal((await collect(client.query({ channels: ['twice'], gateway: 'box2' }))).length, 1);
  await t.rejects(client.subscribe({ channels: ['a'], rateMax: 61 }).next(), { code: 'query-invalid' });
  await t.rejects(client.subscribe({ channels: ['b'] }).next(), { code: 'channel-unknown' });
});

t.test('says that nobody answers, and that this can change', async (t) => {
  // One that no other process is given while nobody listens there.
  const port = await freePort();
  const { server } = await serve(t, new MemoryTelemetry(), { port });
  await server.stop();
  const client = new TelemetryClient({ host: HOST, port });
  t.teardown(() => client.close());
  await t.rejects(client.status(), {
    ...{ code: 'central-unreachable', retryable: true },
    message: /^127\.0\.0\.1:\d+: connect ECONNREFUSED \(UNAVAILABLE\)$/,
  });
  await t.rejects(collect(client.query({ channels: ['a'] })), { code: 'central-unreachable', retryable: true });
});

t.test('lists channels page by page, by gateway and by name', async (t) => {
  const telemetry = new MemoryTelemetry();
  for (let i = 0; i < 12_345; i += 1) telemetry.add(`channel${i}`, () => ramp(0, 1), i % 2 === 0 ? 'even' : 'odd');
  const { client } = await serve(t, telemetry);
  t.same(await client.listChannels(), telemetry.channels());
  t.equal((await client.listChannels({ gateway: 'odd' })).length, 6_172);
  const named = await client.listChannels({ names: ['channel12344', 'channel7', 'nobody'] });
  t.same(
    named.map(({ name }) => name),
    ['channel7', 'channel12344'],
  );
});

t.test('tells its status', async (t) => {
  const { client } = await serve(t, new MemoryTelemetry());
  t.same(await client.status(), exampleStatus());
});

t.test('reads no further than a slow reader takes, and stops reading when it goes', async (t) => {
  const telemetry = new MemoryTelemetry();
  const pieces = 5_000;
  let made = 0;
  let isClosed = false;
  telemetry.add('long', function* () {
    try {
      for (const piece of ramp(pieces * 4096, 4096)) {
        made += 1;
        yield piece;
      }
    } finally {
      isClosed = true;
    }
  });
  const { client } = await serve(t, telemetry);
  const before = process.memoryUsage().arrayBuffers;
  let taken = 0;
  for await (const _piece of client.query({ channels: ['long'] })) {
    taken += 1;
    if (taken < 20) await delay(10);
    else if (taken === 20) {
      await settled(() => made);
      const mostAhead = 8 * 1024 * 1024;
      t.ok((made - taken) * 4096 * 16 < mostAhead, `${made} pieces made for ${taken} taken`);
      t.ok(process.memoryUsage().arrayBuffers - before < 4 * mostAhead, 'memory is bounded');
    } else break;
  }
  await waitFor('the server lets go of the store', () => isClosed);
  t.ok(made < pieces / 2);
});

t.test('sends the latest values at once and then as they change', async (t) => {
  const telemetry = new MemoryTelemetry();
  const { id: a } = telemetry.add('a', () => ramp(0, 1));
  const { id: b } = telemetry.add('b', () => ramp(0, 1));
  telemetry.commit(a, 100, 1);
  const { client } = await serve(t, telemetry);
  const updates = client.subscribe({ channels: ['b', 'a', 'b'], rateMax: 60 });
  t.same((await updates.next()).value, [{ channel: 1, time: 100, value: 1 }]);
  telemetry.commit(b, 101, Number.NaN);
  t.same((await updates.next()).value, [
    { channel: 0, time: 101, value: Number.NaN },
    { channel: 2, time: 101, value: Number.NaN },
  ]);
  telemetry.commit(a, 99, 2);
  telemetry.commit(b, 102, 3);
  const changed = ((await updates.next()).value as LiveValue[]).map(({ channel, value }) => [channel, value]);
  t.same(
    changed,
    [
      [0, 3],
      [2, 3],
    ],
    'what is older than known is no news',
  );
  await updates.return();
  await waitFor('the server stops following', () => telemetry.followers === 0);
});

t.test('ends a subscription that is aborted, quietly', async (t) => {
  const telemetry = new MemoryTelemetry();
  telemetry.add('a', () => ramp(0, 1));
  const { client } = await serve(t, telemetry);
  const stop = new AbortController();
  const next = client.subscribe({ channels: ['a'] }, stop.signal).next();
  await waitFor('the server follows', () => telemetry.followers === 1);
  stop.abort();
  t.same(await next, { value: undefined, done: true });
  await waitFor('the server stops following', () => telemetry.followers === 0);
});

t.test('shows a busy reader the latest value, not those it missed', async (t) => {
  const telemetry = new MemoryTelemetry();
  const { id } = telemetry.add('a', () => ramp(0, 1));
  telemetry.commit(id, 0, 0);
  const { client } = await serve(t, telemetry);
  const updates = client.subscribe({ channels: ['a'], rateMax: 60 });
  await updates.next();
  for (let time = 1; time <= 60; time += 1) {
    telemetry.commit(id, time, time);
    await delay(5);
  }
  await delay(100);
  const got: LiveValue[] = [];
  while (got.at(-1)?.value !== 60) got.push(...((await updates.next()).value as LiveValue[]));
  // Where this process was kept from running, one may be on its way yet, and one wait for the end of its interval.
  t.ok(got.length <= 3, `updates seen: ${got.map(({ value }) => value).join(' ')}`);
  await updates.return();
});

t.test('keeps no queue for a reader that does not read at all', async (t) => {
  const telemetry = new MemoryTelemetry();
  const names = Array.from({ length: 2_000 }, (_, i) => `channel${i}`);
  const ids = names.map((name) => telemetry.add(name, () => ramp(0, 1)).id);
  const { server } = await serve(t, telemetry);
  const method = serviceOf(loadProtos(), TELEMETRY_SERVICE).Subscribe;
  if (method === undefined) throw new Error('no Subscribe');
  // Without a gRPC client, because that reads ahead on its own account.
  const session = connect(`http://${HOST}:${server.port}`, { settings: { initialWindowSize: 16_384 } });
  t.teardown(() => session.destroy());
  const headers = { ':method': 'POST', ':path': method.path, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request(headers);
  const request = method.requestSerialize({ channels: names, gateway: '', rateMax: 60 });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(request.length, 1);
  stream.end(Buffer.concat([prefix, request]));
  await waitFor('the server follows', () => telemetry.followers === 1);
  const rounds = 120;
  for (let time = 1; time <= rounds; time += 1) {
    for (const id of ids) telemetry.commit(id, time, time);
    await delay(5);
  }
  const seen: number[] = [];
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    for (let end = 0; bytes.length >= 5; bytes = bytes.subarray(end)) {
      end = 5 + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      const { values } = method.responseDeserialize(bytes.subarray(5, end)) as LiveUpdateMessage;
      seen.push(values[0]?.time ?? 0);
    }
    if (seen.at(-1) === rounds) break;
  }
  t.ok(seen.length <= 4, `updates sent: ${seen.join(' ')}`);
  t.equal(seen.at(-1), rounds);
});

t.test('says which samples are late', async (t) => {
  const telemetry = new MemoryTelemetry();
  const times = Float64Array.of(1, 2, 3);
  telemetry.add('late', () => [{ times, values: times, late: Uint8Array.of(0, 1, 0) }].values());
  telemetry.add('none', () => [{ times, values: times }].values());
  const { client } = await serve(t, telemetry);
  const late = (await collect(client.query({ channels: ['late', 'none'] }))).map((piece) =>
    'samples' in piece ? piece.samples.late : undefined,
  );
  t.same([...(late[0] ?? [])], [0, 1, 0]);
  t.equal(late[1], undefined);
});

t.test('refuses to listen wider than this machine', async (t) => {
  const parts = {
    port: 0,
    telemetry: new MemoryTelemetry(),
    feed: { feed: () => [] },
    status: () => exampleStatus(),
    storeDir: tmpdir(),
  };
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org', '127.evil.example']) {
    await t.rejects(startTelemetryServer({ ...parts, host }), { code: 'config-invalid', message: host }, host);
  }
  for (const host of ['localhost', '127.0.0.2']) {
    const server = await startTelemetryServer({ ...parts, host });
    t.ok(server.port > 0);
    await server.stop();
  }
});

t.test('says when its port is taken', async (t) => {
  const { server } = await serve(t, new MemoryTelemetry());
  const parts = {
    telemetry: new MemoryTelemetry(),
    feed: { feed: () => [] },
    status: () => exampleStatus(),
    storeDir: tmpdir(),
  };
  await t.rejects(startTelemetryServer({ ...parts, host: HOST, port: server.port }), { code: 'port-unavailable' });
});

t.test('speaks the health protocol', async (t) => {
  const { server } = await serve(t, new MemoryTelemetry());
  const { Check, Watch } = serviceOf(loadProtos(), HEALTH_SERVICE);
  if (Check === undefined || Watch === undefined) throw new Error('no health service');
  const client = new Client(`${HOST}:${server.port}`, credentials.createInsecure());
  t.teardown(() => client.close());
  const check = (service: string) =>
    new Promise<object>((resolve, reject) => {
      client.makeUnaryRequest(
        Check.path,
        Check.requestSerialize,
        Check.responseDeserialize,
        { service },
        (error, got) => (error === null && got !== undefined ? resolve(got) : reject(error)),
      );
    });
  t.same(await check(''), { status: 'SERVING' });
  t.same(await check(TELEMETRY_SERVICE), { status: 'SERVING' });
  await t.rejects(check('nobody.Knows'), { code: status.NOT_FOUND });
  const watch = client.makeServerStreamRequest(Watch.path, Watch.requestSerialize, Watch.responseDeserialize, {
    service: '',
  });
  const seen: object[] = [];
  let stopped: Promise<void> | undefined;
  for await (const each of watch) {
    seen.push(each as object);
    stopped ??= server.stop();
  }
  await stopped;
  t.same(seen, [{ status: 'SERVING' }, { status: 'NOT_SERVING' }]);
});

t.test('describes itself by reflection', async (t) => {
  const { server } = await serve(t, new MemoryTelemetry());
  const client = new Client(`${HOST}:${server.port}`, credentials.createInsecure());
  t.teardown(() => client.close());
  // ServerReflectionRequest{list_services: ""}: field 7, and the names come back as text.
  const call = client.makeBidiStreamRequest(
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
  );
  const answer = new Promise<Buffer>((resolve, reject) => {
    call.once('data', resolve);
    call.once('error', reject);
  });
  call.write(Buffer.of(0x3a, 0x00));
  const text = (await answer).toString('latin1');
  call.end();
  for (const name of [TELEMETRY_SERVICE, HEALTH_SERVICE, FLIGHT_SERVICE]) t.ok(text.includes(name), name);
});

t.test('ends open streams when it stops', async (t) => {
  const telemetry = new MemoryTelemetry();
  telemetry.add('a', () => ramp(0, 1));
  const { client, server } = await serve(t, telemetry);
  const next = client.subscribe({ channels: ['a'] }).next();
  await waitFor('the server follows', () => telemetry.followers === 1);
  const started = performance.now();
  const stolen = new StolenTime(t);
  const [outcome] = await Promise.allSettled([next, server.stop()]);
  t.match(outcome, { status: 'rejected', reason: { code: 'server-stopping', retryable: true } });
  t.ok(performance.now() - started - stolen.ms < 900, 'without waiting for the streams');
});

/** Resolves when a number has not changed for a while. */
async function settled(number: () => number): Promise<void> {
  for (let last = -1; last !== number(); ) {
    last = number();
    await delay(100);
  }
}

t.test('what a follower has kept is heard, of the feed that is served and of no other', async (t) => {
  const heard: unknown[] = [];
  const boot = { kind: 'boot', position: 1, gateway: 'box', boot: 'f', started: 0 } as const;
  const { client } = await serve(t, new MemoryTelemetry(), {
    feed: { feed: (after) => (after === 0 ? [boot] : []) },
    acknowledge: (word) => {
      heard.push([word.follower, word.position]);
      return { wanted: Uint8Array.of(1, 2), refused: '' };
    },
  });
  const answers: number[] = [];
  for (const feed of ['f', 'another', '']) {
    answers.push((await client.acknowledge({ follower: 'hq', feed, position: 7 })).wanted.length);
  }
  t.same(heard, [['hq', 7]]);
  t.same(answers, [2, 0, 0], 'what is to be proven is asked for');
});
