import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { type Dashboard, startDashboard, VIEWERS_MAX } from '../../dashboards/server/dashboard.ts';
import { type ClientFrame, WIRE_PROTOCOL } from '../../dashboards/wire.ts';
import { encodeBegin, encodeEnd } from '../../gateway/analysis/cycles/cycle-channels.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { freePort } from '../free-port.ts';
import { FakeTelemetry, fakeStatus, utcNow } from './fake-telemetry.ts';
import { SocketClient } from './socket-client.ts';

const webRoot = await mkdtemp(join(tmpdir(), 'caisson-dashboard-'));
const PAGE = `<!doctype html>${'<p>page</p>'.repeat(100)}`;
await mkdir(join(webRoot, 'assets'));
await writeFile(join(webRoot, 'index.html'), PAGE);
await writeFile(join(webRoot, 'assets/index-abc123.js'), 'console.log(1)');
/** Takes tens of milliseconds to compress. */
const LARGE = Array.from({ length: 20_000 }, (_, i) => `let v${(i * i) % 7919} = ${i};`).join('\n');
await writeFile(join(webRoot, 'assets/large-def456.js'), LARGE);
await writeFile(join(webRoot, 'secret.key'), 'not a file of a web app');
t.teardown(() => rm(webRoot, { recursive: true }));

interface Served {
  readonly dashboard: Dashboard;
  readonly telemetry: FakeTelemetry;
}

async function serve(t: Test, status: () => GatewayStatus = () => fakeStatus(utcNow())): Promise<Served> {
  const telemetry = new FakeTelemetry(
    [
      { definition: { name: 'car/sine', unit: 'V' }, rateHz: 100, value: (s) => Math.sin(s) },
      { definition: { name: 'car/nan' }, rateHz: 1, value: () => Number.NaN },
      { definition: { name: 'car/note', type: 'text' }, rateHz: 1, value: (s) => `note ${s}` },
      { definition: { name: 'odd,name' }, rateHz: 1, value: () => 1 },
    ],
    utcNow() - 60e6,
  );
  telemetry.advance(utcNow());
  const dashboard = await startDashboard({
    host: '127.0.0.1',
    port: 0,
    telemetry,
    status,
    isStale: telemetry.isStale,
    webRoot,
    utcNow,
  });
  t.teardown(() => dashboard.stop());
  return { dashboard, telemetry };
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

async function get(
  dashboard: Dashboard,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Reply> {
  const sent = request({ host: '127.0.0.1', port: dashboard.port, path, headers, method, agent: false });
  sent.end();
  const [response] = await once(sent, 'response');
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) };
}

const PATHS = [
  '/',
  '/assets/index-abc123.js',
  '/healthz',
  '/readyz',
  '/metrics',
  '/api/v1/channels',
  '/api/v1/status',
  '/api/v1/query?channels=car/sine&pixels=10',
  '/api/v1/cycles',
  '/nowhere',
];

t.test('every answer carries the security headers', async (t) => {
  const { dashboard } = await serve(t);
  for (const path of PATHS) {
    const { headers } = await get(dashboard, path);
    t.match(headers['content-security-policy'], "default-src 'none'; script-src 'self'; style-src 'self'", path);
    t.notMatch(headers['content-security-policy'], /unsafe|https?:|\*/, path);
    t.match(headers['content-security-policy'], "frame-ancestors 'none'", path);
    t.equal(headers['x-content-type-options'], 'nosniff', path);
    t.equal(headers['referrer-policy'], 'no-referrer', path);
    t.equal(headers['cross-origin-resource-policy'], 'same-origin', path);
    t.equal(headers['access-control-allow-origin'], undefined, path);
  }
});

t.test('every path refuses a host name that is not this machine', async (t) => {
  const { dashboard } = await serve(t);
  for (const path of PATHS) {
    for (const host of [
      'attacker.example',
      'attacker.example:8080',
      'localhost.attacker.example',
      '127.0.0.1.nip.example',
    ]) {
      const { status } = await get(dashboard, path, { Host: host });
      t.equal(status, 403, `${path} for ${JSON.stringify(host)}`);
    }
  }
  for (const host of ['localhost', 'localhost:9999', '127.0.0.1', '[::1]:8080']) {
    t.equal((await get(dashboard, '/', { Host: host })).status, 200, host);
  }
});

