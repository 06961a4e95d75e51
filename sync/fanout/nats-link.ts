import { readFileSync } from 'node:fs';
import {
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import {
  connect,
  credsAuthenticator,
  headers,
  type Msg,
  type NatsConnection,
  type NodeConnectionOptions,
  nanos,
} from '@nats-io/transport-node';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { type NatsOptions, placeOf, requireGuarded, type StreamBounds } from './nats-options.ts';
import type { NatsSubjects } from './nats-subjects.ts';

/** How long a message may take to be kept by the cluster, milliseconds. */
const PUBLISH_MS = 5_000;

/** Time between two attempts to connect, and to make the streams, milliseconds. */
const RECONNECT_MS = 250;
const STREAMS_MS = 1_000;

/** A server that does not answer so many pings is left, milliseconds. */
const PING_MS = 5_000;
const PINGS_MAX = 2;

/** After so long without one that was kept another server of the cluster is tried, milliseconds: this one may be cut off from the others. */
const STUCK_MS = 8_000;

/** How long messages are known again that were published twice, seconds. */
const DUPLICATES_S = 120;

/** Header with the process that published, so that it does not listen to itself, and the place in the news. */
export const PROCESS_HEADER = 'Caisson-Process';
export const POSITION_HEADER = 'Caisson-Position';

/** A message as the cluster is to keep it. */
export interface KeptMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** The same for the same content: kept once though published twice. */
  readonly id: string;
  readonly position?: number;
}

export interface NatsLinkParts {
  readonly options: NatsOptions;
  readonly subjects: NatsSubjects;
  /** Name of this process, which no other has. */
  readonly process: string;
  readonly onProblem: (text: string) => void;
  /** Told whenever the streams are there again after the cluster was not. */
  readonly onUp: () => void;
}

/** Who hears a subject; `stop` ends what the connection does for it. */
interface Listener {
  readonly subject: string;
  readonly take: (message: Msg) => void;
  stop: () => void;
}

/** The line of one process to a cluster of NATS: for as long as it is open it tries to be there. */
export class NatsLink {
  readonly #parts: NatsLinkParts;
  readonly #place: string;
  #connection: NatsConnection | undefined;
  #jetstream: JetStreamClient | undefined;
  #manager: JetStreamManager | undefined;
  #isConnected = false;
  #hasStreams = false;
  #problem: string | undefined = 'not connected yet';
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #failingSince: number | undefined;
  readonly #listeners: Listener[] = [];
  readonly counters = { published: 0, failed: 0, told: 0, untold: 0, received: 0, tooLarge: 0 };

  /** @throws CaissonError `config-invalid`, `tls-unusable` */
  constructor(parts: NatsLinkParts) {
    requireGuarded(parts.options);
    this.#parts = parts;
    this.#place = parts.options.servers.map(placeOf).join(', ');
    const options = connectionOptions(parts);
    void this.#connect(options);
  }

  get place(): string {
    return this.#place;
  }

