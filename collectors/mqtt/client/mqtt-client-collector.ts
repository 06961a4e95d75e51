import { Buffer } from 'node:buffer';
import { CaissonError } from '../../../gateway/errors.ts';
import { BackOff } from '../../../hardware/serial/back-off.ts';
import { type Collector, type CollectorContext, CollectorCounters, type CollectorHealth } from '../../collector.ts';
import { type Offender, Offenders } from '../../offenders.ts';
import type { Message } from '../message.ts';
import { MessageIntake } from '../message-intake.ts';
import { GUARD_REASONS, type GuardReason } from '../packet-rules.ts';
import { SparkplugHost } from '../sparkplug/sparkplug-host.ts';
import { encodeRebirth } from '../sparkplug/sparkplug-payload.ts';
import { SPARKPLUG_NAMESPACE } from '../sparkplug/sparkplug-topic.ts';
import { TopicDecoder } from '../topic-decoder.ts';
import { TopicNames } from '../topic-names.ts';
import { TopicRules } from '../topic-rules.ts';
import { BrokerLink, type BrokerLinkOwner } from './broker-link.ts';
import {
  checkMqttClient,
  type MqttClientConfig,
  type MqttClientSettings,
  mqttClientSettings,
} from './client-config.ts';
import { Presence } from './presence.ts';
import { Subscriptions } from './subscriptions.ts';

/** A connection that lasted so long was a good one: the next attempts begin with short pauses again, milliseconds. */
const STEADY_MS = 10_000;
/** How long stopping waits for the commits that are on their way, milliseconds. */
const STOP_GRACE_MS = 5000;
/** After that time filters that the broker refused are asked for again, milliseconds. */
const RESUBSCRIBE_MS = 60_000;

/** What the client knows beyond {@link CollectorHealth}. */
export interface MqttClientDetails {
  readonly isConnected: boolean;
  /** Connections that the broker accepted since start. */
  readonly connections: number;
  /** Connections that ended, or could not be made. */
  readonly failures: number;
  /** Why the last of them did. */
  readonly lastFailure: string | undefined;
  /** True when the broker had kept the session at the last connection. */
  readonly isSessionKept: boolean;
  /** Messages of QoS 1 and 2 that are not acknowledged yet. */
  readonly unacked: number;
  /** Messages that had to wait for room since start. */
  readonly waited: number;
  /** Messages recognised as already stored. */
  readonly repeats: number;
  /** Retained messages that were no new data. */
  readonly retainedSkipped: number;
  /** Messages of topics that are not subscribed to any more. */
  readonly unasked: number;
  /** What could not be used, by reason and topic. */
  readonly offenders: readonly Offender[];
}

/**
 * Subscribes at a broker elsewhere and turns its messages into samples. QoS 1 and 2 are acknowledged when the samples are
 * on disk; what was not acknowledged the broker sends again, also to the next process, and it is stored once.
 */
export class MqttClientCollector implements Collector {
  readonly #context: CollectorContext;
  readonly #settings: MqttClientSettings;
  readonly #subscriptions: Subscriptions;
  readonly #presence: Presence;
  readonly #messages: MessageIntake;
  readonly #counters = new CollectorCounters();
  readonly #offenders = new Offenders();
  readonly #backOff = new BackOff();
  readonly #owner: BrokerLinkOwner;
  /** Packet ids of messages at QoS 2 until their PUBREL: 65,535 at most, as there are ids. */
  readonly #unreleased = new Set<number>();
  #link: BrokerLink | undefined;
  #retry: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #lastFailure: string | undefined;
  /** When the broker accepted the connection, as `performance.now()`; undefined while there is none. */
  #acceptedMs: number | undefined;
  #isSessionKept = false;
  #isStopped = false;
  #connections = 0;
  #failures = 0;
  #retainedSkipped = 0;
  #unasked = 0;

