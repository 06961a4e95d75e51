import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes, type AuthenticateError, type Client, type PublishPacket, type Subscription } from 'aedes';
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
import { Message } from './message.ts';
import { MessageIntake } from './message-intake.ts';
import { GUARD_REASONS, type GuardReason } from './packet-rules.ts';
import { PrivateTopics } from './private-topics.ts';
import { RetainedBudget } from './retained-budget.ts';
import { type SessionStore, Sessions } from './sessions.ts';
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
/** Messages on their way to subscribers, all together. Beyond: not forwarded, and counted. */
const FORWARDS_MAX = 4096;
const CONNACK_BAD_CREDENTIALS = 4;

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
  readonly #retained = new RetainedBudget();
  readonly #sessions = new Sessions();
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
  /** Who has subscribed to something: without anyone nothing is forwarded. */
  readonly #subscribers = new Set<ClientGate>();
  /** Messages on their way to those who subscribed. */
  #forwarding = 0;
  #forwardsDropped = 0;

  constructor(config: MqttConfig, context: CollectorContext) {
    const { intake, clock, source } = context;
    this.#context = context;
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
      connecting: (gate, isClean) => this.#connecting(gate, isClean),
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
    this.#sweep = setInterval(() => this.#closeSilent(), KEEPALIVE_SWEEP_MS);
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
  }

  health(): CollectorHealth {
    if (this.#stopped) return this.#counters.health('stopped');
    if (this.#problem !== undefined) return this.#counters.health('waiting', this.#problem);
    return this.#counters.health(this.#counters.samples === 0 ? 'starting' : 'running');
  }

  /** TCP port that is listened on; undefined while none is. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  }

  details(): MqttDetails {
    return {
      port: this.port,
      clients: this.#gates.size,
      unacked: this.#messages?.unacked ?? 0,
      waiting: this.#messages?.waiting ?? 0,
      waited: this.#messages?.waited ?? 0,
      repeats: this.#messages?.repeats ?? 0,
      forwardsDropped: this.#forwardsDropped + this.#sessions.dropped,
      retainedRefused: this.#retained.refused,
      sessionsRefused: this.#sessions.refused,
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
      authorizePublish: (_client, packet, done) => this.#authorizePublish(packet, done),
      authorizeSubscribe: (client, subscription, done) => done(null, this.#authorizeSubscribe(client, subscription)),
      authorizeForward: (client, packet) => (this.#mayForward(gateOf(client), packet) ? packet : null),
    });
    // Left out of the library's types.
    this.#sessions.bound(Reflect.get(broker, 'persistence') as SessionStore);
    broker.on('clientReady', (client) => {
      const gate = gateOf(client);
      if (gate === undefined) return;
      this.#states.set(gate.clientId, 'online');
      this.#sessions.setOnline(gate.clientId, true);
      gate.open();
    });
    broker.on('unsubscribe', (filters, client) => {
      for (const filter of filters) gateOf(client)?.granted.delete(filter);
    });
    broker.on('clientDisconnect', (client) => this.#disconnected(gateOf(client)));
    const failed = (client: Client, error: Error) => {
      const gate = gateOf(client);
      if (gate?.silent) this.#refused('connect-missing', undefined, error.message);
      else if (!('errorCode' in error) && !this.#stopped) this.#refused('broker', undefined, error.message);
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
    server.maxConnections = this.#settings.limits.clientsMax;
    server.on('drop', () => this.#refused('clients-full'));
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
    const gate = new ClientGate(socket, this.#owner);
    if (certified !== undefined) this.#certified.set(gate, certified);
    this.#gates.add(gate);
    gate.once('close', () => {
      this.#gates.delete(gate);
      this.#subscribers.delete(gate);
    });
    this.#broker?.handle(gate);
  }

  #connecting(gate: ClientGate, isClean: boolean): boolean {
    const known = this.#goodbyes.delete(gate.clientId);
    gate.resuming = this.#settings.repeats === 'reconnect' && gate.clientId !== '' && !known;
    return this.#sessions.connect(gate.clientId, isClean);
  }

  #disconnected(gate: ClientGate | undefined): void {
    if (gate === undefined || gate.clientId === '') return;
    this.#states.set(gate.clientId, gate.goodbye ? 'offline' : 'lost');
    this.#sessions.setOnline(gate.clientId, false);
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
      done(null, true);
      return;
    }
    const who = certified === undefined ? '' : `, certificate of ${JSON.stringify(certified)}`;
    this.#refused('credentials', undefined, `user ${JSON.stringify(name ?? '')}${who}`);
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

  /** What the library publishes by itself, wills: it goes on when `done` is called. */
  #authorizePublish(packet: PublishPacket, done: (error?: Error | null) => void): void {
    const { topic, qos, retain } = packet;
    const payload = Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload);
    // Nobody waits for the acknowledgement of a will.
    const message = new Message(payload, 0, 0, topic, qos, 0, retain, undefined);
    if (message.use === 'take') this.#messages?.takeUnconfirmed(message);
    packet.retain = retain && !this.#private.has(topic) && this.#retained.admit(topic, payload.length);
    done(null);
  }

  /** Publishes a message to those who subscribed, and keeps it where it is to be retained. */
  #forward({ topic, payload, qos, isRetained }: Message): void {
    if (this.#private.has(topic)) return;
    const retain = isRetained && this.#retained.admit(topic, payload.length);
    if (!retain && this.#subscribers.size === 0 && !this.#sessions.isListening) return;
    if (this.#forwarding >= FORWARDS_MAX) {
      this.#forwardsDropped++;
      return;
    }
    this.#forwarding++;
    // A copy, because the payload is a window on a far larger piece of the stream.
    const packet = { cmd: 'publish', topic, payload: Buffer.from(payload), qos, retain, dup: false } as const;
    this.#broker?.publish(packet, () => {
      this.#forwarding--;
    });
  }

  /** Tells edge nodes whether their host is there (Sparkplug 3.0, 6.4.23). */
  #announce(online: boolean): void {
    const { sparkplug } = this.#settings;
    if (sparkplug === undefined) return;
    const state = JSON.stringify({ online, timestamp: this.#utcMs() });
    this.#publish(`${SPARKPLUG_NAMESPACE}/STATE/${sparkplug.hostId}`, Buffer.from(state), true);
  }

  #askRebirth(group: string, node: string): void {
    this.#publish(`${SPARKPLUG_NAMESPACE}/${group}/NCMD/${node}`, Buffer.from(encodeRebirth(this.#utcMs())), false);
  }

  #utcMs(): number {
    return Math.floor(this.#context.clock.now() / 1e3);
  }

  /** Publishes a message of our own to those who subscribed. */
  #publish(topic: string, payload: Buffer, retain: boolean): void {
    this.#broker?.publish({ cmd: 'publish', topic, payload, qos: 0, retain, dup: false }, () => {});
  }

  /** What is refused is refused in SUBACK (MQTT-3.9.3). */
  #authorizeSubscribe(client: Client | null, subscription: Subscription): Subscription | null {
    const { topic } = subscription;
    const isShared = topic.startsWith('$share/');
    if (isShared || this.#private.covers(topic)) {
      this.#refused(isShared ? 'subscribe-shared' : 'subscribe-private', topic);
      return null;
    }
    const gate = client === null ? undefined : gateOf(client);
    if (gate !== undefined) {
      gate.granted.set(topic, { levels: topic.split('/'), qos: subscription.qos });
      this.#subscribers.add(gate);
      this.#sessions.subscribe(gate.clientId);
    }
    return subscription;
  }

  /**
   * A subscriber that does not keep up gets no more than it reads. What a session keeps is sent whatever waits: its bound is that of
   * the session.
   */
  #mayForward(gate: ClientGate | undefined, packet: PublishPacket): boolean {
    if (gate === undefined || gate.destroyed || this.#private.has(packet.topic)) return false;
    // MQTT-3.8.4-6; the library looks at subscriptions without wildcards only.
    packet.qos = gate.grantedQos(packet.topic, packet.qos);
    if (gate.keepsSession && packet.qos > 0) return this.#sessions.mayForward(gate.clientId, packet);
    if (!gate.writableNeedDrain) return true;
    this.#forwardsDropped++;
    return false;
  }

  #refused(reason: GuardReason, topic = '', detail: string = GUARD_REASONS[reason]): void {
    this.#counters.error(reason);
    this.#offenders.add(reason, topic, detail);
  }

  #readOn(): void {
    for (const gate of this.#gates) if (gate.held) gate.pump();
  }

  #closeSilent(): void {
    for (const gate of this.#gates) if (gate.overdueMs() > 0) gate.close('keep-alive');
  }
}

function gateOf(client: Client): ClientGate | undefined {
  return client.conn instanceof ClientGate ? client.conn : undefined;
}

/** Makes the collector of a section `mqtt`. */
export function createMqttCollector(config: MqttConfig, context: CollectorContext): MqttCollector {
  return new MqttCollector(config, context);
}
