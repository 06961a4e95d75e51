import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const HOST = '127.0.0.1';

/** Ports that are handed out; below those that a system gives to whoever asks for any, for a connection or to listen on. */
const FIRST = 10_000;
const COUNT = 9000;

/** Who has been handed a port holds the one so far above it as long as it lives: a sign to all who look for one. */
const SIGN_OFFSET = 10_000;

/** What would be freed when nobody refers to it. */
const signs: Server[] = [];

/**
 * A port of this machine, TCP and UDP, that nobody has, and that nobody is given, by the system or by this, as long as this process lives:
 * what listens on it may go away and come back.
 */
export async function freePort(): Promise<number> {
  const start = Math.floor(Math.random() * COUNT);
  for (let i = 0; i < COUNT; i += 1) {
    const port = FIRST + ((start + i) % COUNT);
    const sign = await listening(port + SIGN_OFFSET);
    if (sign === undefined) continue;
    if (await isFree(port)) {
      signs.push(sign.unref());
      return port;
    }
    sign.close();
  }
  throw new Error(`none of the ports from ${FIRST} to ${FIRST + COUNT - 1} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = await listening(port);
  if (server === undefined) return false;
  await once(server.close(), 'close');
  const socket = createSocket('udp4').bind(port, HOST);
  const isBound = await once(socket, 'listening').then(
    () => true,
    () => false,
  );
  if (isBound) await once(socket.close(), 'close');
  return isBound;
}

async function listening(port: number): Promise<Server | undefined> {
  const server = createServer().listen({ port, host: HOST, exclusive: true });
  return once(server, 'listening').then(
    () => server,
    () => undefined,
  );
}