  /** @throws CaissonError `config-invalid` */
  constructor(config: MqttClientConfig, context: CollectorContext) {
    const { intake, clock, source } = context;
    this.#context = context;
    this.#settings = mqttClientSettings(config);
    checkMqttClient(this.#settings);
    const { topics, prefix, sparkplug, limits, version } = this.#settings;
    this.#subscriptions = new Subscriptions(this.#settings);
    this.#presence = new Presence(this.#settings, context, this.#counters);
    const host = sparkplug && new SparkplugHost(prefix, (group, node) => this.#askRebirth(group, node));
    const decoder = new TopicDecoder(new TopicRules(topics, prefix), host);
    const onBad = (reason: string, topic: string, detail: string) => this.#offenders.add(reason, topic, detail);
    this.#messages = new MessageIntake(intake, clock, source, decoder, this.#counters, onBad);
    this.#messages.onRoom = () => this.#link?.readOn();
    const name = `broker ${source} ${this.#settings.clientId}`;
    this.#owner = {
      limits,
      version,
      topics: new TopicNames(limits),
      identity: Buffer.from(`${Buffer.byteLength(name)} ${name} `),
      canTake: () => this.#isStopped || this.#messages.hasRoom(),
      received: (message, isRepeat) => this.#received(message, isRepeat),
      failed: (gate, error) => {
        // What is refused because this end stops comes again; what is on its way is acknowledged first.
        if (!this.#isStopped) gate.close(error);
      },
      released: (packetId) => this.#unreleased.delete(packetId),
      refused: (reason, topic) => this.#refused(reason, topic),
      accepted: (link, isSessionKept) => this.#accepted(link, isSessionKept),
      subscribed: (link, refused) => this.#subscribed(link, refused),
      ended: (link, problem) => this.#ended(link, problem),
    };
  }

  async start(): Promise<void> {
    this.#connect();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    this.#messages.stop();
    const deadline = performance.now() + STOP_GRACE_MS;
    while (this.#messages.unacked > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const link = this.#link;
    if (link === undefined) return;
    if (this.#acceptedMs !== undefined) this.#presence.leaving(link);
    await link.leave();
  }

  health(): CollectorHealth {
    const places = this.#offenders.places();
    if (this.#isStopped) return this.#counters.health('stopped', undefined, places);
    if (this.#problem !== undefined) return this.#counters.health('waiting', this.#problem, places);
    return this.#counters.health(this.#counters.received === 0 ? 'starting' : 'running', undefined, places);
  }

  details(): MqttClientDetails {
    return {
      isConnected: this.#acceptedMs !== undefined,
      connections: this.#connections,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
      isSessionKept: this.#isSessionKept,
      unacked: this.#messages.unacked,
      waited: this.#messages.waited,
      repeats: this.#messages.repeats,
      retainedSkipped: this.#retainedSkipped,
      unasked: this.#unasked,
      offenders: this.#offenders.list(),
    };
  }

  #connect(): void {
    try {
      this.#link = new BrokerLink(this.#settings, this.#owner, this.#presence.will());
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      this.#tryAgain(error.hint === undefined ? error.message : `${error.message}; ${error.hint}`);
    }
  }

  #accepted(link: BrokerLink, isSessionKept: boolean): void {
    this.#acceptedMs = performance.now();
    this.#connections++;
    this.#isSessionKept = isSessionKept;
    // Without its session the broker knows of no message that it could send again.
    if (!isSessionKept) this.#unreleased.clear();
    link.subscribe(this.#subscriptions.filters);
  }

  #subscribed(link: BrokerLink, refused: readonly string[]): void {
    this.#problem = undefined;
    if (refused.length === 0) {
      this.#presence.online(link);
      return;
    }
    this.#problem = `${this.#where()} refuses the subscription to ${refused.join(', ')}; allow it there`;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => link.subscribe(refused), RESUBSCRIBE_MS);
  }

  /** Tries again, with growing pauses that chance shortens. */
  #ended(link: BrokerLink, problem: string): void {
    if (link !== this.#link) return;
    const wasSteady = this.#acceptedMs !== undefined && performance.now() - this.#acceptedMs > STEADY_MS;
    this.#presence.gone(this.#isStopped);
    this.#link = undefined;
    this.#acceptedMs = undefined;
    clearTimeout(this.#retry);
    if (wasSteady) this.#backOff.reset();
    this.#tryAgain(problem);
  }

  #tryAgain(problem: string): void {
    if (this.#isStopped) return;
    this.#failures++;
    this.#lastFailure = problem;
    this.#problem = `${this.#where()}: ${problem}`;
    this.#retry = setTimeout(() => this.#connect(), this.#backOff.next());
  }

  #received(message: Message, isRepeat: boolean): void {
    // What comes while this end says goodbye stays unacknowledged, and comes again.
    if (this.#isStopped) return;
    const { topic, payload, packetId, qos, isRetained } = message;
    if (!isRetained && this.#link !== undefined) this.#presence.heard(this.#link, topic, payload);
    if (message.use !== 'skip') this.#judge(message);
    if (qos === 0) {
      if (message.use === 'take') this.#messages.takeUnconfirmed(message);
      return;
    }
    const isAgain = qos === 2 && this.#unreleased.has(packetId);
    if (qos === 2) this.#unreleased.add(packetId);
    this.#messages.take(message, isRepeat || isAgain);
  }

  /** Leaves out what is no new data, and what was not asked for: such messages are only acknowledged. */
  #judge(message: Message): void {
    if (message.isRetained && this.#settings.retained === 'skip') this.#retainedSkipped++;
    else if (this.#subscriptions.asksFor(message.topic)) return;
    else this.#unasked++;
    message.use = 'skip';
  }

  #askRebirth(group: string, node: string): void {
    const payload = Buffer.from(encodeRebirth(Math.floor(this.#context.clock.now() / 1e3)));
    const topic = `${SPARKPLUG_NAMESPACE}/${group}/NCMD/${node}`;
    this.#link?.publish({ topic, payload, qos: 0, isRetained: false });
  }

  #refused(reason: GuardReason, topic = ''): void {
    this.#counters.error(reason);
    this.#offenders.add(reason, topic, GUARD_REASONS[reason]);
  }

  #where(): string {
    return `broker ${this.#settings.host}:${this.#settings.port}`;
  }
}

/** Makes the collector of a section `mqtt-client`. */
export function createMqttClientCollector(config: MqttClientConfig, context: CollectorContext): MqttClientCollector {
  return new MqttClientCollector(config, context);
}
