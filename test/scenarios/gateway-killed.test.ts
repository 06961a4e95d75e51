import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { freePort } from '../free-port.ts';
import { GatewayChild } from './gateway-child.ts';
import { faultsOf, Qos1Publisher } from './qos1-publisher.ts';

/** How often the gateway is killed; the long run asks for more, and `killed-at-random` kills it among others. */
const ROUNDS = Number(process.env.CAISSON_KILL_ROUNDS ?? 10);
const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1e9);

const CLIENTS = 3;
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
  const publishers = Array.from(
    { length: CLIENTS },
    (_, i) => new Qos1Publisher(config.sources.load.port, `client-${i}`),
  );
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
    const kept = [...telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)].flatMap(({ values }) => [...values].map(Number));
    const { missing, twice } = faultsOf(acknowledged, kept);
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
