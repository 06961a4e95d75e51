import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp2, connect as http2Connect, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { secureContextOf } from '../../../sync/trust/identity.ts';
import { acceptTls, dialTls } from '../../../sync/trust/tls-over-tcp.ts';
import { waitFor } from '../../wait-for.ts';
import { HOST, TrustedCentral } from './trusted.ts';

interface End {
  readonly socket: TLSSocket;
  readonly raw: Socket;
}

const ALPN = { ALPNProtocols: ['h2'] };
const { identity } = await TrustedCentral.start(t);
const secureContext = secureContextOf(identity.credentials);

/** Both ends of one connection, after the handshake. */
async function connected(t: Test): Promise<{ dialled: End; accepted: End }> {
  const server = createServer();
  t.teardown(() => server.close());
  server.listen(0, HOST);
  await once(server, 'listening');
  const coming = once(server, 'connection');
  const far = connect((server.address() as AddressInfo).port, HOST);
  const dialled = { raw: far, socket: dialTls(far, { ...ALPN, rejectUnauthorized: false }) };
  const [near] = (await coming) as [Socket];
  const accepted = { raw: near, socket: acceptTls(near, { ...ALPN, secureContext }) };
  await Promise.all([once(dialled.socket, 'secureConnect'), once(accepted.socket, 'secure')]);
  for (const { socket, raw } of [dialled, accepted]) {
    socket.on('error', () => {});
    t.teardown(() => {
      socket.destroy();
      raw.destroy();
    });
  }
  return { dialled, accepted };
}

for (const server of ['accepted', 'dialled'] as const) {
  t.test(
    `a connection that is reset while HTTP/2 writes is over at once; served over one that was ${server}`,
    async (t) => {
      const ends = await connected(t);
      const [at, other] = server === 'accepted' ? [ends.accepted, ends.dialled] : [ends.dialled, ends.accepted];
      const served = createHttp2();
      const streams: ServerHttp2Stream[] = [];
      served.on('stream', (stream) => {
        streams.push(stream.on('error', () => {}));
        stream.respond();
        stream.write('begun');
      });
      served.emit('connection', at.socket);
      const client = http2Connect('https://other', { createConnection: () => other.socket }).on('error', () => {});
      const asked = client.request().on('error', () => {});
      await once(asked, 'data');
      let isClosed = false;
      at.socket.once('close', () => {
        isClosed = true;
      });
      // In one turn of the event loop, before it looks at sockets again: reset by the other end, and one write after the other refused.
      const bell = createServer().listen(0, HOST);
      t.teardown(() => bell.close());
      await once(bell, 'listening');
      const rung = connect((bell.address() as AddressInfo).port, HOST);
      rung.once('connect', () => {
        const [stream] = streams;
        const write = () => stream?.destroyed === false && stream.write(Buffer.alloc(1000), write);
        write();
        other.raw.resetAndDestroy();
        rung.destroy();
      });
      await waitFor('it is closed', () => isClosed);
      t.ok(at.raw.destroyed);
    },
  );
}

t.test('what passes is what was sent, however slowly it is read, to the end', async (t) => {
  const { dialled, accepted } = await connected(t);
  const sent = randomBytes(8 * 2 ** 20);
  const hash = createHash('sha256');
  let bytes = 0;
  const ended = new Promise((resolve) => accepted.socket.once('end', resolve));
  accepted.socket.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    accepted.socket.pause();
    setImmediate(() => accepted.socket.resume());
  });
  for (let at = 0, size = 1; at < sent.length; at += size, size = (size * 7) % 100_003) {
    if (!dialled.socket.write(sent.subarray(at, at + size))) await once(dialled.socket, 'drain');
  }
  dialled.socket.end();
  await ended;
  t.equal(bytes, sent.length);
  t.equal(hash.digest('hex'), createHash('sha256').update(sent).digest('hex'));
  t.ok(dialled.raw.bytesWritten > sent.length, 'the TCP connection counts');
});

t.test('a writer waits for a reader that does not read', async (t) => {
  const { dialled, accepted } = await connected(t);
  accepted.socket.pause();
  const chunk = Buffer.alloc(2 ** 20);
  let written = 0;
  while (written < 200 && dialled.socket.write(chunk)) written += 1;
  for (let full = false; !full && written < 200; written += 1) {
    full = await Promise.race([once(dialled.socket, 'drain').then(() => false), delay(500).then(() => true)]);
    if (!full) dialled.socket.write(chunk);
  }
  t.ok(written < 100, `${written} MiB are under way`);
});

t.test('both ends tell of the connection, also once it is closed', async (t) => {
  const { dialled, accepted } = await connected(t);
  const { localPort, remotePort, remoteAddress } = accepted.socket;
  t.match(dialled.socket, { localPort: remotePort, remotePort: localPort, remoteAddress: HOST });
  t.equal(remoteAddress, HOST);
  accepted.socket.destroy();
  await waitFor('the other end sees it', () => dialled.raw.destroyed);
  t.equal(dialled.socket.remotePort, localPort);
});