t.test('the app comes from memory, compressed as the browser takes it, and is known again by its tag', async (t) => {
  const { dashboard } = await serve(t);
  const plain = await get(dashboard, '/');
  t.equal(plain.body.toString(), PAGE);
  t.equal(plain.headers['content-type'], 'text/html; charset=utf-8');
  t.equal(plain.headers['cache-control'], 'no-cache');
  t.equal(plain.headers.vary, 'Accept-Encoding');
  const brotli = await get(dashboard, '/', { 'Accept-Encoding': 'gzip, deflate, br, zstd' });
  t.equal(brotli.headers['content-encoding'], 'br');
  t.equal(brotliDecompressSync(brotli.body).toString(), PAGE);
  const gzip = await get(dashboard, '/', { 'Accept-Encoding': 'gzip, br;q=0' });
  t.equal(gzip.headers['content-encoding'], 'gzip');
  t.equal(gunzipSync(gzip.body).toString(), PAGE);
  const known = await get(dashboard, '/', { 'If-None-Match': String(plain.headers.etag) });
  t.equal(known.status, 304);
  t.equal(known.body.length, 0);
  const hashed = await get(dashboard, '/assets/index-abc123.js');
  t.match(hashed.headers['cache-control'], 'immutable');
});

t.test('who hangs up while a file is compressed disturbs nobody, and the next one gets it', async (t) => {
  const { dashboard } = await serve(t);
  const path = '/assets/large-def456.js';
  const hasty = connect(dashboard.port, '127.0.0.1');
  hasty.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: br\r\n\r\n`);
  // Answered after the request of the hasty one was read.
  await get(dashboard, '/healthz');
  hasty.destroy();
  const [first, second] = await Promise.all([
    get(dashboard, path, { 'Accept-Encoding': 'br' }),
    get(dashboard, path, { 'Accept-Encoding': 'br' }),
  ]);
  t.equal(brotliDecompressSync(first.body).toString(), LARGE);
  t.same(second.body, first.body);
});

t.test('unknown paths, ways out of the folder and other methods are refused', async (t) => {
  const { dashboard } = await serve(t);
  for (const path of [
    '/nowhere',
    '/../package.json',
    '/assets/../../package.json',
    '/%2e%2e/package.json',
    '/secret.key',
    '/api/v1/',
  ]) {
    t.equal((await get(dashboard, path)).status, 404, path);
  }
  t.equal((await get(dashboard, '/', {}, 'POST')).status, 405);
  t.equal((await get(dashboard, '/', {}, 'DELETE')).headers.allow, 'GET');
});

t.test('healthz says that the process answers, readyz that the gateway behind it runs', async (t) => {
  let ageUs = 0;
  const { dashboard } = await serve(t, () => fakeStatus(utcNow() - ageUs));
  t.equal((await get(dashboard, '/healthz')).status, 200);
  t.equal((await get(dashboard, '/readyz')).status, 200);
  ageUs = 6e6;
  t.equal((await get(dashboard, '/healthz')).status, 200);
  const unready = await get(dashboard, '/readyz');
  t.equal(unready.status, 503);
  const [, ageMs] = /(\d+) ms old/.exec(unready.body.toString()) ?? [];
  t.ok(Number(ageMs) >= 6000 && Number(ageMs) < 60_000, unready.body.toString());
});

t.test('the channel list has every channel with its newest sample', async (t) => {
  const { dashboard, telemetry } = await serve(t);
  const { channels } = JSON.parse((await get(dashboard, '/api/v1/channels')).body.toString());
  t.same(
    channels.map((channel: { name: string }) => channel.name),
    ['car/sine', 'car/nan', 'car/note', 'odd,name'],
  );
  t.same(channels[0].latest, telemetry.latest(1));
  t.equal(channels[1].latest.value, null);
  t.same(channels[2].latest, telemetry.latest(3));
});

t.test('the status is the gateway status', async (t) => {
  const status = fakeStatus(utcNow());
  const { dashboard } = await serve(t, () => status);
  t.same(JSON.parse((await get(dashboard, '/api/v1/status')).body.toString()), JSON.parse(JSON.stringify(status)));
});

t.test('a query answers with envelopes or raw samples, equal to those of the store', async (t) => {
  const { dashboard, telemetry } = await serve(t);
  const from = utcNow() - 30e6;
  const to = from + 10e6;
  const envelope = await get(dashboard, `/api/v1/query?channels=car/sine&from=${from}&to=${to}&pixels=7`);
  const expected = telemetry.envelope(1, from, to, 7);
  const [column] = JSON.parse(envelope.body.toString()).channels;
  t.same(column.min, Array.from(expected.min));
  t.same(column.last, Array.from(expected.last));
  t.equal(column.unit, 'V');
  const raw = await get(dashboard, `/api/v1/query?channels=car/sine,car/note&channel=odd%2Cname&from=${from}&to=${to}`);
  const { channels, truncated } = JSON.parse(raw.body.toString());
  t.equal(truncated, false);
  t.same(channels[0].values, Array.from<unknown>([...telemetry.raw(1, from, to)][0]?.values ?? []));
  t.match(channels[1].values[0], 'note ');
  t.equal(channels[2].name, 'odd,name');
  const iso = await get(
    dashboard,
    `/api/v1/query?channels=car/sine&from=${new Date(from / 1e3).toISOString()}&pixels=3`,
  );
  t.equal(iso.status, 200);
});

for (const [what, search, status, code] of [
  ['an unknown channel', 'channels=car/none', 404, 'channel-unknown'],
  ['no channel', '', 400, 'query-invalid'],
  ['a range that ends before it begins', 'channels=car/sine&from=20&to=10', 400, 'query-invalid'],
  ['a time that is none', 'channels=car/sine&from=yesterday', 400, 'query-invalid'],
  ['a fraction of a pixel', 'channels=car/sine&pixels=1.5', 400, 'query-invalid'],
  ['an envelope of text', 'channels=car/note&pixels=5', 400, 'query-invalid'],
  ['too many channels', `channels=${'car/sine,'.repeat(65)}`, 400, 'query-invalid'],
] as const) {
  t.test(`a query for ${what} is refused with ${code}`, async (t) => {
    const { dashboard } = await serve(t);
    const reply = await get(dashboard, `/api/v1/query?${search}`);
    t.equal(reply.status, status);
    t.equal(JSON.parse(reply.body.toString()).error.code, code);
  });
}

t.test('cycles are listed, of a range and a kind, and a range that is none is refused', async (t) => {
  const { dashboard, telemetry } = await serve(t);
  const { id } = telemetry.add({
    definition: { name: 'caisson/cycles/lap', type: 'text' },
    ...{ rateHz: 0, value: () => '' },
  });
  const now = utcNow();
  const [from, to] = [now - 9e6, now - 5e6];
  const begun = { number: 7, label: '', from, isSeen: true };
  telemetry.push(id, [from], [encodeBegin(begun, 'car/lap')]);
  telemetry.push(id, [to], [encodeEnd({ ...begun, to, state: 'complete', cause: undefined })]);
  const listed = async (search: string) => {
    const { body, status } = await get(dashboard, `/api/v1/cycles?${search}`);
    return status === 200 ? JSON.parse(body.toString()).cycles : status;
  };
  const lap = { gateway: 'test-gateway', name: 'lap', number: 7, label: '', from, to, state: 'complete', cause: '' };
  t.same(await listed(''), [{ ...lap, isSeen: true, late: 0 }]);
  t.equal((await listed(`name=lap&gateway=test-gateway&from=${from}&to=${to}`)).length, 1);
  t.same(await listed('name=haul'), []);
  t.same(await listed(`to=${from}`), []);
  t.equal(await listed('from=2&to=1'), 400);
});

t.test('metrics are in the text format of Prometheus and say what the status says', async (t) => {
  const { dashboard } = await serve(t, () => fakeStatus(utcNow(), { gateway: 'box "17"\\\n' }));
  const { body, headers } = await get(dashboard, '/metrics');
  const text = body.toString();
  t.match(headers['content-type'], 'version=0.0.4');
  const typed = new Set<string>();
  for (const line of text.trimEnd().split('\n')) {
    const type = /^# TYPE ([a-z_]+) (gauge|counter)$/.exec(line);
    if (type !== null) {
      t.notOk(typed.has(type[1] ?? ''), `${line} once`);
      typed.add(type[1] ?? '');
    } else if (!line.startsWith('# HELP ')) {
      const sample = /^([a-z_]+)(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/.exec(line);
      t.ok(sample !== null && typed.has(sample[1] ?? ''), line);
    }
  }
  t.match(text, 'caisson_source_samples_per_second{source="car",kind="can"} 21400\n');
  t.match(text, 'caisson_source_errors_total{source="car",kind="can",reason="dlc-short"} 2\n');
  t.match(text, 'gateway="box \\"17\\"\\\\\\n"');
  t.match(text, 'caisson_source_up{source="tyres",kind="mqtt"} 0\n');
});

t.test('a live socket is taken from its own page and from programs, and from nobody else', async (t) => {
  const { dashboard } = await serve(t);
  const { port } = dashboard;
  for (const [headers, refusal] of [
    [{ Origin: 'http://attacker.example' }, '403'],
    [{ Origin: `http://127.0.0.1:${port + 1}` }, '403'],
    [{ Origin: 'null' }, '403'],
    [{ Host: 'attacker.example', Origin: 'http://attacker.example' }, '403'],
    [{ 'Sec-WebSocket-Protocol': 'caisson-live-0' }, '400'],
  ] as const) {
    await t.rejects(SocketClient.open(port, headers), { message: new RegExp(refusal) }, JSON.stringify(headers));
  }
  for (const headers of [
    {},
    { Origin: `http://127.0.0.1:${port}` },
    { Host: 'localhost:1', Origin: 'http://localhost:1' },
  ] as const) {
    const client = await SocketClient.open(port, headers);
    t.equal((await client.wait((frame) => frame.type === 'hello')).type, 'hello');
    client.close();
  }
  const metrics = (await get(dashboard, '/metrics')).body.toString();
  t.match(metrics, 'caisson_http_refused_total 5\n');
});

