import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { isLoopback } from '../../gateway/loopback.ts';
import { type Collector, type CollectorContext, CollectorCounters, type CollectorHealth } from '../collector.ts';
import { type Offender, Offenders } from '../offenders.ts';
import { ListenerCertificate } from '../tls/listener-certificate.ts';
import { Access } from './access.ts';
import { type Answer, refusalAnswer, type WriteVersion, writeAnswer } from './answer.ts';
import { type HttpConfig, type HttpSettings, httpSettings } from './http-config.ts';
import { LineIntake } from './line-intake.ts';
import { queryAnswer } from './query.ts';
import { BodyBudget, discardBody, receiveBody } from './receive-body.ts';
import { HTTP_REASONS, type HttpReason, Refusal } from './refusal.ts';
import { findPrecision, findTarget, type Target } from './write-target.ts';

/** Bytes of bodies of all clients that wait to be stored. Beyond: 429. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024;
/** Back-off between attempts to open the port, milliseconds. */
const LISTEN_RETRY_MS = 1000;
const LISTEN_RETRY_MS_MAX = 30_000;
/** How long stopping waits for answers that are on their way, milliseconds. */
const STOP_GRACE_MS = 5000;
/** How long the head of a request may take to arrive, milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;
/** How often requests that take too long are looked for, milliseconds. */
const CHECK_INTERVAL_MS = 500;

/** What the server knows beyond {@link CollectorHealth}. */
export interface HttpDetails {
  /** TCP port that is listened on; undefined while none is. */
  readonly port: number | undefined;
  readonly requests: number;
  /** Bytes of bodies that wait to be stored. */
  readonly waitingBytes: number;
  /** Bodies that had to wait for room since start. */
  readonly waited: number;
  /** Bodies recognised as already stored. */
  readonly repeats: number;
  /** What was refused, by reason and the address it came from. */
  readonly offenders: readonly Offender[];
}

/** A server that takes InfluxDB line protocol on `/write` and `/api/v2/write`, and answers when it is on disk. */
export class HttpCollector implements Collector {
  readonly #settings: HttpSettings;
  readonly #access: Access;
  readonly #lines: LineIntake;
  readonly #context: CollectorContext;
  readonly #counters = new CollectorCounters();
  readonly #offenders = new Offenders();
  readonly #budget = new BodyBudget(WAITING_BYTES_MAX);
  /** Connections that were closed because a request took too long. */
  readonly #late = new WeakSet<Duplex>();
  readonly #certificate: ListenerCertificate | undefined;
  #server: Server | SecureServer | undefined;
  #listenRetry: NodeJS.Timeout | undefined;
  #retryMs = LISTEN_RETRY_MS;
  #problem: string | undefined;
  #isStopped = false;
  #requests = 0;

