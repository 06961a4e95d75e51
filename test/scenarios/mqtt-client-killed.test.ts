import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import t from 'tap';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { MosquittoBroker } from '../collectors/mqtt/client/mosquitto-broker.ts';
import { requireTools } from '../debian.ts';
import { waitFor } from '../wait-for.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';
import { keptValues } from './kept-values.ts';

const ROUNDS = 3;
/** Rounds go on up to here while the broker had nothing to repeat: on a busy machine a kill may come when all is acknowledged. */
const ROUNDS_MAX = 30;
const MESSAGES_A_ROUND = 200;
/** The gateway is killed so long after the broker began to send in a round, times 0, 1 and 2 in turn, milliseconds. */
const LIFE_MS = 15;

t.test(
  'every message that another broker has taken is there once after kill -9 between message and PUBACK',
  async (t) => {
    if (!requireTools(t, 'mosquitto-broker')) return;
    const broker = await MosquittoBroker.start(t, ['max_inflight_messages 50']);
    const folder = mkdtempSync(join(tmpdir(), 'caisson-client-kill-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const config = {
      gateway: { id: 'killed' },
      store: { dir: join(folder, 'data'), blockAgeSeconds: 1 },
      dashboard: { port: 0 },
      grpc: { port: 0 },
      sources: {
        plant: { type: 'mqtt-client', host: '127.0.0.1', port: broker.port, clientId: 'pit', subscribe: ['load/#'] },
      },
    };
    // From the first subscription on the broker keeps for the gateway what comes.
    const first = await GatewayChild.start({ config, folder });
    await eventually('subscribed', () => broker.log.includes('Sending SUBACK to pit'));
    await first.kill();

    const publisher = await mqtt.connectAsync({ host: '127.0.0.1', port: broker.port, clientId: 'meter' });
    t.teardown(() => publisher.endAsync(true));
    const sent = () => broker.log.match(/Sending PUBLISH to pit \(/g)?.length ?? 0;
    const repeated = () => broker.log.match(/Sending PUBLISH to pit \(d1,/g)?.length ?? 0;
    let published = 0;
    for (let round = 0; round < ROUNDS || (repeated() === 0 && round < ROUNDS_MAX); round += 1) {
      const before = sent();
      const gateway = await GatewayChild.start({ config, folder });
      const messages = Array.from({ length: MESSAGES_A_ROUND }, (_, index) => String(published + index));
      published += messages.length;
      const taken = Promise.all(messages.map((message) => publisher.publishAsync('load/n', message, { qos: 1 })));
      await waitFor('the broker sends', () => sent() > before);
      await new Promise((resolve) => setTimeout(resolve, LIFE_MS * (round % ROUNDS)));
      await gateway.kill();
      await taken;
    }
    const last = await GatewayChild.start({ config, folder });
    await publisher.publishAsync('load/end', '1', { qos: 1 });
    // The broker sends in order, and is answered in order.
    await eventually('all is acknowledged', () => {
      const end = [...broker.log.matchAll(/Sending PUBLISH to pit \(d\d, q1, r0, m(\d+), 'load\/end'/g)].at(-1);
      return end !== undefined && broker.log.includes(`Received PUBACK from pit (Mid: ${end[1]}`, end.index);
    });
    await last.stop();

    const telemetry = StoreTelemetry.open(config.store.dir);
    const kept = keptValues(telemetry, 'load/n').sort((a, b) => a - b);
    telemetry.close();
    t.same(
      kept,
      Array.from({ length: published }, (_, n) => n),
    );
    t.ok(repeated() > 0, `the broker repeated ${repeated()} messages`);
  },
);
