import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { StolenTime } from '../stolen-time.ts';
import { waitFor } from '../wait-for.ts';
import { type LinkShape, ShapedLink } from './shaped-link.ts';

/** A server behind a link, and connections to it. */
async function linked(t: Test, shape: LinkShape, serve: (socket: Socket) => void) {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const link = await ShapedLink.start(address !== null && typeof address === 'object' ? address.port : 0, shape);
  t.teardown(async () => {
    await link.stop();
    await new Promise((resolve) => server.close(resolve));
  });
  const dial = () => connect({ port: link.port, host: '127.0.0.1', noDelay: true }).on('error', () => {});
  return { link, dial };
}

/** Counts what comes, and when the first and the last of it came. */
function counting(socket: Socket): { bytes: number; firstAt: number; lastAt: number } {
  const count = { bytes: 0, firstAt: Number.NaN, lastAt: Number.NaN };
  socket.on('data', (bytes) => {
    if (count.bytes === 0) count.firstAt = performance.now();
    count.bytes += bytes.length;
    count.lastAt = performance.now();
  });
  return count;
}

const sending = (bytes: number) => (socket: Socket) => socket.write(Buffer.alloc(bytes, 'x'));

t.test('has the rate that it is given, shared by all connections', async (t) => {
  const bytes = 150_000;
  const { link, dial } = await linked(t, { downBitsPerS: 4e6, roundTripMs: 10 }, sending(bytes));
  const started = performance.now();
  const stolen = new StolenTime(t);
  const counts = [counting(dial()), counting(dial())];
  await waitFor('all came', () => counts.every((each) => each.bytes === bytes));
  const seconds = (Math.max(...counts.map(({ lastAt }) => lastAt)) - started) / 1e3;
  t.ok(seconds > (2 * bytes * 8) / 4e6, `${seconds} s is no faster than the line`);
  const late = seconds - (2 * bytes * 8) / 4e6 - stolen.ms / 1e3;
  t.ok(late < 0.5, `${seconds} s is no slower than the line`);
  t.equal(link.down.bytes, 2 * bytes);
  t.equal(link.up.bytes, 0);
});

t.test('has the round trip that it is given, in both directions together, and counts each', async (t) => {
  const { link, dial } = await linked(t, { roundTripMs: 80 }, (socket) => socket.pipe(socket));
  const socket = dial();
  const trips: number[] = [];
  const stolen = new StolenTime(t);
  for (let trip = 0; trip < 5; trip += 1) {
    const [started, before] = [performance.now(), stolen.ms];
    socket.write('ping');
    await once(socket, 'data');
    const ms = performance.now() - started;
    t.ok(ms >= 78, `${ms} ms`);
    trips.push(ms - (stolen.ms - before));
  }
  t.ok(Math.min(...trips) < 120, `${trips} ms, less what others took`);
  t.same([link.up.bytes, link.down.bytes], [20, 20]);
});

t.test('queues as much as it is told, and holds the sender beyond', async (t) => {
  let sender: Socket | undefined;
  const { link, dial } = await linked(t, { downBitsPerS: 1e6, queueBytes: 50_000 }, (socket) => {
    sender = socket;
    socket.write(Buffer.alloc(32 << 20));
  });
  const socket = dial();
  const count = counting(socket);
  await waitFor('the queue was full for a while', () => count.bytes > 100_000);
  t.ok(link.down.queuedMax >= 50_000, `${link.down.queuedMax} bytes queued`);
  t.ok(link.down.queuedMax <= 50_000 + 65_536, `${link.down.queuedMax} bytes queued`);
  t.ok((sender?.writableLength ?? 0) > 0, 'the rest is with the sender');
});

t.test('keeps the order of what comes late, and stalls where a segment is lost', async (t) => {
  const text = Array.from({ length: 40_000 }, (_, i) => `${i} `).join('');
  const shape = { jitterMs: 20, stall: 0.02, seed: 3 };
  const { link, dial } = await linked(t, shape, (socket) => socket.end(text));
  const socket = dial();
  const came: Buffer[] = [];
  const started = performance.now();
  socket.on('data', (bytes) => came.push(bytes));
  await once(socket, 'end');
  t.equal(Buffer.concat(came).toString(), text);
  t.ok(link.down.stalls > 0, 'some segments were lost');
  t.ok(performance.now() - started >= 200, 'a stall takes as long as TCP takes to notice');
});

t.test('does the same to the same bytes with the same seed', async (t) => {
  const BYTES = 400_000;
  const fates = async (seed: number) => {
    const { dial } = await linked(t, { reset: 0.002, seed }, sending(BYTES));
    const reset: boolean[] = [];
    for (let i = 0; i < 12; i += 1) {
      const socket = dial().resume();
      await waitFor('all came or it was reset', () => socket.destroyed || socket.bytesRead === BYTES);
      reset.push(socket.destroyed);
      socket.destroy();
    }
    return reset;
  };
  const first = await fates(7);
  t.same(await fates(7), first);
  t.ok(first.includes(true) && first.includes(false), 'some were reset, some not');
  t.notSame(await fates(8), first);
});

t.test('cuts what is open, and refuses while it is down', async (t) => {
  const { link, dial } = await linked(t, {}, (socket) => socket.pipe(socket));
  const first = dial();
  first.write('ping');
  await once(first, 'data');
  link.cut();
  await waitFor('it was closed', () => first.destroyed);
  link.goDown();
  const refused = dial();
  await waitFor('it was closed', () => refused.destroyed);
  link.goUp();
  const again = dial();
  again.write('ping');
  t.equal(String((await once(again, 'data'))[0]), 'ping');
  t.equal(link.connections, 2, 'what was refused is none');
});
