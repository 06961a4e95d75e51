import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { isLoopback } from '../../gateway/loopback.ts';
import { type Collector, type CollectorContext, CollectorCounters, type CollectorHealth } from '../collector.ts';
import { Credentials } from '../credentials.ts';
import { type Offender, Offenders } from '../offenders.ts';
import { ListenerCertificate } from '../tls/listener-certificate.ts';
import { checkMqtt } from './check-mqtt.ts';
import { readClientCertificate } from './client-certificate.ts';
import { ClientGate, type GateOwner } from './client-gate.ts';
import { ClientStates } from './client-states.ts';
import { type MqttConfig, type MqttSettings, mqttSettings } from './config.ts';
import { Distribution } from './distribution/distribution.ts';
import type { Session } from './distribution/session.ts';
import { libraryEmitter, libraryPersistence } from './library-stores.ts';
import { Message } from './message.ts';
import { MessageIntake } from './message-intake.ts';
import { type FilterRequest, GUARD_REASONS, type GuardReason } from './packet-rules.ts';
import { PrivateTopics } from './private-topics.ts';
import { SparkplugHost } from './sparkplug/sparkplug-host.ts';
import { encodeRebirth } from './sparkplug/sparkplug-payload.ts';
import { SPARKPLUG_NAMESPACE } from './sparkplug/sparkplug-topic.ts';
import { TopicDecoder } from './topic-decoder.ts';
import { TopicNames } from './topic-names.ts';
import { TopicRules } from './topic-rules.ts';

/** How often silent clients are looked for, milliseconds. */
const KEEPALIVE_SWEEP_MS = 1000;
/** How long a connection may take to send its CONNECT, milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Back-off between attempts to open the port, milliseconds. */
const LISTEN_RETRY_MS = 1000;
const LISTEN_RETRY_MS_MAX = 30_000;
/** How long stopping waits for the commits that are on their way, milliseconds. */
const STOP_GRACE_MS = 5000;
/** Clients remembered to have said goodbye. At the maximum the oldest is forgotten: it is then treated as one that was lost. */
const GOODBYES_MAX = 10_000;
/** Connections beyond `clientsMax` that are looked at, so that one that says nothing can give way, or are still at their TLS handshake. */
const ARRIVALS_MAX = 64;
const CONNACK_BAD_CREDENTIALS = 4;
const SUBSCRIBE_REFUSED = 0x80;

/** What the broker knows beyond {@link CollectorHealth}. */
export interface MqttDetails {
  /** TCP port that is listened on; undefined while none is. */
  readonly port: number | undefined;
  readonly clients: number;
  /** Messages of QoS 1 and 2 that are not acknowledged yet. */
  readonly unacked: number;
  /** Those of them for which the ring has no room. */
  readonly waiting: number;
  /** Messages that had to wait for room since start. */
  readonly waited: number;
  /** Messages recognised as already stored. */
  readonly repeats: number;
  /** Messages not forwarded to a subscriber that did not keep up. */
  readonly forwardsDropped: number;
  /** Messages not retained for want of room. */
  readonly retainedRefused: number;
  /** Clients whose session is not kept, because there are too many. */
  readonly sessionsRefused: number;
  /** Sessions that gave way to others, because their client was away for long. */
  readonly sessionsEvicted: number;
  /** Why sessions and retained messages could not be read or written the last time. */
  readonly stateProblem: string | undefined;
  /** Bytes written for them since start. */
  readonly stateBytes: number;
  /** Clients without a state channel, because there are too many. */
  readonly clientsUnnamed: number;
  /** What could not be used, by reason and topic. */
  readonly offenders: readonly Offender[];
}

/**
 * An MQTT 3.1 and 3.1.1 broker whose published messages become samples. QoS 1 and 2 are acknowledged when the samples
 * are on disk, and stored once however often they are sent; QoS 0 promises nothing.
 */
