import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { HttpCollector, WAITING_BYTES_MAX } from '../../../collectors/http/http-collector.ts';
import type { HttpConfig } from '../../../collectors/http/http-config.ts';
import { BODY_SAMPLES_MAX } from '../../../collectors/http/line-intake.ts';
import { BodyBudget } from '../../../collectors/http/receive-body.ts';
import { HTTP_REASONS } from '../../../collectors/http/refusal.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { waitFor } from '../../wait-for.ts';
import { FakeClock, FakeIntake } from '../mqtt/fake-intake.ts';
import { runServer } from './running-server.ts';

for (const path of ['/write', '/write?db=any&rp=one&precision=ns', '/api/v2/write?org=o&bucket=b']) {
  t.test(`${path}: 204 without a body, once every line is on disk and not before`, async (t) => {
    const { intake, send } = await runServer(t, {}, new FakeIntake());
    const answer = send(path, 'tank,site=n level=3.5,open=t,mode="fill" 1700000000000000000\ntank level=4i');
    await waitFor('the lines are published', () => intake.samples.length === 4);
    let isAnswered = false;
    void answer.then(() => {
      isAnswered = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    t.notOk(isAnswered, 'not answered before the commit');
    intake.commit();
    const { status, text } = await answer;
    t.same([status, text], [204, '']);
    t.strictSame(intake.samples, [
      { channel: 'tank/site=n/level', time: 1.7e15, value: 3.5 },
      { channel: 'tank/site=n/open', time: 1.7e15, value: 1 },
      { channel: 'tank/site=n/mode', time: 1.7e15, value: 'fill' },
      { channel: 'tank/level', time: 1_000_000, value: 4 },
    ]);
    t.equal(intake.channels.get('tank/site=n/level')?.stamp, 'device');
    t.equal(intake.channels.get('tank/level')?.stamp, 'arrival');
  });
}

t.test('a write with bad lines keeps the good ones and answers 400 in the words of InfluxDB', async (t) => {
  const { intake, collector, send } = await runServer(t);
  const body = 'a x=1 1\na x=\na x=2 2\nb\n';
  const one = await send('/write', body);
  t.equal(one.status, 400);
  t.strictSame(JSON.parse(one.text), {
    error:
      "partial write: unable to parse 'a x=': a field without key or value (line 2)\n" +
      "unable to parse 'b': missing fields (line 4) dropped=2",
  });
  t.match(one.headers.get('x-influxdb-error'), /^partial write: unable to parse/);
  const two = await send('/api/v2/write', body.replaceAll('a x', 'a y'));
  t.equal(two.status, 400);
  t.match(JSON.parse(two.text), { code: 'invalid', line: 2, message: /^partial write: unable to parse 'a y='/ });
  t.strictSame(intake.values('a/x'), [1, 2]);
  t.strictSame(intake.values('a/y'), [1, 2]);
  t.match(collector.health(), { received: 8, samples: 4, errors: { 'line-field': 2, 'line-fields': 2 } });
  t.match(collector.details().offenders, [{ reason: 'line-field', count: 2, detail: 'line 2: a y=' }]);
});

t.test('a write of which no line is good answers 400 and is no partial write', async (t) => {
  const { intake, send } = await runServer(t);
  const { status, text } = await send('/write', 'b');
  t.same([status, JSON.parse(text)], [400, { error: "unable to parse 'b': missing fields (line 1)" }]);
  t.equal(intake.samples.length, 0);
});

t.test('an empty body and comments are answered 204', async (t) => {
  const { send } = await runServer(t);
  t.equal((await send('/write', '')).status, 204);
  t.equal((await send('/write', '# nothing\n\n')).status, 204);
});

const precisions: [asked: string, time: number][] = [
  ['', 1700000],
  ['precision=n', 1700],
  ['precision=ns', 1700],
  ['precision=u', 1700000],
  ['precision=%C2%B5', 1700000],
  ['precision=us', 1700000],
  ['precision=ms', 1.7e9],
  ['precision=s', 1.7e12],
  ['precision=m', 1.02e14],
  ['precision=h', 6.12e15],
];
for (const [asked, time] of precisions) {
  t.test(`the time 1700000 is ${time} us with ${asked || 'the precision of the config'}`, async (t) => {
    const { intake, send } = await runServer(t, { precision: 'us' });
    t.equal((await send(`/write?${asked}`, 'a x=1 1700000')).status, 204);
    t.equal(intake.samples[0]?.time, time);
  });
}

t.test('gzip is unpacked, and a bound holds for what comes out of it', async (t) => {
  const { intake, collector, send } = await runServer(t, { limits: { bodyBytesMax: 1024 } });
  const gzip = { 'Content-Encoding': 'gzip' };
  t.equal((await send('/write', gzipSync('a x=1'), gzip)).status, 204);
  t.strictSame(intake.values('a/x'), [1]);
  t.equal((await send('/write', gzipSync('#'.repeat(1 << 20)), gzip)).status, 413);
  t.equal((await send('/write', 'a x=1', gzip)).status, 400);
  t.equal((await send('/write', gzipSync('a x=1').subarray(0, -4), gzip)).status, 400);
  t.equal((await send('/write', 'a x=1', { 'Content-Encoding': 'br' })).status, 415);
  t.strictSame(collector.health().errors, { 'http-body': 1, 'http-encoding': 3 });
});

t.test('a body that is too large is refused before and while it arrives, and the sender reads why', async (t) => {
  const { intake, collector, url, send } = await runServer(t, { limits: { bodyBytesMax: 4096 } });
  const large = 'a x=1\n'.repeat(100_000);
  const known = await send('/write', large);
  t.equal(known.status, 413);
  t.match(JSON.parse(known.text), { error: /larger than 4096 bytes/ });
  const stream = new ReadableStream({
    start(controller) {
      for (let sent = 0; sent < 20; sent++) controller.enqueue(new TextEncoder().encode(large.slice(0, 60_000)));
      controller.close();
    },
  });
  const streamed = await fetch(`${url}/write`, { method: 'POST', body: stream, duplex: 'half' } as RequestInit);
  t.equal(streamed.status, 413);
  t.equal(intake.samples.length, 0);
  t.equal((await send('/write', 'a x=1')).status, 204, 'the next is taken');
  t.strictSame(collector.health().errors, { 'http-body': 2 });
  t.equal(collector.details().waitingBytes, 0);
});

t.test('a body with more values than one may have is refused as a whole', async (t) => {
  const { intake, send } = await runServer(t);
  const line = `a ${Array.from({ length: 64 }, (_, at) => `f${at}=1`).join(',')}\n`;
  const { status } = await send('/write', line.repeat(BODY_SAMPLES_MAX / 64 + 1));
  t.equal(status, 413);
  t.equal((await send('/write', line.repeat(BODY_SAMPLES_MAX / 64))).status, 204);
  t.equal(intake.samples.length, BODY_SAMPLES_MAX);
});

t.test('a large body is read in pieces, lines and strings across their edges included', async (t) => {
  const { intake, send } = await runServer(t);
  const lines = Array.from({ length: 40_000 }, (_, at) => `a,n=${at % 7} x=${at}.25,s="two\nlines" ${at}000`);
  t.equal((await send('/write', lines.join('\n'))).status, 204);
  t.equal(intake.samples.length, 80_000);
  t.strictSame(
    intake.samples.filter(({ channel }) => channel.endsWith('x')).map(({ value }) => value),
    lines.map((_, at) => at + 0.25),
  );
});

t.test('503 with Retry-After while the intake has no room, and nothing of the body is kept', async (t) => {
  const { intake, collector, send } = await runServer(t);
  intake.room = 2;
  const { status, headers } = await send('/write', 'a x=1,y=2,z=3');
  t.same([status, headers.get('retry-after')], [503, '1']);
  t.equal(intake.samples.length, 0);
  intake.room = 100;
  t.equal((await send('/write', 'a x=1,y=2,z=3')).status, 204);
  t.match(collector.health(), { errors: { 'http-room': 1 }, dropped: 0 });
});

t.test('a body waits for room that comes soon', async (t) => {
  const { intake, collector, send } = await runServer(t);
  intake.room = 0;
  const answer = send('/write', 'a x=1');
  await waitFor('it waits', () => collector.details().waited === 1);
  intake.room = 100;
  t.equal((await answer).status, 204);
});

t.test('503 with Retry-After while the disk is full, and health says so', async (t) => {
  const { intake, send } = await runServer(t);
  intake.withholds = true;
  const { status, headers, text } = await send('/write', 'a x=1');
  t.same([status, headers.get('retry-after'), JSON.parse(text)], [503, '30', { error: 'the disk is full' }]);
  t.match(await send('/health', undefined, {}, 'GET'), { status: 503, text: /"status":"fail"/ });
  intake.withholds = false;
  t.equal((await send('/write', 'a x=1')).status, 204);
  t.match(await send('/health', undefined, {}, 'GET'), { status: 200, text: /"status":"pass"/ });
});

t.test('503 when the store fails before the commit', async (t) => {
  const { intake, send } = await runServer(t, {}, new FakeIntake());
  const answer = send('/write', 'a x=1');
  await waitFor('it is published', () => intake.samples.length === 1);
  intake.fail();
  const { status, text } = await answer;
  t.same([status, JSON.parse(text)], [503, { error: 'not stored: disk is gone' }]);
});

t.test('a body whose lines all have a time is stored once, also after a restart', async (t) => {
  const first = await runServer(t);
  const body = 'a x=1 1\na x=2 2';
  t.equal((await first.send('/write', body)).status, 204);
  t.equal((await first.send('/write', body)).status, 204);
  t.equal((await first.send('/write?precision=s', body)).status, 204, 'in another unit it is another body');
  t.equal(first.intake.samples.length, 4);
  t.equal(first.collector.details().repeats, 1);
  const second = await runServer(t, {}, first.intake.crash());
  t.equal((await second.send('/write', body)).status, 204);
  t.equal(second.intake.samples.length, 4);
});

t.test('a repeat is answered when the first is on disk', async (t) => {
  const { intake, collector, send } = await runServer(t, {}, new FakeIntake(20));
  const [one, two] = await Promise.all([send('/write', 'a x=1 1'), send('/write', 'a x=1 1')]);
  t.same([one.status, two.status], [204, 204]);
  t.equal(intake.durableSamples, intake.samples.length);
  t.equal(intake.samples.length + collector.details().repeats >= 2, true);
});

t.test('a body with a line without a time is stored as often as it comes', async (t) => {
  const { intake, send } = await runServer(t);
  for (let sent = 0; sent < 3; sent++) t.equal((await send('/write', 'a x=1 1\na x=2')).status, 204);
  t.equal(intake.samples.length, 6);
});

t.test('many writes at a time keep the lines of each together', async (t) => {
  const { intake, send } = await runServer(t);
  const bodies = Array.from({ length: 40 }, (_, at) => `m${at} x=1,y=2\n`.repeat(3000));
  const answers = await Promise.all(bodies.map((body) => send('/write', body)));
  t.ok(answers.every(({ status }) => status === 204));
  const runs = intake.samples.filter(
    ({ channel }, at, all) => channel.split('/')[0] !== all[at - 1]?.channel.split('/')[0],
  );
  t.equal(runs.length, 40);
  t.equal(intake.samples.length, 40 * 6000);
});

t.test('a body that comes where a longer one stood has its own bytes only', async (t) => {
  const { intake, send } = await runServer(t);
  for (const body of ['long x=1,y=2\n'.repeat(20_000), 'short x=1', 'last x=2,y=3\n'.repeat(9000), 'end x=4']) {
    const before = intake.samples.length;
    t.equal((await send('/write', body)).status, 204);
    const written = new Set(intake.samples.slice(before).map(({ channel }) => channel.split('/')[0]));
    t.same([...written], [body.split(' ')[0]]);
  }
  t.equal(intake.samples.length, 40_000 + 1 + 18_000 + 1);
  t.equal((await send('/write', gzipSync('packed x=1'), { 'Content-Encoding': 'gzip' })).status, 204);
  t.equal(intake.samples.at(-1)?.channel, 'packed/x');
});

const users = { users: [{ name: 'pump', password: 'pa:ss' }], tokens: [{ name: 'telegraf', token: 'a-long-token' }] };
const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });
const allowed: [path: string, headers: Record<string, string>][] = [
  ['/write', basic('pump:pa:ss')],
  ['/write?u=pump&p=pa:ss', {}],
  ['/api/v2/write', { Authorization: 'Token a-long-token' }],
  ['/api/v2/write', { Authorization: 'Bearer a-long-token' }],
  ['/api/v2/write', { Authorization: 'Token pump:pa:ss' }],
];
for (const [path, headers] of allowed) {
  t.test(`${path} with ${JSON.stringify(headers)} may write`, async (t) => {
    t.equal((await (await runServer(t, users)).send(path, 'a x=1', headers)).status, 204);
  });
}
const denied: [path: string, headers: Record<string, string>][] = [
  ['/write', {}],
  ['/write', basic('pump:wrong')],
  ['/write', basic('telegraf:')],
  ['/write', basic('')],
  ['/write?u=pump', {}],
  ['/api/v2/write', { Authorization: 'Token ' }],
  ['/api/v2/write', { Authorization: 'Token a-long-tokem' }],
  ['/api/v2/write', { Authorization: 'Token pump' }],
  ['/query?q=CREATE DATABASE x', {}],
];
for (const [path, headers] of denied) {
  t.test(`${path} with ${JSON.stringify(headers)} is refused`, async (t) => {
    const { intake, collector, send } = await runServer(t, users);
    const answer = await send(path, 'a x=1', headers);
    t.equal(answer.status, 401);
    t.match(answer.headers.get('www-authenticate'), 'Basic');
    t.equal(intake.samples.length, 0);
    t.strictSame(collector.health().errors, { 'http-credentials': 1 });
  });
}

