import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import mqtt, { type MqttClient } from 'mqtt';
import t from 'tap';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { GatewayChild } from './gateway-child.ts';

/** How often the gateway is killed; the long run asks for more. */
const ROUNDS = Number(process.env.CAISSON_KILL_ROUNDS ?? 50);
const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1e9);

const CLIENTS = 3;
/** Messages of one client that wait for their PUBACK at a time. */
const INFLIGHT = 40;
/** The gateway lives at most so long, milliseconds: in every second round from its start, in the others from its first ack. */
const LIFE_MS_MAX = 200;

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Publishes 0, 1, 2, ... with QoS 1, again and again across reconnects, and notes what was acknowledged. */
class Publisher {
  readonly topic: string;
  readonly acknowledged = new Set<number>();
  readonly #client: MqttClient;
  #next = 0;
  #waiting = 0;
  #stopped = false;
  #onAck: () => void = () => {};

  constructor(port: number, name: string) {
    this.topic = `load/${name}`;
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
    while (this.#waiting > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await this.#client.endAsync();
  }

  #fill(): void {
    while (!this.#stopped && this.#waiting < INFLIGHT && this.#client.connected) {
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

t.test('every acknowledged message is there once after kill -9 at random moments', async (t) => {
  t.comment(`seed ${SEED}, ${ROUNDS} rounds`);
  const next = random(SEED);
  const folder = mkdtempSync(join(tmpdir(), 'caisson-kill-'));
  const config = {
    gateway: { id: 'killed' },
    store: { dir: join(folder, 'data'), blockAgeSeconds: 1 },
    dashboard: { port: 0 },
    grpc: { port: 0 },
    sources: { load: { type: 'mqtt', port: await freePort() } },
  };
  const publishers = Array.from({ length: CLIENTS }, (_, i) => new Publisher(config.sources.load.port, `client-${i}`));
  for (let round = 0; round < ROUNDS; round += 1) {
    const gateway = await GatewayChild.start({ config, folder });
    if (round % 2 === 1) await Promise.race(publishers.map((publisher) => publisher.nextAck()));
    await new Promise((resolve) => setTimeout(resolve, next() * LIFE_MS_MAX));
    await gateway.kill();
  }
  const last = await GatewayChild.start({ config, folder });
  await Promise.all(publishers.map((publisher) => publisher.finish()));
  await last.stop();

  const telemetry = StoreTelemetry.open(config.store.dir);
  let total = 0;
  for (const { topic, acknowledged } of publishers) {
    const { id } = telemetry.channel(topic);
    const met = new Map<number, number>();
    for (const { values } of telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)) {
      for (const value of values) met.set(value as number, (met.get(value as number) ?? 0) + 1);
    }
    const missing = [...acknowledged].filter((value) => !met.has(value));
    const twice = [...acknowledged].filter((value) => (met.get(value) ?? 0) > 1);
    t.same(missing, [], `${topic}: of ${acknowledged.size} acknowledged none is missing`);
    t.same(twice, [], `${topic}: none is there twice`);
    total += acknowledged.size;
  }
  t.ok(total > ROUNDS * CLIENTS, `${total} messages were acknowledged in all`);
  for (const { channel, taken, kept, lost } of telemetry.ledger()) {
    if (taken !== kept + lost) t.equal(taken, kept + lost, `channel ${channel}: taken in = kept + lost`);
  }
  t.ok(
    telemetry
      .gaps(telemetry.channel('load/client-0').id, 0, Number.MAX_SAFE_INTEGER)
      .some(({ cause }) => cause === 'unclean-stop'),
    'the ledger tells of the unclean stops',
  );
  telemetry.close();
  rmSync(folder, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}
