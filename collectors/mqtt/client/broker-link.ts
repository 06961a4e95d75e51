import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type IClientOptions, MqttClient } from 'mqtt';
import { messageOf } from '../../../gateway/errors.ts';
import { peerFault, serverNameOf, silentFault } from '../../tls/peer-fault.ts';
import { readTlsFiles } from '../../tls/pem-files.ts';
import { MIN_TLS_VERSION } from '../../tls/tls-config.ts';
import { BrokerGate, type BrokerGateOwner } from './broker-gate.ts';
import type { MqttClientSettings } from './client-config.ts';

/** How long a connection may take until the broker has accepted it, name look-up and TLS included, milliseconds. */
const CONNECT_TIMEOUT_MS = 15_000;
/** How long the goodbye may take, milliseconds. */
const GOODBYE_MS = 2000;
/** How much longer, for a process that stood still until that was over and has yet to read what came meanwhile, milliseconds. */
const LAST_READ_MS = 100;
/** TCP probes after that silence, milliseconds. */
const TCP_KEEPALIVE_MS = 30_000;
/** SUBACK codes from here on are refusals (MQTT-3.9.3). */
const REFUSED_FROM = 0x80;
/** CONNACK codes that say that user, password or address are not let in, of MQTT 3.1.1 and 5. */
const CREDENTIAL_CODES: readonly unknown[] = [4, 5, 134, 135];
/** CONNACK codes that say that the version is not spoken. */
const VERSION_CODES: readonly unknown[] = [1, 132];
/** What keeps a connection from being made at all, and what to look at. */
const UNREACHED: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; does the broker run, and is that its port?',
  ENOTFOUND: 'no machine of that name is known; look at host, and at the name service',
  EAI_AGAIN: 'the name service does not answer; is there a network?',
  EHOSTUNREACH: 'there is no way to that machine; look at the network',
  ENETUNREACH: 'there is no way to that network; look at the network',
  ETIMEDOUT: 'that machine does not answer; look at the network, and at firewalls',
};
/** How a connection ends that the other end does not want. */
const CUT_CODES: readonly unknown[] = ['ECONNRESET', 'EPIPE'];
/** DISCONNECT: another client took the session over (MQTT 5, 3.14.2.1). */
const TAKEN_OVER = 142;

/** A message that the broker publishes when this client is lost, or that this client publishes itself. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: string | Buffer;
  readonly qos: 0 | 1;
  readonly isRetained: boolean;
}

/** What a link needs from its owner. */
export interface BrokerLinkOwner extends BrokerGateOwner {
  /** The broker has accepted the connection. `isSessionKept`: with what it kept of the last one. */
  accepted(link: BrokerLink, isSessionKept: boolean): void;
  /** The broker has answered the subscriptions; `refused` are the filters that it does not allow. */
  subscribed(link: BrokerLink, refused: readonly string[]): void;
  /** The connection has ended, or could not be made; called once. */
  ended(link: BrokerLink, problem: string): void;
}

/** One connection to a broker, from the attempt to its end. */
export class BrokerLink {
  readonly #settings: MqttClientSettings;
  readonly #owner: BrokerLinkOwner;
  readonly #gate: BrokerGate;
  readonly #client: MqttClient;
  #isAccepted = false;
  #isShaken = false;
  #hasEnded = false;
  #problem: string | undefined;