const SUBSCRIBE: ClientFrame = {
  type: 'subscribe',
  frameRate: 30,
  rowRate: 4,
  historySeconds: 60,
  historyColumns: 100,
  charts: [1],
  rows: [3],
};

t.test('a live socket brings history, ticks, status and pong', async (t) => {
  const { dashboard, telemetry } = await serve(t);
  const client = await SocketClient.open(dashboard.port);
  client.send(SUBSCRIBE);
  client.send({ type: 'ping', token: 42, seenTick: 0 });
  const pong = await client.wait((frame) => frame.type === 'pong');
  t.equal(pong.type === 'pong' && pong.token, 42);
  await client.wait((frame) => frame.type === 'history');
  const status = await client.wait((frame) => frame.type === 'status');
  t.equal(status.type === 'status' && JSON.parse(status.json).gateway, 'box-17');
  telemetry.push(1, [utcNow()], [12.5]);
  await client.wait((frame) => frame.type === 'tick' && frame.charts.some((news) => news.last === 12.5));
  client.close();
});

t.test('a socket that sends nonsense is closed, the others go on', async (t) => {
  const { dashboard, telemetry } = await serve(t);
  const good = await SocketClient.open(dashboard.port);
  good.send(SUBSCRIBE);
  const bad = await SocketClient.open(dashboard.port);
  bad.sendBytes(Uint8Array.of(1, 0, 99, 0));
  await bad.closed();
  t.equal(bad.closeCode, 1007);
  telemetry.push(1, [utcNow()], [77]);
  await good.wait((frame) => frame.type === 'tick' && frame.charts.some((news) => news.last === 77));
  good.close();
});

