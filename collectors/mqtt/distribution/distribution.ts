import { Buffer } from 'node:buffer';
import type { QoS } from '../message.ts';
import { BrokerState } from './broker-state.ts';
import { FilterTree } from './filter-tree.ts';
import type { OutgoingMessage } from './publish-packet.ts';
import { RetainedMessages } from './retained-messages.ts';
import { type Session, SUBSCRIPTIONS_MAX } from './session.ts';
import { Sessions } from './sessions.ts';

/** Subscriptions of all clients. Beyond: refused in SUBACK, reason `subscriptions-full`. */
export const ALL_SUBSCRIPTIONS_MAX = 10_000;

/** Gives messages to those who subscribed to them, and keeps what outlives connections: sessions and retained messages. */
export class Distribution {
  readonly #tree = new FilterTree<Session>();
  readonly sessions: Sessions;
  readonly retained: RetainedMessages;
  /** Undefined where nothing outlives the process. */
  readonly state: BrokerState | undefined;

  /** @param stateFile file for what outlives the process; undefined: nothing does */
  constructor(stateFile: string | undefined) {
    this.sessions = new Sessions(
      (clientId, packetId) => this.state?.sessionChanged(clientId, packetId),
      (session) => this.#forget(session),
    );
    this.retained = new RetainedMessages((topic) => this.state?.retainedChanged(topic));
    this.state = stateFile === undefined ? undefined : new BrokerState(stateFile, this.sessions, this.retained);
  }

  /** Brings back what the process before kept; `now` is box time, microseconds. */
  async open(now: number, isPrivate: (topic: string) => boolean): Promise<void> {
    await this.state?.open(now, isPrivate, (session) => {
      for (const [filter, qos] of session.filters) this.#tree.add(filter, session, qos);
    });
  }

  /** Sends a message to those who subscribed, and keeps it where it is to be retained. The payload stays the caller's. */
  publish(topic: string, payload: Uint8Array, qos: QoS, isRetained: boolean): void {
    if (isRetained) this.retained.set(topic, payload, qos);
    if (this.#tree.size === 0) return;
    const subscribers = this.#tree.match(topic);
    if (subscribers.size === 0) return;
    const message: OutgoingMessage = { topic, payload: Buffer.from(payload), qos, isRetained: false };
    for (const [session, granted] of subscribers) session.offer(message, granted);
  }

  /** False where the client, or all together, have too many subscriptions. */
  subscribe(session: Session, filter: string, qos: QoS): boolean {
    const isNew = !session.filters.has(filter);
    const isFull = session.filters.size >= SUBSCRIPTIONS_MAX || this.#tree.size >= ALL_SUBSCRIPTIONS_MAX;
    if (isNew && isFull) return false;
    session.filters.set(filter, qos);
    this.#tree.add(filter, session, qos);
    this.sessions.touched(session);
    return true;
  }

  unsubscribe(session: Session, filter: string): void {
    if (!session.filters.delete(filter)) return;
    this.#tree.remove(filter, session);
    this.sessions.touched(session);
  }

  /**
   * Sends the retained messages that new subscriptions match (MQTT-3.8.4-3), one a step, so that whoever reads slowly is sent no
   * more than it reads.
   */
  *sendRetained(session: Session, filters: readonly string[]): Generator<void> {
    for (const filter of filters) {
      for (const message of this.retained.matching(filter)) {
        const granted = session.filters.get(filter);
        if (message !== undefined && granted !== undefined) session.offer({ ...message, isRetained: true }, granted);
        yield;
      }
    }
  }

  /** A connection has ended, and with it a session that is not kept. */
  closed(session: Session): void {
    if (this.sessions.get(session.clientId) !== session) this.#forget(session);
    else this.sessions.touched(session);
  }

  /** Writes what has changed. */
  async close(): Promise<void> {
    await this.state?.close();
  }

  #forget(session: Session): void {
    for (const filter of session.filters.keys()) this.#tree.remove(filter, session);
    session.filters.clear();
  }
}