  /** Why nothing is kept there now; undefined: it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get isUp(): boolean {
    return this.#isConnected && this.#hasStreams;
  }

  /** Resolves when the cluster has it on as many servers as it is told. @throws CaissonError `fanout-failed` */
  async publish({ subject, payload, id, position }: KeptMessage): Promise<void> {
    if (!this.isUp || this.#jetstream === undefined) throw this.#failed(this.#problem ?? 'not connected');
    const largest = this.#connection?.info?.max_payload ?? Number.POSITIVE_INFINITY;
    if (payload.length > largest) {
      this.counters.tooLarge += 1;
      this.#parts.onProblem(`NATS takes ${largest} bytes a message, ${subject} has ${payload.length}: left out`);
      return;
    }
    const own = this.#headers();
    if (position !== undefined) own.set(POSITION_HEADER, String(position));
    try {
      await this.#jetstream.publish(subject, payload, { msgID: id, timeout: PUBLISH_MS, headers: own });
      this.counters.published += 1;
      this.#failingSince = undefined;
    } catch (error) {
      this.counters.failed += 1;
      this.#leaveWhereStuck();
      throw this.#failed(messageOf(error), error);
    }
  }

  /** Tells who listens now. Where there is no connection nobody is told, and it counts. */
  tell(subject: string, payload: Uint8Array): void {
    if (!this.#isConnected || this.#connection === undefined) {
      this.counters.untold += 1;
      return;
    }
    this.#connection.publish(subject, payload, { headers: this.#headers() });
    this.counters.told += 1;
  }

  /** Hears what other processes publish from now on, until the returned function is called. Nothing queues up here. */
  listen(subject: string, take: (message: Msg) => void): () => void {
    const listener = { subject, take, stop: () => {} };
    this.#listeners.push(listener);
    this.#start(listener);
    return () => {
      listener.stop();
      this.#listeners.splice(this.#listeners.indexOf(listener), 1);
    };
  }

  /** The last message that was kept under a subject; undefined where there is none. @throws CaissonError `fanout-failed` */
  async last(topic: 'samples' | 'events' | 'places', subject: string): Promise<Uint8Array | undefined> {
    if (!this.isUp || this.#manager === undefined) throw this.#failed(this.#problem ?? 'not connected');
    try {
      const found = await this.#manager.streams.getMessage(this.#parts.subjects.stream(topic), {
        last_by_subj: subject,
      });
      return found?.data;
    } catch (error) {
      throw this.#failed(messageOf(error), error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#connection?.close();
  }

  async #connect(options: NodeConnectionOptions): Promise<void> {
    try {
      const connection = await connect(options);
      if (this.#isClosed) return connection.close();
      this.#connection = connection;
      this.#isConnected = true;
      for (const listener of this.#listeners) this.#start(listener);
      void this.#watch(connection);
      await this.#makeStreams();
    } catch (error) {
      // Refused credentials are not tried again by the client itself.
      this.#say(messageOf(error));
      if (!this.#isClosed) this.#timer = setTimeout(() => void this.#connect(options), STREAMS_MS);
    }
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.#isConnected = false;
        this.#say('no server of the cluster answers');
      }
      if (status.type === 'reconnect') {
        this.#isConnected = true;
        this.#problem = this.#hasStreams ? undefined : this.#problem;
        if (this.#hasStreams) this.#parts.onUp();
      }
    }
    this.#isConnected = false;
    if (!this.#isClosed) this.#say('the connection was closed');
  }

  /** Makes the streams, or changes what they keep, as often as it takes: of three servers two must be there. */
  async #makeStreams(): Promise<void> {
    if (this.#isClosed || this.#connection === undefined) return;
    try {
      this.#jetstream = jetstream(this.#connection, { timeout: PUBLISH_MS });
      this.#manager = await jetstreamManager(this.#connection, { timeout: PUBLISH_MS });
      for (const config of streamsOf(this.#parts)) await ensureStream(this.#manager, config);
      this.#hasStreams = true;
      this.#problem = undefined;
      this.#parts.onUp();
    } catch (error) {
      this.#say(`its streams cannot be made: ${messageOf(error)}`);
      this.#timer = setTimeout(() => void this.#makeStreams(), STREAMS_MS);
    }
  }

  #start(listener: Listener): void {
    if (this.#connection === undefined) return;
    const subscription = this.#connection.subscribe(listener.subject, {
      callback: (error, message) => {
        if (error !== null || message.headers?.get(PROCESS_HEADER) === this.#parts.process) return;
        this.counters.received += 1;
        listener.take(message);
      },
    });
    listener.stop = () => subscription.unsubscribe();
  }

  #leaveWhereStuck(): void {
    const now = performance.now();
    this.#failingSince ??= now;
    if (now - this.#failingSince < STUCK_MS || !this.#isConnected) return;
    this.#failingSince = undefined;
    this.#connection?.reconnect().catch((error) => this.#say(messageOf(error)));
  }

  #headers() {
    const own = headers();
    own.set(PROCESS_HEADER, this.#parts.process);
    return own;
  }

  #say(problem: string): void {
    if (this.#isClosed || this.#problem === problem) return;
    this.#problem = problem;
    this.#parts.onProblem(`NATS at ${this.#place}: ${problem}`);
  }

  #failed(problem: string, cause?: unknown): CaissonError {
    return new CaissonError('fanout-failed', `NATS at ${this.#place}: ${problem}`, {
      retryable: true,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

function connectionOptions({ options, process }: NatsLinkParts): NodeConnectionOptions {
  const { servers, credentials, ca, cert, key } = options;
  const isSecure = ca !== undefined || cert !== undefined || servers.some((server) => server.startsWith('tls:'));
  const [user, pass] = userOf(servers[0] ?? '');
  return {
    servers: servers.map((server) => `${server.startsWith('tls:') ? 'tls' : 'nats'}://${placeOf(server)}`),
    name: `caisson central ${process}`,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: PINGS_MAX,
    ...(user !== '' && { user, pass }),
    ...(credentials !== undefined && { authenticator: credsAuthenticator(read(credentials)) }),
    ...(isSecure && {
      tls: {
        ...(ca !== undefined && { ca: read(ca).toString() }),
        ...(cert !== undefined && { cert: read(cert).toString() }),
        ...(key !== undefined && { key: read(key).toString() }),
      },
    }),
  };
}

function userOf(server: string): [user: string, pass: string] {
  const { username, password } = new URL(server);
  return [decodeURIComponent(username), decodeURIComponent(password)];
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CaissonError('tls-unusable', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function streamsOf({ options, subjects }: NatsLinkParts): (Partial<StreamConfig> & { name: string })[] {
  const stream = (topic: 'samples' | 'events' | 'places', more: Partial<StreamConfig>) => ({
    name: subjects.stream(topic),
    subjects: [subjects.all(topic)],
    num_replicas: options.replicas,
    discard: DiscardPolicy.Old,
    duplicate_window: nanos(DUPLICATES_S * 1e3),
    ...more,
  });
  const bounds = ({ bytesMax, ageSeconds }: StreamBounds) => {
    return { max_bytes: bytesMax, max_age: nanos(Math.max(ageSeconds, DUPLICATES_S) * 1e3) };
  };
  return [
    stream('samples', bounds(options.keep.samples)),
    stream('events', bounds(options.keep.events)),
    stream('places', { max_msgs_per_subject: 1 }),
  ];
}

async function ensureStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { name: string },
): Promise<void> {
  try {
    await manager.streams.add(config);
  } catch (error) {
    // There, but with other bounds; where it is not, this fails as well.
    await manager.streams.update(config.name, config).catch(() => {
      throw error;
    });
  }
}
