import { tmpdir } from 'node:os';
import t from 'tap';
import type { FeedItem } from '../../../gateway/store/block-db.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { StolenTime } from '../../stolen-time.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { ShapedLink } from '../shaped-link.ts';

const PACK = new Uint8Array(256 * 1024);
const PACKS = 24;
const MEGABITS = 40;

t.test('a round trip of 100 ms does not cap the rate, as a window of 64 KiB would at 5 Mbit/s', async (t) => {
  const server = await startTelemetryServer({
    host: '127.0.0.1',
    port: 0,
    telemetry: new MemoryTelemetry(),
    feed: {
      feed: (after): FeedItem[] => (after < PACKS ? [{ kind: 'pack', position: after + 1, bytes: PACK }] : []),
      feedId: () => 'f',
    },
    status: () => exampleStatus(),
    storeDir: tmpdir(),
  });
  const link = await ShapedLink.start(server.port, { downBitsPerS: MEGABITS * 1e6, roundTripMs: 100 });
  const client = new TelemetryClient({ host: '127.0.0.1', port: link.port });
  t.teardown(async () => {
    client.close();
    await link.stop();
    await server.stop();
  });
  let firstAt = Number.NaN;
  let came = 0;
  const stolen = new StolenTime(t);
  let before = 0;
  for await (const { items } of client.pull({ feed: 'f', after: 0, follow: false })) {
    if (came === 0) [firstAt, before] = [performance.now(), stolen.ms];
    came += items.length;
  }
  const seconds = (performance.now() - firstAt - (stolen.ms - before)) / 1e3;
  t.equal(came, PACKS);
  const rate = ((PACKS - 1) * PACK.length * 8) / 1e6 / seconds;
  t.ok(rate > MEGABITS / 2, `${rate.toFixed(1)} of ${MEGABITS} Mbit/s`);
});
