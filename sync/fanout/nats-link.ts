import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type Msg, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { natsConnection } from './nats-connection.ts';
import { type NatsOptions, placeOf } from './nats-options.ts';
import { ensureStreams } from './nats-streams.ts';
import type { NatsSubjects, StreamTopic } from './nats-subjects.ts';
import type { ToldMessage } from './told-place.ts';

/** How long a message may take to be kept by the cluster, milliseconds. */
const PUBLISH_MS = 5_000;

/** Time between two attempts to connect to any server, and to make the streams, milliseconds. */
const RETRY_MS = 1_000;

/** After so long without anything that succeeded another server of the cluster is tried, milliseconds: this one may be cut off from the others. */
const STUCK_MS = 8_000;

/** Bytes that the headers of a message may take, of those that a server takes in a message. */
const HEADERS_BYTES_MAX = 1_024;

/** Header with the process that published, so that it does not listen to itself, and the place in the news. */
export const PROCESS_HEADER = 'Caisson-Process';
export const POSITION_HEADER = 'Caisson-Position';
const MESSAGE_ID_HEADER = 'Nats-Msg-Id';

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
  /** STUCK_MS unless a test is in a hurry. */
  readonly stuckMs?: number;
}

/** Who hears a subject; `stop` ends what the connection does for it. */
interface Listener {
  readonly subject: string;
  readonly take: (message: Msg) => void;
  stop: () => void;
}

/**
 * The line of one process to a cluster of NATS: for as long as it is open it tries to be there. A connection that is lost is not mended but
 * followed by a new one: the client forgets for good every server that did not answer before the first one that did.
 */
export class NatsLink {
  readonly #parts: NatsLinkParts;
  /** In the order in which they are asked. */
  readonly #servers: string[];
  readonly #place: string;
  readonly #options: NodeConnectionOptions;
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
    this.#parts = parts;
    const servers = parts.options.servers.map(placeOf);
    this.#place = servers.join(', ');
    // The processes of a central spread over them.
    const first = Math.floor(Math.random() * servers.length);
    this.#servers = [...servers.slice(first), ...servers.slice(0, first)];
    this.#options = natsConnection(parts.options, `caisson central ${parts.process}`);
    void this.#connect();
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

