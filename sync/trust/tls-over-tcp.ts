import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, TLSSocket, type TLSSocketOptions } from 'node:tls';

type WriteDone = (error?: Error | null) => void;

/**
 * A TCP connection as a stream and nothing more, for TLS with HTTP/2 above it to run over. Given the socket itself, Node.js couples the
 * three below JavaScript, where a write of TLS that the kernel refuses is never reported as done: HTTP/2 waits for it, reads nothing
 * meanwhile, and holds a connection that was reset for ever (Node.js issue 55804). A stream reports every write, and its end.
 */
class TcpStream extends Duplex {
  readonly #raw: Socket;

  constructor(raw: Socket) {
    // TLS closes it, when it has read all: closing by itself at the end, it would cut what TLS holds yet.
    super({ allowHalfOpen: false, autoDestroy: false });
    this.#raw = raw;
    // It ends when this does, which is when everything before its end was read.
    raw.allowHalfOpen = true;
    raw.on('data', (chunk) => {
      if (!this.push(chunk)) raw.pause();
    });
    raw.once('end', () => this.push(null));
    raw.on('error', (error) => this.destroy(error));
    raw.once('close', () => {
      if (!raw.readableEnded) this.destroy();
    });
    raw.pause();
  }

  override _read(): void {
    this.#raw.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.#raw.write(chunk, done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: WriteDone): void {
    this.#raw.cork();
    for (const [i, { chunk }] of chunks.entries()) this.#raw.write(chunk, i === chunks.length - 1 ? done : undefined);
    this.#raw.uncork();
  }

  override _final(done: WriteDone): void {
    this.#raw.end(done);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    this.#raw.destroy();
    done(error);
  }
}

/** TLS as the end that dials: emits `secureConnect`. @param raw may still be connecting */
export function dialTls(raw: Socket, options: Omit<ConnectionOptions, 'socket'>): TLSSocket {
  const socket = connect({ ...options, socket: new TcpStream(raw) });
  if (raw.connecting) raw.once('connect', () => tellEnds(socket, raw));
  else tellEnds(socket, raw);
  return socket;
}

/** TLS as the end that was dialled: emits `secure`. */
export function acceptTls(raw: Socket, options: Omit<TLSSocketOptions, 'isServer' | 'server'>): TLSSocket {
  const socket = new TLSSocket(new TcpStream(raw), { ...options, isServer: true });
  tellEnds(socket, raw);
  // What follows Node.js does for connections of its own server: HTTP/2 waits for the one, and the other is an error after the handshake.
  socket.once('secure', () => Object.assign(socket, { secureConnecting: false }));
  socket.on('_tlsError', (error: Error) => socket.destroy(error));
  return socket;
}

/**
 * Tells of the ends of the TCP connection as if TLS ran over its socket. Before the handshake: who is at the other end is known by them, and of
 * a connection that was reset the kernel tells none, while what came before may still be read.
 */
function tellEnds(socket: TLSSocket, { localAddress, localPort, remoteAddress, remotePort, remoteFamily }: Socket) {
  for (const [name, value] of Object.entries({ localAddress, localPort, remoteAddress, remotePort, remoteFamily })) {
    Object.defineProperty(socket, name, { value, enumerable: true });
  }
}
