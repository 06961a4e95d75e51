import uWS, { type HttpRequest, type HttpResponse, type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';
import { connect } from 'node:net';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { Fleet } from '../../gateway/fleet.ts';
import { isLoopback } from '../../gateway/loopback.ts';
import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import { whenHere } from '../../gateway/query/when-here.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { utcText } from '../../gateway/utc-text.ts';
import { FRAME_RATE_MAX, WIRE_PROTOCOL } from '../wire.ts';
import { answerRangeQuery, listChannels, parseRangeQuery } from './api.ts';
import { answerCycles, parseCyclesQuery } from './cycles-api.ts';
import { parseDataRequest } from './data/data-request.ts';
import { DataStreams } from './data/data-streams.ts';
import { LiveHub } from './live/hub.ts';
import type { Viewer } from './live/viewer.ts';
import { METRICS_MEDIA_TYPE, metricsText } from './metrics.ts';
import { isOwnHost, isOwnOrigin } from './request-guard.ts';
import { SECURITY_HEADERS } from './response-headers.ts';
import { acceptedEncodings, encodingFor, loadStaticFiles, type StaticFile } from './static-files.ts';

/** Viewers at the same time. Beyond: the WebSocket is refused with 503. */
export const VIEWERS_MAX = 64;

/** Bytes of one message from a viewer. Beyond: it is disconnected. A subscription of everything allowed has 4.4 kB. */
const MESSAGE_BYTES_MAX = 8 * 1024;

/**
 * Bytes that may wait in one socket. Beyond: frames are dropped and counted. The hub stops at a quarter of this, so that
 * only a frame that is itself large can get here.
 */
const SOCKET_BYTES_MAX = 1024 * 1024;

/** Seconds without a sign of life after which a viewer is disconnected; pings are sent by themselves before. */
const IDLE_SECONDS = 16;

/** Answers that may wait for the store at the same time, where it has to fetch what they tell. Beyond: refused with 503. */
const WAITING_ANSWERS_MAX = 16;

/** A status older than this means that the gateway's main thread does not run, milliseconds. */
const STATUS_AGE_MAX_MS = 5000;

/** A port that neither answers nor refuses within this time counts as taken. */
const PORT_TRIAL_MS = 1000;

const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';
const TEXT_MEDIA_TYPE = 'text/plain; charset=utf-8';

export interface DashboardOptions {
  /** Loopback only: there are no credentials yet that would allow more. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly telemetry: AskedTelemetry;
  readonly status: () => GatewayStatus;
  /** All boxes of a central; undefined at a gateway, which knows of none. */
  readonly fleet?: () => Promise<Fleet>;
  /** Whether a channel went quiet, or was not heard yet; by its id. Looked at once a second. */
  readonly isStale: (channel: number) => boolean;
  /** Folder of the built app. */
  readonly webRoot: string;
  /** UTC, microseconds. */
  readonly utcNow: () => number;
}

export interface Dashboard {
  readonly port: number;
  /** Disconnects every viewer and frees the port. */
  stop(): void;
}

/**
 * Serves the dashboard: the app, the HTTP API, metrics and the live WebSocket.
 * @throws CaissonError `config-invalid` for a host that is not loopback, `dashboard-missing` when the app is not built,
 *   `port-unavailable` when the port is taken
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  if (!isLoopback(options.host)) {
    throw new CaissonError(
      'config-invalid',
      `dashboard host is ${options.host}, expected 127.0.0.1, ::1 or localhost`,
      {
        hint: 'the dashboard has no login yet and serves this machine only; forward the port with ssh -L to see it elsewhere',
      },
    );
  }
  const files = await loadStaticFiles(options.webRoot);
  const server = new DashboardServer(options, files);
  await server.listen();
  return server;
}

class DashboardServer implements Dashboard {
  port = 0;
  readonly #options: DashboardOptions;
  readonly #files: ReadonlyMap<string, StaticFile>;
  readonly #app: TemplatedApp;
  readonly #data: DataStreams;
  #hub: LiveHub | undefined;
  #timer: NodeJS.Timeout | undefined;
  #listening: us_listen_socket | undefined;
  #requestsRefused = 0;
  #waitingAnswers = 0;

  constructor(options: DashboardOptions, files: ReadonlyMap<string, StaticFile>) {
    this.#options = options;
    this.#files = files;
    this.#app = uWS.App();
    this.#data = new DataStreams(options.telemetry);
  }

  async listen(): Promise<void> {
    const { host, port, telemetry, status, isStale, utcNow } = this.#options;
    const hub = new LiveHub({ telemetry, status, isStale, utcNow });
    this.#hub = hub;
    this.#routes(hub);
    this.#listening = await listen(this.#app, host.replace(/^\[|\]$/g, ''), port).catch((error: unknown) => {
      hub.stop();
      throw error;
    });
    this.port = uWS.us_socket_local_port(this.#listening as never);
    this.#timer = setInterval(() => hub.turn(performance.now()), 1000 / FRAME_RATE_MAX);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#hub?.stop();
    this.#hub = undefined;
    this.#data.stop();
    if (this.#listening !== undefined) uWS.us_listen_socket_close(this.#listening);
    this.#listening = undefined;
    closeConnections(this.#app);
  }

  #routes(hub: LiveHub): void {
    const { telemetry, status, fleet, utcNow } = this.#options;
    const get = (path: string, answer: (request: HttpRequest) => Answer | Promise<Answer>) => {
      this.#app.get(path, (response, request) => this.#answer(response, request, answer));
    };
    get('/healthz', () => ({ status: '200 OK', mediaType: TEXT_MEDIA_TYPE, body: 'ok\n' }));
    get('/readyz', () => readiness(status(), utcNow()));
    get('/metrics', () => ({
      status: '200 OK',
      mediaType: METRICS_MEDIA_TYPE,
      body: metricsText(status(), { ...hub.counters, viewers: hub.viewers, requestsRefused: this.#requestsRefused }),
    }));
    get('/api/v1/channels', () => this.#waited(async () => json(await listChannels(telemetry))));
    get('/api/v1/status', () => json(status()));
    if (fleet !== undefined) get('/api/v1/fleet', () => this.#waited(async () => json(await fleet())));
    get('/api/v1/query', (request) => {
      const query = parseRangeQuery(request.getQuery(), utcNow());
      return this.#waited(async () => json(await answerRangeQuery(telemetry, query)));
    });
    get('/api/v1/cycles', (request) => {
      const query = parseCyclesQuery(request.getQuery(), utcNow());
      return this.#waited(async () => json(await answerCycles(telemetry, query)));
    });
    this.#app.any('/api/v1/data', (response, request) => this.#table(response, request));
    this.#live(hub);
    this.#app.any('/*', (response, request) => this.#file(response, request));
  }

  #live(hub: LiveHub): void {
    this.#app.ws<ViewerData>('/live', {
      compression: uWS.DISABLED,
      maxPayloadLength: MESSAGE_BYTES_MAX,
      maxBackpressure: SOCKET_BYTES_MAX,
      idleTimeout: IDLE_SECONDS,
      sendPingsAutomatically: true,
      upgrade: (response, request, context) => {
        const host = request.getHeader('host');
        if (!isOwnHost(host) || !isOwnOrigin(request.getHeader('origin'), host)) {
          this.#refuse(response, '403 Forbidden', 'this dashboard takes sockets of its own page only');
        } else if (!offers(request.getHeader('sec-websocket-protocol'), WIRE_PROTOCOL)) {
          this.#refuse(response, '400 Bad Request', `expected the subprotocol ${WIRE_PROTOCOL}`);
        } else if (hub.viewers >= VIEWERS_MAX) {
          this.#refuse(response, '503 Service Unavailable', `${VIEWERS_MAX} viewers are connected, no more are taken`);
        } else {
          const key = request.getHeader('sec-websocket-key');
          const extensions = request.getHeader('sec-websocket-extensions');
          response.upgrade<ViewerData>({ viewer: undefined }, key, WIRE_PROTOCOL, extensions, context);
        }
      },
      open: (ws) => {
        ws.getUserData().viewer = hub.open({
          send: (bytes) => ws.send(bytes, true) !== SEND_DROPPED,
          buffered: () => ws.getBufferedAmount(),
          close: (code, reason) => ws.end(code, reason),
        });
      },
      message: (ws, message) => {
        const { viewer } = ws.getUserData();
        if (viewer !== undefined) hub.receive(viewer, new Uint8Array(message));
      },
      close: (ws) => {
        const { viewer } = ws.getUserData();
        if (viewer !== undefined) hub.close(viewer);
      },
    });
  }

  #answer(
    response: HttpResponse,
    request: HttpRequest,
    answer: (request: HttpRequest) => Answer | Promise<Answer>,
  ): void {
    if (!isOwnHost(request.getHeader('host'))) {
      this.#refuse(response, '403 Forbidden', 'this dashboard answers to its own host name only');
      return;
    }
    let isOpen = true;
    response.onAborted(() => {
      isOpen = false;
    });
    const send = ({ status, mediaType, body }: Answer) => {
      if (!isOpen) return;
      isOpen = false;
      response.cork(() => {
        writeHead(response, status, mediaType).writeHeader('Cache-Control', 'no-store').end(body);
      });
    };
    whenHere(
      () => answer(request),
      send,
      (error) => send(errorAnswer(error)),
    );
  }

  /** An answer that may have to wait for the store, among at most so many. */
  async #waited(answer: () => Promise<Answer>): Promise<Answer> {
    if (this.#waitingAnswers >= WAITING_ANSWERS_MAX) {
      this.#requestsRefused += 1;
      const hint = 'try again when one of them has ended';
      const options = { hint, retryable: true };
      throw new CaissonError('query-limit', `${WAITING_ANSWERS_MAX} answers wait for the store`, options);
    }
    this.#waitingAnswers += 1;
    try {
      return await answer();
    } finally {
      this.#waitingAnswers -= 1;
    }
  }

  /** Samples as a file, in a format that other programs read. */
  #table(response: HttpResponse, request: HttpRequest): void {
    if (!isOwnHost(request.getHeader('host'))) {
      this.#refuse(response, '403 Forbidden', 'this dashboard answers to its own host name only');
      return;
    }
    const method = request.getMethod();
    if (method !== 'get' && method !== 'head') {
      writeHead(response, '405 Method Not Allowed', TEXT_MEDIA_TYPE).writeHeader('Allow', 'GET, HEAD').end();
      return;
    }
    const isHead = method === 'head';
    const search = request.getQuery();
    const acceptsGzip = acceptedEncodings(request.getHeader('accept-encoding')).has('gzip');
    void this.#data.answer(
      response,
      () => parseDataRequest(search, this.#options.utcNow()),
      { isHead, acceptsGzip },
      (head, { mediaType, fileName, isGzip, isComplete, from, to }) => {
        writeHead(head, '200 OK', mediaType)
          .writeHeader('Cache-Control', 'no-store')
          .writeHeader('Vary', 'Accept-Encoding')
          .writeHeader('Caisson-Coverage', isComplete ? 'full' : 'partial')
          .writeHeader('Caisson-From', utcText(from) ?? String(from))
          .writeHeader('Caisson-To', utcText(to) ?? String(to))
          .writeHeader('Content-Disposition', `attachment; filename="${fileName}"`);
        if (isGzip) head.writeHeader('Content-Encoding', 'gzip');
      },
      (head, error) => {
        const { status, mediaType, body } = errorAnswer(error);
        if (status.startsWith('503')) this.#requestsRefused += 1;
        const begun = writeHead(head, status, mediaType).writeHeader('Cache-Control', 'no-store');
        if (isHead) begun.endWithoutBody(undefined, true);
        else begun.end(body);
      },
    );
  }

  #file(response: HttpResponse, request: HttpRequest): void {
    if (!isOwnHost(request.getHeader('host'))) {
      this.#refuse(response, '403 Forbidden', 'this dashboard answers to its own host name only');
      return;
    }
    const file = this.#files.get(request.getUrl());
    if (file === undefined) {
      writeHead(response, '404 Not Found', TEXT_MEDIA_TYPE).end('there is nothing here\n');
      return;
    }
    // No HEAD: with a length but no body, uWebSockets.js 20.30 leaves the connection unusable for the next request.
    if (request.getMethod() !== 'get') {
      writeHead(response, '405 Method Not Allowed', TEXT_MEDIA_TYPE).writeHeader('Allow', 'GET').end();
      return;
    }
    const encoding = encodingFor(request.getHeader('accept-encoding'));
    const isKnown = request.getHeader('if-none-match').includes(file.etag);
    const head = () => {
      writeHead(response, isKnown ? '304 Not Modified' : '200 OK', file.mediaType)
        .writeHeader('Cache-Control', file.cacheControl)
        .writeHeader('ETag', file.etag)
        .writeHeader('Vary', 'Accept-Encoding');
      if (encoding !== 'identity') response.writeHeader('Content-Encoding', encoding);
    };
    let isOpen = true;
    // For a 304 too: uWebSockets.js 20.30 does not count endWithoutBody as an answer and ends the process unless this is there.
    response.onAborted(() => {
      isOpen = false;
    });
    if (isKnown) {
      head();
      response.endWithoutBody();
      return;
    }
    const send = (body: Uint8Array) => {
      if (!isOpen) return;
      response.cork(() => {
        head();
        response.end(body);
      });
    };
    file.body(encoding).then(send, () => {
      if (isOpen) response.close();
    });
  }

  #refuse(response: HttpResponse, status: string, reason: string): void {
    this.#requestsRefused += 1;
    writeHead(response, status, TEXT_MEDIA_TYPE).end(`${reason}\n`);
  }
}