  /**
   * Resolves when the cluster has it on as many servers as it is told. Returns its place in the stream; undefined where it is larger than the
   * cluster takes, and left out.
   * @throws CaissonError `fanout-failed`
   */
  async publish({ subject, payload, id, position }: KeptMessage): Promise<ToldMessage | undefined> {
    if (!this.isUp || this.#jetstream === undefined) throw this.#failed(this.#problem ?? 'not connected');
    if (payload.length > this.#payloadMax) {
      this.counters.tooLarge += 1;
      const text = `NATS takes ${this.#payloadMax} bytes a message, ${subject} has ${payload.length}: left out`;
      this.#parts.onProblem(text);
      return undefined;
    }
    const own = this.#headers();
    if (position !== undefined) own.set(POSITION_HEADER, String(position));
    try {
      const { seq } = await this.#jetstream.publish(subject, payload, { msgID: id, timeout: PUBLISH_MS, headers: own });
      this.counters.published += 1;
      this.#failingSince = undefined;
      return { seq, id };
    } catch (error) {
      this.counters.failed += 1;
      throw this.#stuck(error);
    }
  }

  /** Tells who listens now. Where there is no connection, or it takes no message of that size, nobody is told, and it counts. */
  tell(subject: string, payload: Uint8Array): void {
    const connection = this.#isConnected ? this.#connection : undefined;
    if (connection === undefined || connection.isClosed() || payload.length > this.#payloadMax) {
      this.counters.untold += 1;
      return;
    }
    connection.publish(subject, payload, { headers: this.#headers() });
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
  async last(topic: StreamTopic, subject: string): Promise<Uint8Array | undefined> {
    const found = await this.#ask(topic, (streams, stream) => streams.getMessage(stream, { last_by_subj: subject }));
    return found?.data;
  }

  /**
   * False where a message that was acknowledged is gone before its time, which what came after it is then too: a cluster of which all was
   * killed at once may lose its last moments.
   * @throws CaissonError `fanout-failed`
   */
  async hasStill(topic: StreamTopic, { seq, id }: ToldMessage): Promise<boolean> {
    return this.#ask(topic, async (streams, stream) => {
      const { state } = await streams.info(stream);
      if (seq < state.first_seq) return true;
      const found = seq > state.last_seq ? null : await streams.getMessage(stream, { seq });
      return found?.header.get(MESSAGE_ID_HEADER) === id;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#connection?.close();
  }

  async #connect(): Promise<void> {
    try {
      const connection = await this.#dial();
      if (this.#isClosed) return await connection.close();
      this.#connection = connection;
      this.#isConnected = true;
      for (const listener of this.#listeners) this.#start(listener);
      void this.#watch(connection);
      await this.#makeStreams();
    } catch (error) {
      this.#say(messageOf(error));
      this.#later(() => void this.#connect());
    }
  }

  /** The next server that lets it in: each is asked once. @throws Error what the last one said */
  async #dial(): Promise<NatsConnection> {
    let failure: unknown;
    for (const server of this.#servers.slice()) {
      if (this.#isClosed) break;
      this.#servers.shift();
      this.#servers.push(server);
      try {
        return await connect({ ...this.#options, servers: server });
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** Follows a connection to its end; the next one is tried at once. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'error') this.#parts.onProblem(`NATS at ${this.#place}: ${status.error.message}`);
    }
    const error = await connection.closed();
    this.#isConnected = false;
    this.#hasStreams = false;
    this.#say(error instanceof Error ? messageOf(error) : 'the connection was closed');
    if (!this.#isClosed) void this.#connect();
  }

  async #ask<T>(
    topic: StreamTopic,
    ask: (streams: JetStreamManager['streams'], stream: string) => Promise<T>,
  ): Promise<T> {
    if (!this.isUp || this.#manager === undefined) throw this.#failed(this.#problem ?? 'not connected');
    try {
      const answer = await ask(this.#manager.streams, this.#parts.subjects.stream(topic));
      this.#failingSince = undefined;
      return answer;
    } catch (error) {
      throw this.#stuck(error);
    }
  }

  /** Makes the streams, or changes what they keep, as often as it takes: of three servers two must be there. */
  async #makeStreams(): Promise<void> {
    const connection = this.#connection;
    if (this.#isClosed || !this.#isConnected || connection === undefined) return;
    try {
      const { options, subjects } = this.#parts;
      this.#jetstream = jetstream(connection, { timeout: PUBLISH_MS });
      this.#manager = await jetstreamManager(connection, { timeout: PUBLISH_MS });
      await ensureStreams(this.#manager, options, subjects);
      if (connection !== this.#connection || !this.#isConnected) return;
      this.#hasStreams = true;
      this.#problem = undefined;
      this.#parts.onUp();
    } catch (error) {
      // Whoever follows a connection that is gone goes on to the next one.
      if (connection !== this.#connection || !this.#isConnected) return;
      this.#say(`its streams cannot be made: ${messageOf(error)}`);
      this.#stuck(error);
      this.#later(() => void this.#makeStreams());
    }
  }

  /** The one thing that is tried next. */
  #later(attempt: () => void): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(attempt, RETRY_MS);
  }

  /** Where there is no connection now, the next one begins with it. */
  #start(listener: Listener): void {
    const connection = this.#connection;
    if (connection === undefined || connection.isClosed()) return;
    const subscription = connection.subscribe(listener.subject, {
      callback: (error, message) => {
        if (error !== null || message.headers?.get(PROCESS_HEADER) === this.#parts.process) return;
        this.counters.received += 1;
        listener.take(message);
      },
    });
    listener.stop = () => subscription.unsubscribe();
  }

  /** What failed, as an error; a server where all fails for long is left. */
  #stuck(error: unknown): CaissonError {
    const { stuckMs = STUCK_MS } = this.#parts;
    const now = performance.now();
    this.#failingSince ??= now;
    if (now - this.#failingSince >= stuckMs && this.#isConnected) {
      this.#failingSince = undefined;
      void this.#connection?.close();
    }
    return this.#failed(messageOf(error), error);
  }

  get #payloadMax(): number {
    return (this.#connection?.info?.max_payload ?? Number.POSITIVE_INFINITY) - HEADERS_BYTES_MAX;
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
