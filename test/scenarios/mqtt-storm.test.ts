import { readdirSync, readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import t, { type Test } from 'tap';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { freePort } from '../free-port.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';
import { keptValues } from './kept-values.ts';
import { faultsOf, Qos1Publisher } from './qos1-publisher.ts';

const HOST = '127.0.0.1';
const CLIENTS = 50;
const MESSAGES = 1000;
const TOPICS = 10_000;
const CONNECTIONS = 1000;
const CONNECTIONS_AT_ONCE = 50;

/** Memory of a gateway with 10,000 channels after all of this, bytes. */
const RSS_MAX = 600 * 2 ** 20;

/** A gateway with nothing but a broker. */
async function running(t: Test) {
  const folder = t.testdir();
  const port = await freePort();
  const dir = join(folder, 'data');
  const config = {
    store: { dir },
    dashboard: { port: 0 },
    grpc: { port: 0 },
    sources: { broker: { type: 'mqtt', port } },
  };
  const gateway = await GatewayChild.start({ config, folder });
  const client = new TelemetryClient({ host: HOST, port: gateway.grpcPort });
  t.teardown(async () => {
    client.close();
    await gateway.kill();
  });
  return { gateway, client, port, dir };
}

function connect(port: number, clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
  return mqtt.connectAsync(`mqtt://${HOST}:${port}`, { clientId, reconnectPeriod: 0, ...options });
}

t.test('50 clients at once, 10,000 topics and 1,000 connections: all is kept once, nothing leaks', async (t) => {
  const { gateway, client, port, dir } = await running(t);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => connect(port, `client-${index}`)));
  await Promise.all(
    clients.flatMap((each, index) =>
      Array.from({ length: MESSAGES }, (_, n) => each.publishAsync(`storm/${index}`, String(n), { qos: 1 })),
    ),
  );
  await Promise.all(clients.map((each) => each.endAsync()));

  const many = await connect(port, 'many');
  await Promise.all(
    Array.from({ length: TOPICS }, (_, n) => many.publishAsync(`many/${n}/value`, String(n), { qos: 1 })),
  );
  await many.endAsync();

  const isQuiet = async () => (await client.status()).sources[0]?.state === 'running' && descriptors(gateway);
  const before = await eventually('the status', isQuiet);
  for (let done = 0; done < CONNECTIONS; done += CONNECTIONS_AT_ONCE) {
    await Promise.all(
      Array.from({ length: CONNECTIONS_AT_ONCE }, async (_, index) => {
        const each = await connect(port, `passer-${done + index}`);
        if (index % 2 === 0) await each.endAsync();
        else each.stream.destroy();
      }),
    );
  }
  await eventually('all connections are closed', () => descriptors(gateway) <= before);
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) * 1024;
  t.ok(rss < RSS_MAX, `${Math.round(rss / 2 ** 20)} MiB`);
  const { sources, store } = await client.status();
  t.same(sources[0]?.errors, {});
  t.equal(store.lost, 0);

  await gateway.stop();
  t.equal(gateway.exitCode, 0);
  const telemetry = StoreTelemetry.open(dir);
  const inOrder = Array.from({ length: MESSAGES }, (_, n) => n);
  for (let index = 0; index < CLIENTS; index += 1) t.same(keptValues(telemetry, `storm/${index}`), inOrder);
  const missing = Array.from({ length: TOPICS }, (_, n) => n).filter(
    (n) => keptValues(telemetry, `many/${n}/value`).join() !== String(n),
  );
  t.same(missing, []);
  telemetry.close();
});

t.test('SIGTERM in the middle of heavy intake ends it soon and well, and what was acknowledged is kept', async (t) => {
  const { gateway, port, dir } = await running(t);
  const publishers = Array.from({ length: 5 }, (_, index) => new Qos1Publisher(port, `client-${index}`));
  await eventually('much is acknowledged', () => publishers.every(({ acknowledged }) => acknowledged.size > 500));
  await gateway.stop();
  t.equal(gateway.exitCode, 0);
  await Promise.all(publishers.map((publisher) => publisher.abandon()));
  const telemetry = StoreTelemetry.open(dir);
  for (const { topic, acknowledged } of publishers) {
    t.same(faultsOf(acknowledged, keptValues(telemetry, topic)), { missing: [], twice: [] }, `${acknowledged.size}`);
  }
  telemetry.close();
});

t.test('a client that never reads its acknowledgements holds up only itself', async (t) => {
  const { gateway, port } = await running(t);
  const deaf = await deafPublisher(port);
  t.teardown(() => deaf.destroy());
  const other = await connect(port, 'other');
  for (let n = 0; n < 100; n += 1) await other.publishAsync('other/value', String(n), { qos: 1 });
  await other.endAsync();
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) * 1024;
  t.ok(rss < RSS_MAX, `${Math.round(rss / 2 ** 20)} MiB`);
});

function descriptors(gateway: GatewayChild): number {
  return readdirSync(`/proc/${gateway.pid}/fd`).length;
}

/** Publishes at QoS 1 and reads nothing, until nobody takes its messages any more. */
async function deafPublisher(port: number): Promise<Socket> {
  const socket = connectTcp(port, HOST);
  socket.pause();
  socket.on('error', () => {});
  const id = Buffer.from('deaf');
  const body = Buffer.concat([Buffer.from([0, 4]), Buffer.from('MQTT'), Buffer.from([4, 2, 0, 0, 0, id.length]), id]);
  socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
  const messages = Buffer.concat(Array.from({ length: 1000 }, (_, n) => publish('deaf/value', n + 1, String(n))));
  for (let stalls = 0; stalls < 2; ) {
    if (socket.write(messages)) continue;
    const drained = await Promise.race([
      new Promise<boolean>((resolve) => socket.once('drain', () => resolve(true))),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1000)),
    ]);
    if (!drained) stalls += 1;
  }
  return socket;
}

/** PUBLISH at QoS 1 (MQTT-3.3) of less than 128 bytes. */
function publish(topic: string, packetId: number, payload: string): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, topic.length]),
    Buffer.from(topic),
    Buffer.from([packetId >> 8, packetId & 0xff]),
    Buffer.from(payload),
  ]);
  return Buffer.concat([Buffer.from([0x32, body.length]), body]);
}