t.test('a page in a browser may not write where no credentials are configured', async (t) => {
  const { intake, send } = await runServer(t);
  t.equal((await send('/write', 'a x=1', { Origin: 'http://127.0.0.1:8086' })).status, 403);
  t.equal(intake.samples.length, 0);
  const guarded = await runServer(t, users);
  const headers = { Origin: 'http://elsewhere', Authorization: 'Token a-long-token' };
  t.equal((await guarded.send('/write', 'a x=1', headers)).status, 204);
});

for (const listen of ['0.0.0.0', '::', '192.168.1.5']) {
  t.test(`refuses to listen on ${listen} without credentials`, async (t) => {
    const collector = new HttpCollector(
      { listen, port: 0 },
      { source: 'http', intake: new FakeIntake(), clock: new FakeClock() },
    );
    await t.rejects(collector.start(), { code: 'config-invalid' });
  });
}

t.test('other addresses and methods are refused by name', async (t) => {
  const { collector, send } = await runServer(t);
  t.equal((await send('/nothing', 'a x=1')).status, 404);
  t.equal((await send('/api/v2/query', 'a')).status, 404);
  t.equal((await send('/write', undefined, {}, 'GET')).status, 405);
  const { status, text } = await send('/api/v2/write?precision=fortnight', 'a x=1');
  t.equal(status, 400);
  t.match(JSON.parse(text), { code: 'invalid', message: /fortnight is none of ns, us/ });
  t.strictSame(collector.health().errors, { 'http-path': 2, 'http-method': 1, 'http-precision': 1 });
});

