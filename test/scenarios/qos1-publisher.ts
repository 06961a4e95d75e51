import mqtt, { type MqttClient } from 'mqtt';
import { eventually } from './eventually.ts';

/** Messages of one client that wait for their PUBACK at a time. */
const INFLIGHT = 40;

/** How long the last messages may wait for their PUBACK, milliseconds. */
const FINISH_LIMIT_MS = 240_000;

/** Publishes 0, 1, 2, ... with QoS 1, again and again across reconnects, and notes what was acknowledged. */
export class Qos1Publisher {
  readonly topic: string;
  readonly acknowledged = new Set<number>();
  readonly #client: MqttClient;
  readonly #inflight: number;
  #next = 0;
  #waiting = 0;
  #stopped = false;
  #onAck: () => void = () => {};

  constructor(port: number, name: string, inflight = INFLIGHT) {
    this.topic = `load/${name}`;
    this.#inflight = inflight;
    this.#client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { clientId: name, clean: false, reconnectPeriod: 20 });
    this.#client.on('error', () => {});
    this.#client.on('connect', () => this.#fill());
  }

  nextAck(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAck = resolve;
    });
  }

  /** Publishes nothing new and waits until all that was published is acknowledged. */
  async finish(): Promise<void> {
    this.#stopped = true;
    await eventually(`all of ${this.topic} is acknowledged`, () => this.#waiting === 0, FINISH_LIMIT_MS);
    await this.#client.endAsync();
  }

  /** Gives up what waits. */
  async abandon(): Promise<void> {
    this.#stopped = true;
    await this.#client.endAsync(true);
  }

  #fill(): void {
    while (!this.#stopped && this.#waiting < this.#inflight && this.#client.connected) {
      const value = this.#next;
      this.#next += 1;
      this.#waiting += 1;
      this.#client.publish(this.topic, String(value), { qos: 1 }, (error) => {
        this.#waiting -= 1;
        if (!error) {
          this.acknowledged.add(value);
          this.#onAck();
        }
        this.#fill();
      });
    }
  }
}

/** What is wrong with the values kept of a publisher's topic: acknowledged ones that are missing, and ones kept twice. */
export function faultsOf(
  acknowledged: ReadonlySet<number>,
  kept: Iterable<number>,
): { missing: number[]; twice: number[] } {
  const met = new Map<number, number>();
  for (const value of kept) met.set(value, (met.get(value) ?? 0) + 1);
  return {
    missing: [...acknowledged].filter((value) => !met.has(value)),
    twice: [...met].filter(([value, times]) => times > 1 && acknowledged.has(value)).map(([value]) => value),
  };
}