/** `send` of uWebSockets.js: 1 sent, 0 buffered, 2 dropped because too much is buffered. */
const SEND_DROPPED = 2;

interface ViewerData {
  viewer: Viewer | undefined;
}

interface Answer {
  readonly status: string;
  readonly mediaType: string;
  readonly body: string;
}

function json(value: unknown, status = '200 OK'): Answer {
  return { status, mediaType: JSON_MEDIA_TYPE, body: JSON.stringify(value) };
}

function errorAnswer(error: unknown): Answer {
  if (!(error instanceof CaissonError)) {
    return json({ error: { message: messageOf(error) } }, '500 Internal Server Error');
  }
  const { code, message, hint } = error;
  const status =
    code === 'channel-unknown' ? '404 Not Found' : code === 'query-invalid' ? '400 Bad Request' : undefined;
  return json({ error: { code, message, hint } }, status ?? '503 Service Unavailable');
}

/** Ready is a gateway whose status is fresh and whose store is open, and a central whose store takes what comes. */
function readiness(status: GatewayStatus, now: number): Answer {
  const ageMs = (now - status.now) / 1e3;
  const notReady = (why: string) => ({
    status: '503 Service Unavailable',
    mediaType: TEXT_MEDIA_TYPE,
    body: `${why}\n`,
  });
  if (ageMs > STATUS_AGE_MAX_MS) {
    return notReady(`the newest status is ${Math.round(ageMs)} ms old, expected at most ${STATUS_AGE_MAX_MS} ms`);
  }
  if (status.boot === '') return notReady(status.problems.at(-1)?.text ?? 'the store is not open');
  const { problem } = status.store;
  if (problem !== undefined) return notReady(`the store takes nothing: ${problem}`);
  return { status: '200 OK', mediaType: TEXT_MEDIA_TYPE, body: 'ready\n' };
}