t.test('answers what clients ask before they write', async (t) => {
  const { send } = await runServer(t);
  t.equal((await send('/ping', undefined, {}, 'GET')).status, 204);
  t.equal((await send('/ping', undefined, {}, 'HEAD')).status, 204);
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const created = await send('/query', new URLSearchParams({ q: 'CREATE DATABASE "telegraf"' }).toString(), form);
  t.same([created.status, JSON.parse(created.text)], [200, { results: [{ statement_id: 0 }] }]);
  t.equal((await send('/query?q=create%20database%20x', '')).status, 200);
  t.equal((await send('/query?q=SELECT%201', undefined, {}, 'GET')).status, 400);
});

t.test('bytes of bodies of all clients have a bound', async (t) => {
  const budget = new BodyBudget(WAITING_BYTES_MAX);
  budget.take(WAITING_BYTES_MAX);
  t.throws(() => budget.take(1), {
    name: 'Refusal',
    message: `${WAITING_BYTES_MAX} bytes of bodies wait to be stored`,
  });
  budget.giveBack(1);
  t.doesNotThrow(() => budget.take(1));
});

/** What a server says to bytes that are written as they are, until it ends the connection. */
function converse(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let said = '';
    socket.on('data', (data) => {
      said += data;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(said));
    socket.write(text);
  });
}