export class MqttCollector implements Collector {
  readonly #context: CollectorContext;
  readonly #settings: MqttSettings;
  readonly #credentials: Credentials;
  readonly #counters = new CollectorCounters();
  readonly #offenders = new Offenders();
  readonly #distribution: Distribution;
  readonly #private: PrivateTopics;
  readonly #states: ClientStates;
  readonly #gates = new Set<ClientGate>();
  /** Ids of clients whose last connection ended with DISCONNECT and nothing unacknowledged: they have nothing to repeat. */
  readonly #goodbyes = new Set<string>();
  readonly #owner: GateOwner;
  readonly #certificate: ListenerCertificate | undefined;
  /** Common name of the certificate of a client. */
  readonly #certified = new WeakMap<ClientGate, string>();
  #messages: MessageIntake | undefined;
  #broker: Aedes | undefined;
  #server: Server | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #listenRetry: NodeJS.Timeout | undefined;
  #retryMs = LISTEN_RETRY_MS;
  #problem: string | undefined;
  #stopped = false;

  constructor(config: MqttConfig, context: CollectorContext) {
    const { intake, clock, source, stateFile } = context;
    this.#context = context;
    this.#distribution = new Distribution(stateFile);
    this.#settings = mqttSettings(config);
    this.#private = new PrivateTopics(this.#settings.private);
    this.#credentials = new Credentials(this.#settings.users);
    const { tls } = this.#settings;
    this.#certificate =
      tls &&
      new ListenerCertificate({ ...tls, ca: tls.clientCa }, (problem) => this.#refused('tls', 'new files', problem));
    this.#states = new ClientStates(intake, clock, source, this.#counters);
    this.#owner = {
      limits: this.#settings.limits,
      canTake: () => !this.#stopped && this.#messages?.hasRoom() === true,
      refused: (reason, topic) => this.#refused(reason, topic),
      topics: new TopicNames(this.#settings.limits),
      published: (gate, message, isDup) => this.#published(gate, message, isDup),
      settled: (message) => this.#forward(message),
      subscribed: (gate, requests) => requests.map((request) => this.#subscribe(gate, request)),
      unsubscribed: ({ session }, requests) => {
        if (session === undefined) return;
        for (const { filter } of requests) this.#distribution.unsubscribe(session, filter);
      },
      sendRetained: ({ session }, requests) => {
        const filters = requests.map(({ filter }) => filter);
        return session === undefined ? [].values() : this.#distribution.sendRetained(session, filters);
      },
    };
  }

  /** @throws CaissonError `config-invalid` for a listen address without credentials, or a rule that cannot be */
  async start(): Promise<void> {
    const { listen, topics, prefix, sparkplug } = this.#settings;
    checkMqtt(this.#settings);
    if (!isLoopback(listen) && this.#isOpen) {
      throw new CaissonError('config-invalid', `mqtt: listen ${listen} is wider than loopback and users is empty`, {
        hint: 'add users with passwords, or listen on 127.0.0.1',
      });
    }
    const { intake, clock, source } = this.#context;
    const host = sparkplug && new SparkplugHost(prefix, (group, node) => this.#askRebirth(group, node));
    const decoder = new TopicDecoder(new TopicRules(topics, prefix), host);
    const onBad = (reason: string, topic: string, detail: string) => this.#offenders.add(reason, topic, detail);
    this.#messages = new MessageIntake(intake, clock, source, decoder, this.#counters, onBad);
    this.#messages.onRoom = () => this.#readOn();
    this.#broker = await this.#createBroker();
    await this.#distribution.open(clock.now(), (topic) => this.#private.has(topic));
    // What came while this process stood still is read before anybody is found silent.
    this.#sweep = setInterval(() => setImmediate(() => this.#closeSilent()), KEEPALIVE_SWEEP_MS);
    this.#announce(true);
    await this.#listen();
  }

  async stop(): Promise<void> {
    this.#announce(false);
    this.#stopped = true;
    clearInterval(this.#sweep);
    clearTimeout(this.#listenRetry);
    this.#certificate?.stop();
    const server = this.#server;
    this.#server = undefined;
    server?.close();
    this.#messages?.stop();
    const deadline = performance.now() + STOP_GRACE_MS;
    while ((this.#messages?.unacked ?? 0) > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // Lets acknowledgements that were just released reach their sockets.
    await new Promise((resolve) => setImmediate(resolve));
    const broker = this.#broker;
    if (broker !== undefined) await new Promise<void>((resolve) => broker.close(() => resolve()));
    for (const gate of this.#gates) gate.destroy();
    await this.#distribution.close();
  }

  health(): CollectorHealth {
    const places = this.#offenders.places();
    if (this.#stopped) return this.#counters.health('stopped', undefined, places);
    if (this.#problem !== undefined) return this.#counters.health('waiting', this.#problem, places);
    return this.#counters.health(this.#counters.samples === 0 ? 'starting' : 'running', undefined, places);
  }

  /** TCP port that is listened on; undefined while none is. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  }

  details(): MqttDetails {
    const { sessions, retained, state } = this.#distribution;
    return {
      port: this.port,
      clients: this.#gates.size,
      unacked: this.#messages?.unacked ?? 0,
      waiting: this.#messages?.waiting ?? 0,
      waited: this.#messages?.waited ?? 0,
      repeats: this.#messages?.repeats ?? 0,
      forwardsDropped: sessions.droppedMessages,
      retainedRefused: retained.refused,
      sessionsRefused: sessions.refused,
      sessionsEvicted: sessions.evicted,
      stateProblem: state?.problem,
      stateBytes: state?.written ?? 0,
      clientsUnnamed: this.#states.beyond,
      offenders: this.#offenders.list(),
    };
  }

  async #createBroker(): Promise<Aedes> {
    const broker = await Aedes.createBroker({
      connectTimeout: CONNECT_TIMEOUT_MS,
      maxTopicLevels: this.#settings.limits.topicLevelsMax,
      // The gate bounds both before the library sees a packet.
      maxInflightInbound: 0,
      maxClientsIdLength: Number.MAX_SAFE_INTEGER,
      authenticate: (client, name, password, done) => this.#authenticate(client, name, password, done),
      authorizePublish: (_client, packet, done) => {
        this.#takeWill(packet);
        done(new Error('taken'));
      },
      persistence: libraryPersistence((clientId) => this.#distribution.sessions.get(clientId)?.isPresent === true),
      mq: libraryEmitter(),
    });
    broker.on('clientReady', (client) => this.#ready(gateOf(client)));
    broker.on('clientDisconnect', (client) => this.#disconnected(gateOf(client)));
    const failed = (client: Client, error: Error) => {
      const gate = gateOf(client);
      if (gate?.silent) this.#refused('connect-missing', gate.peer, error.message);
      else if (!('errorCode' in error) && !this.#stopped) this.#refused('broker', gate?.peer, error.message);
    };
    broker.on('clientError', failed);
    broker.on('connectionError', failed);
    broker.addListener('error', (error: unknown) => this.#refused('broker', undefined, messageOf(error)));
    return broker;
  }

  /** Opens the port; where that is not possible, says so in health and tries again with growing pauses. */
  async #listen(): Promise<void> {
    const { listen, port } = this.#settings;
    let server: Server | undefined;
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
      if (this.#stopped) return;
      this.#listenRetry = setTimeout(() => void this.#listen(), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LISTEN_RETRY_MS_MAX);
    }
  }

  /** @throws CaissonError `tls-unusable` */
  #createServer(): Server {
    const server = this.#certificate === undefined ? createServer() : this.#createTlsServer(this.#certificate);
    if (this.#certificate === undefined) server.on('connection', (socket) => this.#accept(socket));
    server.maxConnections = this.#settings.limits.clientsMax + ARRIVALS_MAX;
    server.on('drop', (data) => this.#refused('clients-full', data?.remoteAddress));
    return server;
  }

  #createTlsServer(certificate: ListenerCertificate): Server {
    const server = createTlsServer({
      ...certificate.read(),
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      requestCert: this.#settings.tls?.clientCa !== undefined,
      // Who has no certificate may still have a password; who has a wrong one is told below.
      rejectUnauthorized: false,
    });
    server.on('secureConnection', (socket) => {
      const reading = readClientCertificate(socket);
      if (reading !== undefined && 'fault' in reading) {
        this.#refused('certificate', socket.remoteAddress, reading.fault);
        socket.destroy();
        return;
      }
      this.#accept(socket, reading?.name);
    });
    server.on('tlsClientError', (error, socket) => this.#refused('tls', socket.remoteAddress, error.message));
    certificate.follow(server);
    return server;
  }

  /** @param certified common name of its certificate */
  #accept(socket: Socket, certified?: string): void {
    if (this.#gates.size >= this.#settings.limits.clientsMax && !this.#makeRoom()) {
      this.#refused('clients-full', socket.remoteAddress);
      socket.destroy();
      return;
    }
    const gate = new ClientGate(socket, this.#owner);
    if (certified !== undefined) this.#certified.set(gate, certified);
    this.#gates.add(gate);
    gate.once('close', () => this.#gates.delete(gate));
    this.#broker?.handle(gate);
  }

  /** The connection that has said nothing for longest gives way: whoever only opens connections keeps no client out. */
  #makeRoom(): boolean {
    for (const gate of this.#gates) {
      if (!gate.silent) continue;
      this.#gates.delete(gate);
      this.#refused('clients-full', gate.remote);
      gate.destroy();
      return true;
    }
    return false;
  }

  /** The broker has let a client in. */
  #ready(gate: ClientGate | undefined): void {
    if (gate === undefined) return;
    const { clientId } = gate;
    const known = this.#goodbyes.delete(clientId);
    gate.resuming = this.#settings.repeats === 'reconnect' && clientId !== '' && !known;
    this.#states.set(clientId, 'online');
    gate.session?.attach(gate);
    gate.open();
  }

  #disconnected(gate: ClientGate | undefined): void {
    if (gate === undefined) return;
    const { session } = gate;
    if (session?.detach(gate, this.#context.clock.now()) === true) this.#distribution.closed(session);
    if (gate.clientId === '') return;
    this.#states.set(gate.clientId, gate.goodbye ? 'offline' : 'lost');
    if (!gate.goodbye || gate.inflight > 0) return;
    this.#goodbyes.add(gate.clientId);
    if (this.#goodbyes.size > GOODBYES_MAX) {
      for (const oldest of this.#goodbyes) {
        this.#goodbyes.delete(oldest);
        break;
      }
    }
  }

  #authenticate(
    client: Client,
    name: string | undefined,
    password: Buffer | undefined,
    done: (error: AuthenticateError | null, success: boolean | null) => void,
  ): void {
    const gate = gateOf(client);
    const certified = gate && this.#certified.get(gate);
    const { tls } = this.#settings;
    const named = tls?.clients ?? [];
    const isCertified = certified !== undefined && (named.length === 0 || named.includes(certified));
    if (isCertified || this.#isOpen || (!this.#credentials.open && this.#credentials.accepts(name, password))) {
      // Not before: who is not let in ends nobody's session.
      if (gate !== undefined) gate.session = this.#sessionFor(gate);
      done(null, true);
      return;
    }
    const who = certified === undefined ? '' : `, certificate of ${JSON.stringify(certified)}`;
    this.#refused('credentials', gate?.peer, `user ${JSON.stringify(name ?? '')}${who}`);
    done(Object.assign(new Error('bad user name or password'), { returnCode: CONNACK_BAD_CREDENTIALS }), false);
  }

  /** True when anyone who reaches the port may connect. */
  get #isOpen(): boolean {
    return this.#credentials.open && this.#settings.tls?.clientCa === undefined;
  }

  /** Where a message becomes samples. */
  #published(gate: ClientGate, message: Message, maybeRepeat: boolean): void {
    const messages = this.#messages;
    if (messages === undefined) return;
    if (message.sender === undefined) {
      if (message.use === 'take') messages.takeUnconfirmed(message);
      if (message.use !== 'skip') this.#forward(message);
      return;
    }
    const isRepeat = messages.take(message, maybeRepeat || gate.resuming);
    if (!isRepeat && !maybeRepeat) gate.resuming = false;
  }

  #sessionFor({ clientId, isClean }: ClientGate): Session {
    return this.#distribution.sessions.open(clientId, isClean, this.#context.clock.now());
  }

  /** What the library would publish by itself. Nobody waits for the acknowledgement of a will. */
  #takeWill({ topic, qos, retain, payload }: PublishPacket): void {
    const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
    const message = new Message(bytes, 0, 0, topic, qos, 0, retain, undefined);
    if (message.use === 'take') this.#messages?.takeUnconfirmed(message);
    this.#forward(message);
  }

  /** Sends a message to those who subscribed, and keeps it where it is to be retained. */
  #forward({ topic, payload, qos, isRetained }: Message): void {
    if (!this.#private.has(topic)) this.#distribution.publish(topic, payload, qos, isRetained);
  }

  /** Tells edge nodes whether their host is there (Sparkplug 3.0, 6.4.23). */
  #announce(online: boolean): void {
    const { sparkplug } = this.#settings;
    if (sparkplug === undefined) return;
    const state = JSON.stringify({ online, timestamp: this.#utcMs() });
    this.#distribution.publish(`${SPARKPLUG_NAMESPACE}/STATE/${sparkplug.hostId}`, Buffer.from(state), 1, true);
  }

  #askRebirth(group: string, node: string): void {
    const command = Buffer.from(encodeRebirth(this.#utcMs()));
    this.#distribution.publish(`${SPARKPLUG_NAMESPACE}/${group}/NCMD/${node}`, command, 0, false);
  }

  #utcMs(): number {
    return Math.floor(this.#context.clock.now() / 1e3);
  }

  /** The return code of a subscription: what is refused is refused in SUBACK (MQTT-3.9.3). */
  #subscribe({ session, peer }: ClientGate, { filter, qos }: FilterRequest): number {
    const reason = this.#refusal(filter);
    if (reason === undefined && session !== undefined && this.#distribution.subscribe(session, filter, qos)) return qos;
    this.#refused(reason ?? 'subscriptions-full', filter, `asked for by ${peer}`);
    return SUBSCRIBE_REFUSED;
  }

  #refusal(filter: string): GuardReason | undefined {
    if (filter.startsWith('$share/')) return 'subscribe-shared';
    return this.#private.covers(filter) ? 'subscribe-private' : undefined;
  }

  #refused(reason: GuardReason, topic = '', detail: string = GUARD_REASONS[reason]): void {
    this.#counters.error(reason);
    this.#offenders.add(reason, topic, detail);
  }

  #readOn(): void {
    for (const gate of this.#gates) if (gate.held) gate.pump();
  }

  #closeSilent(): void {
    if (this.#stopped) return;
    const stallMs = this.#settings.limits.stallSeconds * 1000;
    for (const gate of this.#gates) {
      if (gate.overdueMs() > 0) gate.close('keep-alive');
      else if (gate.stalledMs > stallMs) gate.close('slow-reader');
    }
  }
}

function gateOf(client: Client): ClientGate | undefined {
  return client.conn instanceof ClientGate ? client.conn : undefined;
}

/** Makes the collector of a section `mqtt`. */
export function createMqttCollector(config: MqttConfig, context: CollectorContext): MqttCollector {
  return new MqttCollector(config, context);
}
