import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Coverage } from '../../../gateway/query/coverage/coverage.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { startCentral } from '../../../sync/central/central.ts';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';
import { PassedOverBook } from '../../../sync/destinations/passed-over-book.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';

const HOST = '127.0.0.1';

/** Around all that a FilledStore makes, UTC in microseconds. */
const RANGE = { from: 1_699_999_000_000_000, to: 1_700_001_000_000_000 };

function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-coverage-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

t.test('a central says what it has of a channel, what was lost and why, and what the rest waits for', async (t) => {
  const dir = tempDir(t);
  const store = new FilledStore(dir, 'box', new Random(4));
  store.seal('a', 'number', 300);
  store.lose('a', 5);
  store.seal('a', 'number', 300);
  const status = exampleStatus('box');
  // Half of what is behind the last sample is settled there.
  const settled = { until: 1_700_000_500_000_000, position: store.db.lastPosition() };
  const gateway = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: store.db, storeDir: dir },
    status: () => ({ ...status, store: { ...status.store, settled } }),
  });
  const pull = [{ host: HOST, port: gateway.port }];
  const central = await startCentral({ dir: tempDir(t), host: HOST, port: 0, pull, version: '0' });
  const client = new TelemetryClient({ host: HOST, port: central.port });
  t.teardown(async () => {
    client.close();
    await central.stop();
    await gateway.stop();
    store.close();
  });
  const look = async (): Promise<Coverage | undefined> => {
    if ((await client.listChannels({})).length === 0) return undefined;
    for await (const piece of client.query({ channels: ['a'], ...RANGE, coverage: 'only' })) {
      if ('coverage' in piece) return piece.coverage;
    }
    return undefined;
  };
  const { stretches } = await eventually('all has come, and it is known that it has', async () => {
    const coverage = await look();
    const isKnown = coverage?.stretches.at(-1)?.from === settled.until;
    return coverage?.waits.includes('sealed') === true && isKnown && coverage;
  });
  t.same(
    stretches.map(({ state, cause, count }) => [state, cause, count]),
    [
      ['full', '', 0],
      ['missing', 'ring-full', 5],
      ['full', '', 0],
      ['missing', 'not-heard', 0],
    ],
  );
  await gateway.stop();
  const failure = await eventually('the line is gone', async () => {
    const waits = (await look())?.waits;
    return waits?.includes('sealed') === false && waits;
  });
  t.not(failure, '', 'and the reason is told');
});

t.test('a channel that is quiet is full also at a central that does not get every channel', async (t) => {
  const dir = tempDir(t);
  const store = new FilledStore(dir, 'box', new Random(4));
  store.seal('a', 'number', 300);
  store.seal('secret', 'number', 300);
  const policy = new DestinationPolicy({ hq: { except: ['secret'] } });
  const settled = () => ({ until: 1_700_000_500_000_000, position: store.db.lastPosition() });
  const status = exampleStatus('box');
  const gateway = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: store.db, storeDir: dir, policy },
    passedOver: new PassedOverBook({ store: store.db, policy, kept: {}, onChanged: () => {} }),
    status: () => ({ ...status, store: { ...status.store, settled: settled() } }),
  });
  const pull = [{ host: HOST, port: gateway.port }];
  const central = await startCentral({ dir: tempDir(t), name: 'hq', host: HOST, port: 0, pull, version: '0' });
  const client = new TelemetryClient({ host: HOST, port: central.port });
  t.teardown(async () => {
    client.close();
    await central.stop();
    await gateway.stop();
    store.close();
  });
  await eventually('it is known that nothing of it lacks', async () => {
    if ((await client.listChannels({})).length === 0) return false;
    for await (const piece of client.query({ channels: ['a'], ...RANGE, coverage: 'only' })) {
      if ('coverage' in piece) return piece.coverage.stretches.at(-1)?.from === settled().until;
    }
    return false;
  });
  t.same(
    (await client.listChannels({})).map(({ name }) => name),
    ['a'],
  );
});