function writeHead(response: HttpResponse, status: string, mediaType: string): HttpResponse {
  response.writeStatus(status).writeHeader('Content-Type', mediaType);
  for (const [name, value] of SECURITY_HEADERS) response.writeHeader(name, value);
  return response;
}

function offers(protocols: string, wanted: string): boolean {
  return protocols.split(',').some((protocol) => protocol.trim() === wanted);
}

/**
 * Listens on a port of its own. uWebSockets.js sets SO_REUSEPORT: a second process on the port would silently get half of
 * the requests. Its exclusive mode leaves out SO_REUSEADDR too, and finds the port taken for a minute after a restart. So
 * a port that answers counts as taken.
 */
async function listen(app: TemplatedApp, host: string, port: number): Promise<us_listen_socket> {
  if (port !== 0 && (await answers(host, port))) throw portUnavailable(host, port);
  return new Promise((resolve, reject) => {
    app.listen(host, port, (socket) => {
      if (socket === false) reject(portUnavailable(host, port));
      else resolve(socket);
    });
  });
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const trial = connect({ host, port, timeout: PORT_TRIAL_MS });
    const end = (isTaken: boolean) => {
      trial.destroy();
      resolve(isTaken);
    };
    trial.on('connect', () => end(true));
    // A refusal that came while this process stood still is read before.
    trial.on('timeout', () => setImmediate(end, true));
    trial.on('error', () => end(false));
  });
}

function portUnavailable(host: string, port: number): CaissonError {
  const hint = 'another program listens there; choose another port';
  return new CaissonError('port-unavailable', `${host}:${port} could not be opened`, { hint, retryable: true });
}

/** Closes every connection; uWebSockets.js 20.30 has `close` but does not declare it. */
function closeConnections(app: TemplatedApp): void {
  (app as unknown as { close(): unknown }).close();
}