  /**
   * @param will what the broker publishes when this client is lost
   * @throws CaissonError `tls-unusable`
   */
  constructor(settings: MqttClientSettings, owner: BrokerLinkOwner, will: OutgoingMessage | undefined) {
    this.#settings = settings;
    this.#owner = owner;
    const socket = openBrokerSocket(settings);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    socket.once('secureConnect', () => {
      this.#isShaken = true;
    });
    this.#gate = new BrokerGate(socket, owner);
    this.#client = new MqttClient(() => this.#gate, clientOptions(settings, will));
    this.#client.on('connect', ({ sessionPresent }) => {
      this.#isAccepted = true;
      owner.accepted(this, sessionPresent);
    });
    this.#client.on('error', (error) => {
      this.#problem ??= brokerProblem(error, settings, this.#progress);
      this.#gate.destroy();
    });
    this.#client.on('disconnect', ({ reasonCode }) => {
      this.#problem ??=
        reasonCode === TAKEN_OVER
          ? `another client connected as ${settings.clientId}; give each client an id of its own`
          : `the broker ended the connection with reason code ${reasonCode ?? 0}`;
    });
    this.#client.on('close', () => this.#end());
  }

  /** Asks for topics. */
  subscribe(filters: readonly string[]): void {
    const { qos, retained, version } = this.#settings;
    // MQTT 5 can be told not to send what it kept, and what this client publishes itself.
    const options = version === 5 ? { qos, nl: true, rap: false, rh: retained === 'skip' ? 2 : 0 } : { qos };
    const map = Object.fromEntries(filters.map((filter) => [filter, options]));
    this.#client.subscribe(map, (error, _, packet) => {
      const granted = packet?.granted;
      if (granted === undefined) {
        if (error !== null) this.#gate.close(new Error(`SUBSCRIBE was not answered: ${messageOf(error)}`));
        return;
      }
      this.#owner.subscribed(
        this,
        filters.filter((_filter, index) => Number(granted[index] ?? REFUSED_FROM) >= REFUSED_FROM),
      );
    });
  }

  /** Publishes while the connection lasts; what does not reach the broker is not sent again. */
  publish({ topic, payload, qos, isRetained }: OutgoingMessage): void {
    if (!this.#hasEnded) this.#client.publish(topic, payload, { qos, retain: isRetained }, () => {});
  }

  /** Reads on, after room was made. */
  readOn(): void {
    this.#gate.pump();
  }

  /** Ends the connection without a goodbye: what is not acknowledged comes again. */
  abandon(problem: string): void {
    this.#problem ??= problem;
    this.#gate.destroy();
  }

  /** Ends it with a goodbye, behind everything that is on its way. */
  async leave(): Promise<void> {
    if (this.#hasEnded) return;
    this.#problem ??= 'left';
    const closed = new Promise<void>((resolve) => this.#client.once('close', () => resolve()));
    let limit = setTimeout(() => {
      limit = setTimeout(() => this.#gate.destroy(), LAST_READ_MS);
    }, GOODBYE_MS);
    this.#client.end(!this.#isAccepted);
    await closed;
    clearTimeout(limit);
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { problem } = this.#gate;
    const known = this.#problem ?? (problem && brokerProblem(problem, this.#settings, this.#progress));
    this.#owner.ended(this, known ?? silentEnd(this.#settings, this.#progress));
  }

  get #progress(): BrokerProgress {
    return { isShaken: this.#isShaken, wasAccepted: this.#isAccepted };
  }
}

/** How far a connection came: to the end of the TLS handshake, to a CONNACK. */
export interface BrokerProgress {
  readonly isShaken: boolean;
  readonly wasAccepted: boolean;
}

/** The files are read for each connection, so that new ones count. */
export function openBrokerSocket({ host, port, tls }: MqttClientSettings): Socket {
  if (tls === undefined) return connectTcp({ host, port });
  const servername = serverNameOf({ host, tls });
  return connectTls({
    host,
    port,
    ...readTlsFiles(tls, Date.now()),
    ...(servername !== undefined && { servername }),
    minVersion: MIN_TLS_VERSION,
    // Whoever is not who he should be is sent nothing: no password, no will.
    rejectUnauthorized: true,
  });
}

function clientOptions(settings: MqttClientSettings, will: OutgoingMessage | undefined): IClientOptions {
  const { clientId, user, password, version, keepAliveSeconds, sparkplug, sessionSeconds, limits } = settings;
  // A host of Sparkplug begins anew with each connection (Sparkplug 3.0, 5.13).
  const clean = sparkplug !== undefined;
  return {
    clientId,
    clean,
    protocolVersion: version === 5 ? 5 : 4,
    keepalive: keepAliveSeconds,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: 'native',
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...(will !== undefined && {
      will: { topic: will.topic, payload: Buffer.from(will.payload), qos: will.qos, retain: will.isRetained },
    }),
    ...(version === 5 && {
      properties: { sessionExpiryInterval: clean ? 0 : sessionSeconds, receiveMaximum: limits.inflightMax },
    }),
  };
}

/** What went wrong, with whom, and what to do. */
export function brokerProblem(
  error: Error & { code?: unknown },
  { host, user, version, tls }: MqttClientSettings,
  { isShaken, wasAccepted }: BrokerProgress,
): string {
  if (CREDENTIAL_CODES.includes(error.code)) {
    const who = user === undefined ? 'a client without user' : `user ${JSON.stringify(user)}`;
    return `the broker refuses ${who} (${error.message}); check user and password`;
  }
  if (VERSION_CODES.includes(error.code)) {
    return `the broker does not speak MQTT ${version}; configure version ${version === 5 ? '3.1.1' : '5'}`;
  }
  const unreached = UNREACHED[String(error.code)];
  if (unreached !== undefined) return `${unreached} (${error.message})`;
  if (wasAccepted) return error.message;
  if (tls !== undefined) return peerFault(error, { host, tls, isShaken }) ?? error.message;
  return CUT_CODES.includes(error.code) ? `${error.message}; ${silentFault(tls, isShaken)}` : error.message;
}

/** A connection that ended without a word. */
export function silentEnd({ clientId, tls }: MqttClientSettings, { wasAccepted, isShaken }: BrokerProgress): string {
  if (wasAccepted) return `the broker closed the connection; look whether another client connects as ${clientId}`;
  return `the broker closed the connection before it accepted it; ${silentFault(tls, isShaken)}`;
}
