import type { Clock } from '../../gateway/clock.ts';
import type { Intake } from '../../gateway/intake.ts';
import type { CollectorCounters } from '../collector.ts';

/** Clients with a state channel. Clients beyond (such as those with a new random id each time) have none. */
export const CLIENT_STATES_MAX = 256;

/** `online` connected; `offline` said goodbye; `lost` the connection ended without a goodbye. */
export type ClientState = 'online' | 'offline' | 'lost';

/** The connection state of each client that gives itself an id, as text channel `<source>/clients/<id>/state`. */
export class ClientStates {
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #source: string;
  readonly #counters: CollectorCounters;
  readonly #channels = new Map<string, number>();
  /** Clients that have no state channel because of {@link CLIENT_STATES_MAX}. */
  beyond = 0;

  constructor(intake: Intake, clock: Clock, source: string, counters: CollectorCounters) {
    this.#intake = intake;
    this.#clock = clock;
    this.#source = source;
    this.#counters = counters;
  }

  set(clientId: string, state: ClientState): void {
    if (clientId === '') return;
    const channel = this.#channelOf(clientId);
    if (channel === undefined) {
      if (state === 'online') this.beyond++;
      return;
    }
    if (this.#intake.pushText(channel, this.#clock.now(), state)) this.#counters.samples++;
    this.#intake.publish();
  }

  #channelOf(clientId: string): number | undefined {
    const known = this.#channels.get(clientId);
    if (known !== undefined || this.#channels.size >= CLIENT_STATES_MAX) return known;
    const name = `${this.#source}/clients/${clientId.replaceAll('/', '_')}/state`;
    const description = `connection of MQTT client ${clientId}`;
    const { id } = this.#intake.channel({ name, source: this.#source, type: 'text', description });
    this.#channels.set(clientId, id);
    return id;
  }
}
