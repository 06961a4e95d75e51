import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Random } from '../../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { type Central, startCentral } from '../../../sync/central/central.ts';
import { NATS_DEFAULTS } from '../../../sync/fanout/nats-options.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';

const HOST = '127.0.0.1';

export const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `car/channel${i}`).concat('car/text');

/** A gateway with some past in every channel, as far as sync sees it; `telemetry` says what is new before it is sealed. */
export async function startBox(t: Test, random: Random) {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
  const source = new FilledStore(dir, 'car', random);
  const telemetry = new MemoryTelemetry();
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry, feed: source.db, storeDir: dir },
    status: () => exampleStatus('car'),
  });
  t.teardown(async () => {
    await server.stop();
    source.close();
    rmSync(dir, { recursive: true, force: true });
  });
  for (const name of CHANNELS) source.seal(name, name === 'car/text' ? 'text' : 'number');
  return { source, telemetry, port: server.port };
}

/** Two processes of one central over a database, of which one has the line to the box; they tell each other over NATS. */
export async function startTwo(
  t: Test,
  { url, nats, port, region }: { url: string; nats: readonly string[]; port: number; region?: string },
): Promise<{ holder: Central; other: Central }> {
  const options = { url, host: HOST, port: 0, name: 'hq', version: '0', leaseMs: 2_000 };
  const cluster = { ...NATS_DEFAULTS, servers: nats, region, replicas: Math.min(3, nats.length) };
  const holder = await startCentral({ ...options, pull: [{ host: HOST, port }], nats: cluster });
  t.teardown(() => holder.stop());
  const other = await startCentral({ ...options, pull: [], nats: cluster });
  t.teardown(() => other.stop());
  await eventually('both have the cluster', () =>
    [holder, other].every((each) =>
      each.status().sources.some(({ kind, state }) => kind === 'nats' && state === 'running'),
    ),
  );
  return { holder, other };
}