t.test('no more viewers than the maximum are taken', async (t) => {
  const { dashboard } = await serve(t);
  const clients: SocketClient[] = [];
  for (let i = 0; i < VIEWERS_MAX; i++) clients.push(await SocketClient.open(dashboard.port));
  await t.rejects(SocketClient.open(dashboard.port), { message: /503/ });
  for (const client of clients) client.close();
});

t.test('a viewer that stops reading costs bounded memory and gets the latest state afterwards', async (t) => {
  const { dashboard, telemetry } = await serve(t);
  const many = Array.from(
    { length: 60 },
    (_, i) => telemetry.add({ definition: { name: `car/x${i}` }, rateHz: 1, value: () => 0 }).id,
  );
  const client = await SocketClient.open(dashboard.port);
  await client.wait((frame) => frame.type === 'dictionary');
  client.socket.pause();
  // Each subscription asks for histories of another span: the most that a viewer can ask for without reading.
  const counters = async () => {
    const text = (await get(dashboard, '/metrics')).body.toString();
    const read = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
    return { bytes: read('caisson_live_bytes_sent_total'), skipped: read('caisson_live_ticks_skipped_total') };
  };
  let before = await counters();
  let seconds = 10;
  let sent = before.bytes;
  let quietRounds = 0;
  while (quietRounds < 5) {
    seconds = seconds === 10 ? 11 : 10;
    client.send({ ...SUBSCRIBE, frameRate: 60, charts: many, historySeconds: seconds, historyColumns: 4096, rows: [] });
    for (const id of many)
      telemetry.push(
        id,
        Array.from({ length: 200 }, (_, i) => utcNow() - i * 40_000),
        new Array(200).fill(1),
      );
    await new Promise((resolve) => setTimeout(resolve, 60));
    const now = await counters();
    quietRounds = now.bytes === before.bytes && now.skipped > before.skipped ? quietRounds + 1 : 0;
    before = now;
    sent = now.bytes;
    if (sent > 64e6) break;
  }
  t.ok(
    sent < 32e6,
    `${(sent / 1e6).toFixed(1)} MB were sent before the server stopped sending, kernel buffers included`,
  );
  telemetry.push(many[0] ?? 0, [utcNow()], [4242]);
  client.socket.resume();
  client.send({ type: 'ping', token: 0, seenTick: 0xffff_ffff });
  await client.wait((frame) => frame.type === 'tick' && frame.charts.some((news) => news.last === 4242));
  client.close();
});

