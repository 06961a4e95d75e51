import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** The twin of socketcand, with one bus `can0`: it speaks the protocol as the daemon's own description has it. */
export class SocketcandDaemon {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #raw = new Set<Socket>();
  /** Messages of clients, without their brackets. */
  readonly heard: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket));
  }

  /** @param port 0 for any that is free */
  static async start(port = 0): Promise<SocketcandDaemon> {
    const server = createServer();
    const daemon = new SocketcandDaemon(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return daemon;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Clients that get every frame. */
  get listeners(): number {
    return this.#raw.size;
  }

  /** Sends text to all of them. */
  say(text: string): void {
    for (const socket of this.#raw) socket.write(text);
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#clients) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#clients.delete(socket);
      this.#raw.delete(socket);
    });
    socket.write('< hi >');
    let isOpen = false;
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('>'); end >= 0; end = text.indexOf('>')) {
        const message = text.slice(text.indexOf('<') + 1, end).trim();
        text = text.slice(end + 1);
        this.heard.push(message);
        if (message === 'open can0') isOpen = true;
        if (message.startsWith('open ') && !isOpen) socket.end('< error could not open bus >');
        else if (message === 'rawmode' && isOpen) this.#raw.add(socket);
        if (isOpen && !/^(fd)?send /.test(message)) socket.write('< ok >');
      }
    });
  }
}
