import type { Buffer } from 'node:buffer';
import type { CollectorContext, CollectorCounters } from '../../collector.ts';
import { SPARKPLUG_NAMESPACE } from '../sparkplug/sparkplug-topic.ts';
import type { BrokerLink, OutgoingMessage } from './broker-link.ts';
import type { MqttClientSettings } from './client-config.ts';

/** `online` connected and subscribed; `offline` left with a goodbye; `lost` the connection ended without one. */
export type LinkState = 'online' | 'offline' | 'lost';

/**
 * Tells whether the client is there: as text channel `<source>/state`, to those who look at its status topic, and as a
 * host of Sparkplug B to edge nodes (Sparkplug 3.0, 5.13: the will and the birth bear the same time).
 */
export class Presence {
  readonly #context: CollectorContext;
  readonly #counters: CollectorCounters;
  readonly #status: string | undefined;
  readonly #stateTopic: string | undefined;
  /** UTC of the connection, milliseconds. */
  #sinceMs = 0;
  #state: LinkState | undefined;

  constructor({ status, sparkplug }: MqttClientSettings, context: CollectorContext, counters: CollectorCounters) {
    this.#context = context;
    this.#counters = counters;
    this.#status = status;
    this.#stateTopic = sparkplug && `${SPARKPLUG_NAMESPACE}/STATE/${sparkplug.hostId}`;
  }

  /** What the broker is to say of the connection that is made next, should it be lost. */
  will(): OutgoingMessage | undefined {
    this.#sinceMs = this.#utcMs();
    return this.#word('lost', this.#sinceMs);
  }

  online(link: BrokerLink): void {
    this.#say(link, 'online', this.#sinceMs);
    this.#keep('online');
  }

  /** Says goodbye, as long as the connection is there. */
  leaving(link: BrokerLink): void {
    this.#say(link, 'offline', this.#utcMs());
  }

  gone(wasIntended: boolean): void {
    if (this.#state === 'online') this.#keep(wasIntended ? 'offline' : 'lost');
  }

  /** Answers a word that says this host is gone, such as the late will of its last connection. */
  heard(link: BrokerLink, topic: string, payload: Buffer): void {
    if (topic !== this.#stateTopic || this.#state !== 'online') return;
    if (/"online"\s*:\s*false/.test(payload.toString('latin1'))) this.#say(link, 'online', this.#sinceMs);
  }

  #say(link: BrokerLink, state: LinkState, ms: number): void {
    const word = this.#word(state, ms);
    if (word !== undefined) link.publish(word);
  }

  #word(state: LinkState, ms: number): OutgoingMessage | undefined {
    if (this.#stateTopic !== undefined) {
      const payload = JSON.stringify({ online: state === 'online', timestamp: ms });
      return { topic: this.#stateTopic, payload, qos: 1, isRetained: true };
    }
    return this.#status === undefined ? undefined : { topic: this.#status, payload: state, qos: 1, isRetained: true };
  }

  #keep(state: LinkState): void {
    this.#state = state;
    const { intake, clock, source } = this.#context;
    const description = 'connection to the MQTT broker';
    const { id } = intake.channel({ name: `${source}/state`, source, type: 'text', description });
    if (intake.pushText(id, clock.now(), state)) this.#counters.samples++;
    intake.publish();
  }

  #utcMs(): number {
    return Math.floor(this.#context.clock.now() / 1e3);
  }
}