t.test('another host than loopback is refused before anything is opened', async (t) => {
  const telemetry = new FakeTelemetry([], utcNow());
  for (const host of ['0.0.0.0', '::', '192.168.1.10', 'box.local', '']) {
    const starting = startDashboard({
      host,
      port: 0,
      telemetry,
      status: () => fakeStatus(utcNow()),
      isStale: telemetry.isStale,
      webRoot,
      utcNow,
    });
    await t.rejects(starting, { code: 'config-invalid', message: /127\.0\.0\.1/ }, host);
  }
  t.equal(telemetry.listeners, 0);
});

t.test('a port that is taken and an app that is not built are told apart', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const telemetry = new FakeTelemetry([], utcNow());
  const options = {
    host: '127.0.0.1',
    telemetry,
    status: () => fakeStatus(utcNow()),
    isStale: telemetry.isStale,
    webRoot,
    utcNow,
  };
  await t.rejects(startDashboard({ ...options, port }), { code: 'port-unavailable', retryable: true });
  await t.rejects(startDashboard({ ...options, port: 0, webRoot: join(webRoot, 'assets') }), {
    code: 'dashboard-missing',
  });
  await t.rejects(startDashboard({ ...options, port: 0, webRoot: join(webRoot, 'none') }), {
    code: 'dashboard-missing',
  });
  t.equal(telemetry.listeners, 0);
});

t.test('the WebSocket subprotocol is answered', async (t) => {
  const { dashboard } = await serve(t);
  const client = await SocketClient.open(dashboard.port, { 'Sec-WebSocket-Protocol': `other, ${WIRE_PROTOCOL}` });
  await client.wait((frame) => frame.type === 'hello');
  client.close();
});

t.test(
  'stopping disconnects viewers and frees the port at once, while another dashboard may not share it',
  async (t) => {
    const telemetry = new FakeTelemetry([], utcNow());
    const status = () => fakeStatus(utcNow());
    const options = {
      host: '127.0.0.1',
      port: await freePort(),
      telemetry,
      status,
      isStale: telemetry.isStale,
      webRoot,
      utcNow,
    };
    const dashboard = await startDashboard(options);
    const client = await SocketClient.open(dashboard.port);
    await client.wait((frame) => frame.type === 'hello');
    await t.rejects(startDashboard(options), { code: 'port-unavailable' });
    dashboard.stop();
    await client.closed();
    t.equal(client.closeCode, 1001);
    t.equal(telemetry.listeners, 0);
    const again = await startDashboard(options);
    t.equal((await get(again, '/healthz')).status, 200);
    again.stop();
  },
);