t.test(
  'a request that takes too long is ended, one that ends early is counted, and bytes that are no HTTP are refused',
  async (t) => {
    const half = 'POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\na x';
    const hasty = await runServer(t, { limits: { requestSecondsMax: 1 } });
    t.match(await converse(hasty.collector.port ?? 0, half), /^HTTP\/1.1 408/);
    // The rest at another server, where a stall of this process makes nothing late.
    const { collector, send } = await runServer(t);
    const port = collector.port ?? 0;
    t.match(await converse(port, 'hello\r\n\r\n'), /^HTTP\/1.1 400/);
    const socket = connect(port, '127.0.0.1');
    socket.write(half);
    await waitFor('half a body has come', () => collector.details().waitingBytes === 3);
    socket.destroy();
    await waitFor('it is counted', () => collector.health().errors['http-aborted'] === 1);
    t.strictSame(hasty.collector.health().errors, { 'http-late': 1 });
    t.strictSame(collector.health().errors, { 'http-malformed': 1, 'http-aborted': 1 });
    t.equal(collector.details().waitingBytes, 0);
    t.equal((await send('/write', 'a x=1')).status, 204);
  },
);

t.test('connections beyond the bound are closed and counted', async (t) => {
  const { collector } = await runServer(t, { limits: { clientsMax: 1 } });
  const port = collector.port ?? 0;
  const first = connect(port, '127.0.0.1');
  first.on('error', () => {});
  await new Promise((resolve) => first.once('connect', resolve));
  t.equal(await converse(port, 'GET /ping HTTP/1.1\r\nHost: x\r\n\r\n'), '');
  await waitFor('it is counted', () => collector.health().errors['http-clients'] === 1);
  first.destroy();
});

t.test('a port that is taken is a state that health shows', async (t) => {
  const { collector } = await runServer(t);
  const config: HttpConfig = { port: collector.port ?? 0 };
  const second = new HttpCollector(config, { source: 'b', intake: new FakeIntake(), clock: new FakeClock() });
  await second.start();
  t.match(second.health(), { state: 'waiting', problem: /cannot listen on 127.0.0.1:\d+: .*EADDRINUSE/ });
  await second.stop();
  t.equal(second.health().state, 'stopped');
});

t.test('stopping lets answers that are on their way arrive', async (t) => {
  const { intake, collector, send } = await runServer(t, {}, new FakeIntake());
  const answer = send('/write', 'a x=1');
  await waitFor('it is published', () => intake.samples.length === 1);
  const stopped = collector.stop();
  intake.commit();
  t.equal((await answer).status, 204);
  await stopped;
});

t.test('the README names every reason with its meaning', async (t) => {
  const page = readFileSync(join(PROJECT_ROOT, 'collectors/http/README.md'), 'utf8');
  t.strictSame(
    page.match(/^\| `http-.*$/gm),
    Object.entries(HTTP_REASONS).map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |`),
  );
});
