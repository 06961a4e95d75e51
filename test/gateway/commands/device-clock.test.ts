/**
 * Devices whose clocks are wrong and drift, at a whole gateway: a GNSS logger over a wire and a sensor over MQTT, both hours off and
 * too fast. Their readings are stored where they belong, and how far the clocks are off is told.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import t, { type Test } from 'tap';
import { type GatewayProcess, startGateway } from '../../../gateway/commands/gateway-process.ts';
import type { SourceConfig } from '../../../gateway/commands/source-kinds.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { freePort } from '../../free-port.ts';
import { waitFor } from '../../wait-for.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

/** The clock of a device: ahead by three hours and a bit, and faster by 2 %. */
const AHEAD_MS = 3 * 3_600_000 + 1_234;
const TOO_FAST = 0.02;

/** Farther from its moment no reading may be stored: what a wire takes on a busy machine. */
const OFF_MAX_MS = 30_000;

const startedMs = Date.now();
/** How far the device is ahead at a time, ms. */
const aheadAt = (utcMs: number) => AHEAD_MS + TOO_FAST * (utcMs - startedMs);
const deviceMs = () => Date.now() + aheadAt(Date.now());

/** A reading is when it was made, ms of true UTC past the start: so that what is stored tells where it belongs. */
const reading = () => Date.now() - startedMs;

async function gatewayWith(t: Test, sources: Record<string, SourceConfig>): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-device-clock-'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  const store = { dir: join(folder, 'store'), commitFloorMs: 0, blockAgeSeconds: 60, mergeBlocks: true };
  const settings = { retention: { diskShare: 0.8, centrals: [] }, wear: { lifetimeYears: 5 } };
  const config = { gateway: {}, store: { ...store, ...settings }, dashboard: LOOPBACK, grpc: LOOPBACK, sources };
  const gateway = await startGateway(config, { version: 'test', webRoot: folder, onProblem: () => {} });
  t.teardown(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });
  return gateway;
}

/** A channel as gRPC has it: times in ms of UTC. */
async function samplesOf(t: Test, gateway: GatewayProcess, name: string): Promise<[ms: number, value: number][]> {
  const client = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
  t.teardown(() => client.close());
  const samples: [number, number][] = [];
  for await (const piece of client.query({ channels: [name] })) {
    if (!('samples' in piece)) continue;
    for (const [i, value] of [...piece.samples.values].entries()) {
      samples.push([(piece.samples.times[i] ?? Number.NaN) / 1e3, Number(value)]);
    }
  }
  return samples;
}

/** Sends a reading ten times a second until the test ends. */
function everyTenth(t: Test, send: () => void): void {
  const timer = setInterval(send, 100);
  t.teardown(() => clearInterval(timer));
}

/** A sentence of the logger: the altitude is the reading, the time of day and the date are the device's. */
function sentences(): string {
  const [date = '', time = ''] = new Date(deviceMs()).toISOString().split('T');
  const [year = '', month = '', day = ''] = date.split('-');
  const clock = time.slice(0, 11).replaceAll(':', '');
  const bodies = [
    `GPRMC,${clock},A,5000.000,N,00800.000,E,0.0,0.0,${day}${month}${year.slice(2)},,`,
    `GPGGA,${clock},5000.000,N,00800.000,E,1,08,1.0,${reading()},M,0.0,M,,`,
  ];
  return bodies
    .map((body) => {
      const checksum = [...body].reduce((sum, letter) => sum ^ letter.charCodeAt(0), 0);
      return `$${body}*${checksum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
    })
    .join('');
}

/** Whether each reading stands within some time of the moment it was made, and the times rise. */
function checkMapped(t: Test, samples: readonly [ms: number, value: number][]): void {
  const off = samples.map(([ms, value]) => Math.abs(ms - startedMs - value));
  t.ok(samples.length >= 20, `${samples.length} readings`);
  t.ok(Math.max(...off) <= OFF_MAX_MS, `at most ${Math.max(...off).toFixed(0)} ms off`);
  t.ok(
    samples.every(([ms], i) => i === 0 || ms > (samples[i - 1]?.[0] ?? 0)),
    'times rise',
  );
}

t.test('a logger on a wire whose clock is hours off: its fixes stand where they belong', async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const gateway = await gatewayWith(t, {
    gnss: { type: 'serial', port: { host: '127.0.0.1', port }, timestamp: 'device', deviceClock: 'correct' },
  });
  everyTenth(t, () => {
    for (const socket of sockets) socket.write(sentences());
  });
  const clock = () => gateway.status().sources[0]?.deviceClock;
  await waitFor('thirty readings', () => (gateway.status().sources[0]?.received ?? 0) > 60);
  await waitFor('the offset', () => Math.abs((clock()?.offsetUs ?? 0) / 1e3 - aheadAt(Date.now())) < OFF_MAX_MS);
  checkMapped(t, await samplesOf(t, gateway, 'gnss/altitude'));
  const told = await samplesOf(t, gateway, 'caisson/sources/gnss/clock_offset');
  t.ok(
    told.length >= 2 && told.every(([ms, us]) => Math.abs(us / 1e3 - aheadAt(ms)) < OFF_MAX_MS),
    'the channel tells it',
  );
  const corrected = await samplesOf(t, gateway, 'caisson/sources/gnss/clock_corrected');
  t.ok(corrected.every(([ms, us]) => Math.abs(us / 1e3 - aheadAt(ms)) < OFF_MAX_MS));
});

t.test('a sensor over MQTT: watched, its times stay its own; corrected, they are where they belong', async (t) => {
  const ports = [await freePort(), await freePort()] as const;
  const topics = [{ filter: 'site/#', payload: 'json' as const, timestamp: { field: 'ms', unit: 'ms' as const } }];
  const gateway = await gatewayWith(t, {
    watched: { type: 'mqtt', port: ports[0], prefix: 'watched', topics, deviceClock: 'watch' },
    corrected: { type: 'mqtt', port: ports[1], prefix: 'corrected', topics, deviceClock: 'correct' },
  });
  const clients = await Promise.all(ports.map((port) => connectAsync(`mqtt://127.0.0.1:${port}`)));
  t.teardown(() => Promise.all(clients.map((client) => client.endAsync(true))));
  everyTenth(t, () => {
    for (const client of clients) {
      client.publish('site/tank', JSON.stringify({ ms: deviceMs(), level: reading() }), { qos: 1 });
    }
  });
  const received = (index: number) => gateway.status().sources[index]?.received ?? 0;
  await waitFor('thirty readings of each', () => received(0) > 30 && received(1) > 30);
  const name = (source: string) => `${source}/site/tank/level`;
  checkMapped(t, await samplesOf(t, gateway, name('corrected')));
  const watched = await samplesOf(t, gateway, name('watched'));
  t.ok(watched.length >= 20);
  t.ok(
    watched.every(([ms, value]) => Math.abs(ms - startedMs - value - aheadAt(startedMs + value)) <= OFF_MAX_MS),
    "the device's own",
  );
});
