/**
 * What runs in a machine that is switched on in 1970, without a clock of its own: a gateway takes in messages while the
 * clock is set by hand, and then two weeks back by NTP. Prints what the store tells in the end, as JSON: see ClockReport.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { freePort } from '../free-port.ts';
import { eventually } from '../scenarios/eventually.ts';
import { GatewayChild } from '../scenarios/gateway-child.ts';
import { Qos1Publisher } from '../scenarios/qos1-publisher.ts';

/** Messages acknowledged between two steps. */
const MESSAGES = 50;

/** The gateway's present is the machine's when they are so close, microseconds. */
const CLOSE_US = 60_000_000;

const NOON = Date.UTC(2026, 5, 30, 12);
const TWO_WEEKS_MS = 14 * 86_400_000;

/** What a file of systemd tells: that NTP keeps the clock. */
const SYNCHRONIZED = '/run/systemd/timesync/synchronized';

export interface ClockReport {
  /** Source of UTC as the gateway began. */
  readonly first: string;
  /** Messages acknowledged. */
  readonly acknowledged: number;
  /** Numbers of the messages that are there, in the order of their times. */
  readonly numbers: readonly number[];
  /** Their times, UTC in milliseconds. */
  readonly times: readonly number[];
  /** When the gateway began and ended in the last known UTC, milliseconds. */
  readonly began: number;
  readonly ended: number;
  readonly taken: number;
  readonly kept: number;
  readonly lost: number;
}

const folder = mkdtempSync(join(tmpdir(), 'caisson-clock-'));
const dir = join(folder, 'data');
const port = await freePort();
const gateway = await GatewayChild.start({
  folder,
  config: {
    gateway: { id: 'clock' },
    store: { dir, blockAgeSeconds: 1 },
    dashboard: { port: 0 },
    grpc: { port: 0 },
    sources: { load: { type: 'mqtt', port } },
  },
});
const client = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
const publisher = new Qos1Publisher(port, 'stepped', 1);
const monotonicAtStart = performance.now();

await messages();
const { clock } = await client.status();
await setClock(NOON + TWO_WEEKS_MS);
await messages();
mkdirSync(join(SYNCHRONIZED, '..'), { recursive: true });
writeFileSync(SYNCHRONIZED, '');
await setClock(NOON);
await messages();
const began = Date.now() - (performance.now() - monotonicAtStart);
await publisher.finish();
const ended = Date.now();
client.close();
await gateway.stop();

const telemetry = StoreTelemetry.open(dir);
const { id } = telemetry.channel('load/stepped');
const samples = [...telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)];
const { taken = 0, kept = 0, lost = 0 } = telemetry.ledger().find(({ channel }) => channel === id) ?? {};
telemetry.close();
const report: ClockReport = {
  first: clock.source,
  acknowledged: publisher.acknowledged.size,
  numbers: samples.flatMap(({ values }) => [...values].map(Number)),
  times: samples.flatMap(({ times }) => [...times].map((time) => time / 1e3)),
  began,
  ended,
  taken,
  kept,
  lost,
};
process.stdout.write(`${JSON.stringify(report)}\n`);

async function messages(): Promise<void> {
  const before = publisher.acknowledged.size;
  await eventually('messages are acknowledged', () => publisher.acknowledged.size >= before + MESSAGES);
}

/** Sets the machine's clock, and waits until the gateway has taken it over. */
async function setClock(utcMs: number): Promise<void> {
  execFileSync('date', ['-u', '-s', `@${utcMs / 1e3}`]);
  await eventually('the gateway has the time', async () => {
    const status: GatewayStatus = await client.status();
    return Math.abs(status.now - Date.now() * 1e3) < CLOSE_US;
  });
}
