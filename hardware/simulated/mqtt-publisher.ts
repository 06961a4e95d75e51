import { Buffer } from 'node:buffer';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';

/** Time between two attempts to reach the broker, milliseconds. */
const RECONNECT_MS = 500;
/** Bytes that wait for the socket. At the maximum: messages are dropped and counted. */
const WAITING_BYTES_MAX = 256 * 1024;
/** QoS 1 messages that wait for their PUBACK. At the maximum: further ones are dropped and counted. */
const UNACKNOWLEDGED_MAX = 64;

/** A car's telemetry unit as an MQTT client. It reconnects for ever; what happens without a connection is lost. */
export class MqttPublisher {
  published = 0;
  /** QoS 1 messages that the broker has acknowledged. */
  acknowledged = 0;
  dropped = 0;
  /** Resolves at the first connection, and when the publisher is closed. */
  readonly ready: Promise<void>;
  readonly #client: MqttClient;
  #unacknowledged = 0;
  #settle: () => void = () => {};

  /** @param options of mqtt.js, such as user name and password */
  constructor(url: string, options: IClientOptions) {
    this.ready = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#client = connect(url, { reconnectPeriod: RECONNECT_MS, queueQoSZero: false, ...options });
    this.#client.on('connect', () => this.#settle());
    // The client tries again by itself; a broker that is not there is no failure of the car.
    this.#client.on('error', () => {});
  }

  publish(topic: string, payload: Uint8Array | string, qos: 0 | 1): void {
    const congested = this.#client.connected && this.#client.stream.writableLength > WAITING_BYTES_MAX;
    if (!this.#client.connected || congested || (qos === 1 && this.#unacknowledged >= UNACKNOWLEDGED_MAX)) {
      this.dropped++;
      return;
    }
    this.published++;
    const bytes =
      typeof payload === 'string' ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    if (qos === 0) {
      this.#client.publish(topic, bytes, { qos });
      return;
    }
    this.#unacknowledged++;
    this.#client.publish(topic, bytes, { qos }, (error) => {
      this.#unacknowledged--;
      if (error) this.dropped++;
      else this.acknowledged++;
    });
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
    this.#settle();
  }
}
