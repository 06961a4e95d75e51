import type { Test } from 'tap';
import { Random } from '../../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { HOST } from './fleet-contract.ts';

/** A box that goes on measuring whether or not anybody is connected to it. */
export async function namesakeBox(t: Test, dir: string, seed: number) {
  const store = new FilledStore(dir, 'car1', new Random(seed));
  t.teardown(() => store.close());
  const boot = store.db.boots().at(-1)?.boot ?? '';
  const serve = (port: number) =>
    startTelemetryServer({
      ...{ host: HOST, port, telemetry: new MemoryTelemetry(), feed: store.db, storeDir: dir },
      status: () => ({ ...exampleStatus('car1'), boot }),
    });
  return { store, serve };
}
