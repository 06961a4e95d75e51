import { setTimeout as pause } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { MqttClient } from 'mqtt';
import { messageOf } from '../../../gateway/errors.ts';
import { brokerProblem, openBrokerSocket, silentEnd } from './broker-link.ts';
import type { MqttClientSettings } from './client-config.ts';
import { Subscriptions } from './subscriptions.ts';

/** How long a broker has to accept a connection and to answer a subscription, milliseconds. */
const ANSWER_MS = 5000;

/** SUBACK codes from here on are refusals (MQTT-3.9.3). */
const REFUSED_FROM = 0x80;

/** What a broker does for the client of a source. */
export interface BrokerTrial {
  /** Why it does not accept the client; undefined where it does. */
  readonly problem: string | undefined;
  /** Filters that it does not allow. */
  readonly refused: readonly string[];
  /** Messages that came, retained ones included. */
  readonly messages: number;
  /** Until when its certificate is valid, ms since 1970; undefined without TLS. */
  readonly validTo: number | undefined;
}

/**
 * Connects as a client of a config would, under an id of its own and without a session that is kept: so that nothing is taken from the
 * messages that the broker keeps for that client. Asks for its topics, listens, and leaves.
 */
export async function tryBroker(settings: MqttClientSettings, listenMs: number): Promise<BrokerTrial> {
  const { clientId, user, password, version } = settings;
  const { filters } = new Subscriptions(settings);
  let problem: string | undefined;
  let messages = 0;
  let validTo: number | undefined;
  let isShaken = false;
  const progress = () => ({ isShaken, wasAccepted: false });
  try {
    const socket = openBrokerSocket(settings);
    socket.once('secureConnect', () => {
      isShaken = true;
      if (socket instanceof TLSSocket) validTo = Date.parse(socket.getPeerCertificate().valid_to);
    });
    const client = new MqttClient(() => socket, {
      ...{ clientId: `${clientId}-doctor`, clean: true, protocolVersion: version === 5 ? 5 : 4 },
      ...{ connectTimeout: ANSWER_MS, reconnectPeriod: 0, resubscribe: false },
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
    });
    client.on('message', () => {
      messages += 1;
    });
    const accepted = await new Promise<boolean>((resolve) => {
      client.once('connect', () => resolve(true));
      client.on('error', (error) => {
        problem ??= brokerProblem(error, settings, progress());
        socket.destroy();
      });
      socket.on('error', (error) => {
        problem ??= brokerProblem(error, settings, progress());
      });
      client.once('close', () => resolve(false));
    });
    if (!accepted) {
      problem ??= silentEnd(settings, progress());
      return { problem, refused: [], messages, validTo };
    }
    const refused = await ask(client, filters);
    if (refused.length < filters.length) await pause(listenMs);
    await client.endAsync(true);
    return { problem, refused, messages, validTo };
  } catch (error) {
    return { problem: messageOf(error), refused: [], messages, validTo };
  }
}

/** The filters that the broker refuses; all where it does not answer. */
function ask(client: MqttClient, filters: readonly string[]): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => resolve(filters), ANSWER_MS);
    client.subscribe([...filters], { qos: 0 }, (_error, _granted, packet) => {
      clearTimeout(limit);
      const granted = packet?.granted ?? [];
      resolve(filters.filter((_filter, index) => Number(granted[index] ?? REFUSED_FROM) >= REFUSED_FROM));
    });
  });
}
