/**
 * A box whose store grows, served as a gateway serves it, in a process that can be killed: `box-process.js DIR PORT SEED PACE_MS`.
 * A pace of 0: the store stays as it is, but for the boot.
 */
import process from 'node:process';
import { Random } from '../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { FilledStore } from '../sync/filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';

const [dir = '', port, seed, paceMs] = process.argv.slice(2);
const store = new FilledStore(dir, 'car', new Random(Number(seed)));
await startTelemetryServer({
  host: '127.0.0.1',
  port: Number(port),
  telemetry: new MemoryTelemetry(),
  feed: store.db,
  status: () => exampleStatus('car'),
  storeDir: dir,
});
if (Number(paceMs) > 0) setInterval(() => store.step(), Number(paceMs));
process.stdout.write('serving\n');