  /** @throws CaissonError `config-invalid` for a channel template that cannot be */
  constructor(config: HttpConfig, context: CollectorContext) {
    const { intake, clock, source } = context;
    this.#context = context;
    this.#settings = httpSettings(config);
    this.#access = new Access(this.#settings);
    const { tls } = this.#settings;
    this.#certificate =
      tls && new ListenerCertificate(tls, (problem) => this.#refused('http-tls', 'new files', problem));
    this.#lines = new LineIntake(intake, clock, this.#counters, { ...this.#settings, source });
  }

  /** @throws CaissonError `config-invalid` for a listen address without credentials */
  async start(): Promise<void> {
    const { listen } = this.#settings;
    if (!isLoopback(listen) && this.#access.isOpen) {
      throw new CaissonError(
        'config-invalid',
        `http: listen ${listen} is wider than loopback, users and tokens are empty`,
        {
          hint: 'add users or tokens, or listen on 127.0.0.1',
        },
      );
    }
    await this.#listen();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#listenRetry);
    this.#certificate?.stop();
    this.#lines.stop();
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    const grace = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
    await closed;
    clearTimeout(grace);
  }

  health(): CollectorHealth {
    const places = this.#offenders.places();
    if (this.#isStopped) return this.#counters.health('stopped', undefined, places);
    if (this.#problem !== undefined) return this.#counters.health('waiting', this.#problem, places);
    return this.#counters.health(this.#counters.samples === 0 ? 'starting' : 'running', undefined, places);
  }

  /** TCP port that is listened on; undefined while none is. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  }

  details(): HttpDetails {
    return {
      port: this.port,
      requests: this.#requests,
      waitingBytes: this.#budget.held,
      waited: this.#lines.waited,
      repeats: this.#lines.repeats,
      offenders: this.#offenders.list(),
    };
  }

  /** Opens the port; where that is not possible, says so in health and tries again with growing pauses. */
  async #listen(): Promise<void> {
    const { listen, port } = this.#settings;
    let server: Server | SecureServer | undefined;
    try {
      server = this.#createServer();
      server.listen(port, listen);
      await once(server, 'listening');
      this.#server = server;
      this.#problem = undefined;
      this.#retryMs = LISTEN_RETRY_MS;
    } catch (error) {
      server?.close();
      const hint = error instanceof CaissonError ? error.hint : 'free the port or configure another';
      this.#problem = `cannot listen on ${listen}:${port}: ${messageOf(error)}; ${hint}`;
      if (this.#isStopped) return;
      this.#listenRetry = setTimeout(() => void this.#listen(), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LISTEN_RETRY_MS_MAX);
    }
  }

  /** @throws CaissonError `tls-unusable` */
  #createServer(): Server | SecureServer {
    const { clientsMax, requestSecondsMax, idleSecondsMax } = this.#settings.limits;
    const options = {
      requestTimeout: requestSecondsMax * 1e3,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestSecondsMax * 1e3),
      keepAliveTimeout: idleSecondsMax * 1e3,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      noDelay: true,
    };
    const server: Server =
      this.#certificate === undefined ? createServer(options) : this.#createSecure(this.#certificate, options);
    server.maxConnections = clientsMax;
    server.on('request', (request, response) => void this.#answer(request, response));
    server.on('drop', (dropped) => this.#refused('http-clients', dropped?.remoteAddress));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      // Connections that end within a request; where it had begun, it is counted as aborted.
      if (error.code === 'ECONNRESET' || error.code === 'HPE_INVALID_EOF_STATE' || !socket.writable) {
        socket.destroy();
        return;
      }
      const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
      if (isLate) this.#late.add(socket);
      this.#refused(isLate ? 'http-late' : 'http-malformed', undefined, error.message);
      const status = isLate ? '408 Request Timeout' : '400 Bad Request';
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
    });
    return server;
  }

  #createSecure(certificate: ListenerCertificate, options: ServerOptions): SecureServer {
    const server = createSecureServer({ ...options, ...certificate.read() });
    server.on('tlsClientError', (error, socket) => this.#refused('http-tls', socket.remoteAddress, error.message));
    certificate.follow(server);
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests++;
    const [path = '', search = ''] = (request.url ?? '').split('?', 2);
    // What cannot be routed is answered as InfluxDB 2 does below its own path.
    let version: WriteVersion = path.startsWith('/api/v2/') ? 2 : 1;
    let answer: Answer;
    try {
      const target = findTarget(request.method ?? '', path);
      version = target.version;
      answer = await this.#perform(target, request, new URLSearchParams(search));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (!this.#late.has(request.socket)) this.#refused(error.reason, request.socket.remoteAddress, error.message);
      answer = refusalAnswer(error, version);
      await discardBody(request);
    }
    if (response.destroyed) return;
    const bytes = answer.body === undefined ? undefined : Buffer.from(JSON.stringify(answer.body));
    response.writeHead(answer.status, {
      'X-Influxdb-Version': 'caisson',
      ...(bytes === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': bytes.length }),
      ...(this.#isStopped ? { Connection: 'close' } : {}),
      ...answer.headers,
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  async #perform(target: Target, request: IncomingMessage, query: URLSearchParams): Promise<Answer> {
    switch (target.kind) {
      case 'ping':
        return { status: 204, headers: {}, body: undefined };
      case 'health':
        return this.#healthAnswer();
      default:
    }
    this.#checkSender(request, query);
    if (target.kind === 'query') return queryAnswer(query, request, this.#budget);
    const precision = findPrecision(query, this.#settings.precision);
    const held = await receiveBody(request, this.#settings.limits.bodyBytesMax, this.#budget);
    try {
      this.#counters.lastSeen = this.#context.clock.now();
      const body = await this.#lines.take(held.bytes, precision);
      const [first] = body.faults;
      if (first !== undefined) {
        this.#offenders.add(first.reason, request.socket.remoteAddress ?? '', `line ${first.line}: ${first.excerpt}`);
      }
      return writeAnswer(body, target.version);
    } finally {
      held.release();
    }
  }

  /** @throws Refusal `http-credentials`, `http-origin` */
  #checkSender(request: IncomingMessage, query: URLSearchParams): void {
    if (!this.#access.allows(request.headers.authorization, query)) {
      throw new Refusal('http-credentials', 401, 'unauthorized access');
    }
    // Browsers always send it: a foreign page must not write through the browser of whoever opened it.
    if (this.#access.isOpen && request.headers.origin !== undefined) {
      throw new Refusal(
        'http-origin',
        403,
        `pages such as ${request.headers.origin} may not write without credentials`,
      );
    }
  }

  #healthAnswer(): Answer {
    const passes = !this.#context.intake.withholds && !this.#isStopped;
    const message = passes ? 'ready for writes' : this.#isStopped ? 'the gateway stops' : 'the disk is full';
    const body = { name: 'caisson', message, status: passes ? 'pass' : 'fail', checks: [] };
    return { status: passes ? 200 : 503, headers: {}, body };
  }

  #refused(reason: HttpReason, from = '', detail: string = HTTP_REASONS[reason]): void {
    this.#counters.error(reason);
    this.#offenders.add(reason, from, detail);
  }
}

/** Makes the collector of a section `http`. */
export function createHttpCollector(config: HttpConfig, context: CollectorContext): HttpCollector {
  return new HttpCollector(config, context);
}
