import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { tableFromIPC } from 'apache-arrow';
import t, { type Test } from 'tap';
import { startDashboard } from '../../dashboards/server/dashboard.ts';
import { DATA_CHANNELS_MAX } from '../../dashboards/server/data/data-request.ts';
import { DATA_STREAMS_MAX } from '../../dashboards/server/data/data-streams.ts';
import type { Samples } from '../../gateway/query/telemetry.ts';
import { ODD_BITS, ODD_NUMBERS } from '../gateway/table/example-table.ts';
import { MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { waitFor } from '../wait-for.ts';
import { fakeStatus, utcNow } from './fake-telemetry.ts';

const webRoot = await mkdtemp(join(tmpdir(), 'caisson-data-'));
await writeFile(join(webRoot, 'index.html'), '<!doctype html>');
t.teardown(() => rm(webRoot, { recursive: true }));

const FIRST = 1_748_779_200_000_000;
const RANGE = `from=${FIRST}&to=2025-06-01T13:00:00Z`;

async function serve(t: Test, telemetry: MemoryTelemetry): Promise<number> {
  const status = () => fakeStatus(utcNow());
  const dashboard = await startDashboard({
    host: '127.0.0.1',
    port: 0,
    telemetry,
    status,
    isStale: () => false,
    webRoot,
    utcNow,
  });
  t.teardown(() => dashboard.stop());
  return dashboard.port;
}

async function open(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<IncomingMessage> {
  const sent = request({ host: '127.0.0.1', port, path, headers, method, agent: false });
  sent.on('error', () => {});
  sent.end();
  const [response] = await once(sent, 'response');
  return response;
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function get(port: number, search: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await open(port, `/api/v1/data?${search}`, headers, method);
  return { status: response.statusCode, headers: response.headers, body: await bodyOf(response) };
}

/** A store of two gateways, with numbers, text and a late sample. */
function exampleTelemetry(): MemoryTelemetry {
  const telemetry = new MemoryTelemetry();
  const times = Float64Array.from(ODD_NUMBERS, (_, i) => FIRST + i);
  const late = Uint8Array.from(times, (_, i) => (i === 3 ? 1 : 0));
  telemetry.add('odd', () => [{ times, values: ODD_NUMBERS, late }].values());
  const noted = { times: Float64Array.of(FIRST, FIRST + 5), values: ['green', 'say "red", please'] };
  telemetry.add('note', () => [noted].values(), 'box', 'text');
  telemetry.add('twice', () => [].values());
  telemetry.add('twice', () => [].values(), 'other');
  return telemetry;
}

/** Pieces without an end, as long as somebody takes them. */
function* endless(onPiece: () => void): IterableIterator<Samples> {
  for (let piece = 0; ; piece += 1) {
    onPiece();
    const times = Float64Array.from({ length: 16_384 }, (_, i) => FIRST + piece * 16_384 + i);
    yield { times, values: times };
  }
}

t.test('an answer says whether all is in it, and its file what lacks and why', async (t) => {
  const telemetry = exampleTelemetry();
  const stretches = [
    { from: FIRST, to: FIRST + 50, state: 'full' as const, cause: '', count: 0 },
    { from: FIRST + 50, to: FIRST + 90, state: 'missing' as const, cause: 'not-sent', count: 8 },
  ];
  telemetry.lacks.set(1, { from: FIRST, to: FIRST + 90, stretches, waits: 'lte: it failed' });
  const port = await serve(t, telemetry);
  const whole = await get(port, `channels=note&${RANGE}`);
  t.equal(whole.headers['caisson-coverage'], 'full');
  t.equal(tableFromIPC(whole.body).schema.metadata.get('caisson.coverage'), '[]');
  const part = await get(port, `channels=note,odd&${RANGE}`);
  t.equal(part.headers['caisson-coverage'], 'partial');
  t.same(JSON.parse(tableFromIPC(part.body).schema.metadata.get('caisson.coverage') ?? ''), [
    { gateway: 'box', name: 'odd', stretches: stretches.slice(1), waits: 'lte: it failed' },
  ]);
  const charts = await bodyOf(await open(port, `/api/v1/query?channels=odd&${RANGE}&pixels=2`));
  t.match(JSON.parse(charts.toString()).channels[0].coverage, { stretches, waits: 'lte: it failed' });
});

t.test('samples come as Arrow, with every bit, the late flag and what the channels are', async (t) => {
  const port = await serve(t, exampleTelemetry());
  const { status, headers, body } = await get(port, `channels=odd,note&${RANGE}`);
  t.equal(status, 200);
  t.equal(headers['content-type'], 'application/vnd.apache.arrow.stream');
  t.equal(headers['content-disposition'], 'attachment; filename="samples.arrows"');
  t.match(headers['content-security-policy'], "default-src 'none'");
  const table = tableFromIPC(body);
  t.same(
    table.schema.fields.map(({ name }) => name),
    ['gateway', 'channel', 'time', 'value', 'text', 'late'],
  );
  const [odd, note] = table.batches;
  t.same([...new BigUint64Array(odd?.getChild('value')?.toArray().slice().buffer)], ODD_BITS);
  t.same(
    [...(odd?.getChild('late') ?? [])].map((late, i) => (late ? i : -1)).filter((i) => i >= 0),
    [3],
  );
  t.same([...(note?.getChild('text') ?? [])], ['green', 'say "red", please']);
  t.match(JSON.parse(table.schema.metadata.get('caisson.channels') ?? ''), [
    { gateway: 'box', name: 'odd' },
    { name: 'note' },
  ]);
});

t.test('CSV and Arrow are compressed for who takes gzip, Parquet compresses by itself', async (t) => {
  const port = await serve(t, exampleTelemetry());
  const plain = await get(port, `channels=note&${RANGE}&format=csv`);
  t.equal(
    plain.body.toString(),
    'gateway,channel,time,text,late\n' +
      'box,note,2025-06-01T12:00:00.000000Z,green,0\n' +
      'box,note,2025-06-01T12:00:00.000005Z,"say ""red"", please",0\n',
  );
  const gzip = { 'Accept-Encoding': 'br, gzip' };
  const packed = await get(port, `channels=note&${RANGE}&format=csv`, gzip);
  t.equal(packed.headers['content-encoding'], 'gzip');
  t.same(gunzipSync(packed.body), plain.body);
  const parquet = await get(port, `channels=odd&${RANGE}&format=parquet`, gzip);
  t.equal(parquet.headers['content-encoding'], undefined);
  t.equal(parquet.body.subarray(0, 4).toString(), 'PAR1');
  t.equal(parquet.body.subarray(-4).toString(), 'PAR1');
});

t.test('a chart of so many pixels comes as its extremes', async (t) => {
  const telemetry = new MemoryTelemetry();
  telemetry.add('sine', () => endless(() => {}));
  const nan = new Float64Array(3).fill(Number.NaN);
  telemetry.envelope = (_channel, from, to, pixels) => {
    t.same([from, to, pixels], [FIRST, FIRST + 300, 3]);
    return {
      from,
      to,
      pixels,
      count: Float64Array.of(2, 0, 7),
      min: nan,
      max: Float64Array.of(1, 2, 3),
      first: nan,
      last: nan,
    };
  };
  const port = await serve(t, telemetry);
  const search = `channel=sine&from=${FIRST}&to=${FIRST + 300}&pixels=3&format=csv`;
  t.equal(
    (await get(port, search)).body.toString(),
    'gateway,channel,time,count,min,max,first,last\n' +
      'box,sine,2025-06-01T12:00:00.000000Z,2,NaN,1,NaN,NaN\n' +
      'box,sine,2025-06-01T12:00:00.000200Z,7,NaN,3,NaN,NaN\n',
  );
});

t.test('what cannot be answered is refused, saying why', async (t) => {
  const port = await serve(t, exampleTelemetry());
  const many = Array.from({ length: DATA_CHANNELS_MAX + 1 }, () => 'odd').join(',');
  for (const [search, status, message] of [
    ['', 400, '0 channels, expected 1 to 256'],
    [`channels=${many}`, 400, '257 channels'],
    ['channels=odd&format=xls', 400, 'format is "xls", expected arrow, parquet, csv'],
    ['channels=odd&form=csv', 400, 'there is no parameter "form"'],
    ['channels=odd&pixels=0', 400, 'pixels is 0, expected 1 to 16384'],
    ['channels=odd&pixels=99999', 400, 'pixels is 99999'],
    ['channels=odd&pixels=x', 400, 'pixels is "x"'],
    ['channels=note&pixels=10', 400, 'note is text, which has no envelope'],
    ['channels=odd&version=-1', 400, 'version is "-1"'],
    ['channels=odd&version=99', 400, 'there is no version 99 of the past of box, but only 0'],
    ['channels=odd&from=yesterday', 400, 'from is "yesterday"'],
    [`channels=odd&from=${FIRST}&to=${FIRST}`, 400, 'is not before'],
    ['channels=twice', 400, 'twice is on several gateways'],
    ['channels=nothing', 404, 'no channel is named nothing'],
  ] as const) {
    const reply = await get(port, search);
    t.equal(reply.status, status, search);
    t.match(JSON.parse(reply.body.toString()).error.message, message);
  }
  t.equal((await get(port, 'channels=twice&gateway=other')).status, 200);
  t.equal((await get(port, 'channels=odd', { Host: 'attacker.example' })).status, 403);
});

t.test('HEAD has the status and headers of GET, and reads no sample; other methods are refused', async (t) => {
  const telemetry = exampleTelemetry();
  const port = await serve(t, telemetry);
  for (const search of [`channels=odd&${RANGE}&format=csv`, `channels=odd&${RANGE}`, 'channels=nothing']) {
    const whole = await get(port, search, { 'Accept-Encoding': 'gzip' });
    const raw = telemetry.raw;
    telemetry.raw = () => t.fail('a sample is read') as never;
    const head = await get(port, search, { 'Accept-Encoding': 'gzip' }, 'HEAD');
    telemetry.raw = raw;
    t.equal(head.status, whole.status, search);
    const told = ({ headers }: typeof head) =>
      Object.entries(headers).filter(([name]) => !/^(date|connection|content-length|transfer-encoding)$/.test(name));
    t.same(told(head), told(whole), search);
    t.equal(head.body.length, 0);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const refused = await get(port, 'channels=odd', {}, method);
    t.equal(refused.status, 405, method);
    t.equal(refused.headers.allow, 'GET, HEAD');
  }
});

t.test('an answer says which range it is of, where none was asked for too', async (t) => {
  const port = await serve(t, exampleTelemetry());
  const { headers } = await get(port, `channels=odd&${RANGE}`);
  t.equal(headers['caisson-from'], '2025-06-01T12:00:00.000000Z');
  t.equal(headers['caisson-to'], '2025-06-01T13:00:00.000000Z');
  const { headers: last } = await get(port, 'channels=odd');
  t.equal(Date.parse(String(last['caisson-to'])) - Date.parse(String(last['caisson-from'])), 60_000);
});

t.test('the store is read no faster than the reader takes it', async (t) => {
  const telemetry = new MemoryTelemetry();
  let made = 0;
  telemetry.add('endless', () => endless(() => (made += 1)));
  const port = await serve(t, telemetry);
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write('GET /api/v1/data?channels=endless HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await waitFor('pieces are made', () => made > 2);
  // What the kernel holds between two sockets is all that is read ahead: it is full when nothing more is made for a while.
  let seen = made;
  let since = performance.now();
  await waitFor('nothing more is made', () => {
    if (made !== seen) [seen, since] = [made, performance.now()];
    return performance.now() - since > 500;
  });
  const held = made;
  t.ok(held < 100, `${held} pieces of 300 kB`);
  socket.resume();
  await waitFor('it goes on', () => made > held + 20);
});

t.test(
  'more answers at a time than there may be are refused, and there is room again when a reader leaves',
  async (t) => {
    const telemetry = new MemoryTelemetry();
    telemetry.add('endless', () => endless(() => {}));
    const port = await serve(t, telemetry);
    const readers = [];
    for (let i = 0; i < DATA_STREAMS_MAX; i += 1) readers.push(await open(port, '/api/v1/data?channels=endless'));
    for (const reader of readers) reader.on('error', () => {});
    const refused = await get(port, 'channels=endless');
    t.equal(refused.status, 503);
    t.match(JSON.parse(refused.body.toString()).error, {
      code: 'query-limit',
      hint: 'try again when one of them has ended',
    });
    readers[0]?.destroy();
    for (let status = 503; status !== 200; ) {
      const next = await open(port, '/api/v1/data?channels=endless');
      next.on('error', () => {});
      next.destroy();
      status = next.statusCode ?? 0;
    }
    for (const reader of readers) reader.destroy();
  },
);

t.test('a body that cannot be completed is broken off, never ended as if it were whole', async (t) => {
  const telemetry = new MemoryTelemetry();
  telemetry.add('broken', function* () {
    yield { times: Float64Array.of(FIRST), values: Float64Array.of(1) };
    throw new Error('the disk is gone');
  });
  const port = await serve(t, telemetry);
  for (const headers of [{}, { 'Accept-Encoding': 'gzip' }]) {
    const read = async () => bodyOf(await open(port, '/api/v1/data?channels=broken&format=csv', headers));
    await t.rejects(read(), { code: 'ECONNRESET' });
  }
});
