import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { StoreHost } from '../../../../gateway/store-host.ts';
import { waitFor } from '../../../wait-for.ts';
import { fillDisk, skipSmallDisk, smallDisk } from '../../small-disk.ts';

const DISK_MIB = 96;

const CLASSES = ['critical', 'standard', 'bulk'] as const;

/** Samples of each class that come together. */
const BATCH = { critical: 5, standard: 150, bulk: 300 };
const BATCH_SAMPLES = BATCH.critical + BATCH.standard + BATCH.bulk;

t.test(
  'on a disk that is full to the last byte intake goes on, critical samples are kept, and the ledger explains what is gone',
  { skip: skipSmallDisk },
  async (t) => {
    const disk = smallDisk(t, DISK_MIB);
    const dir = join(disk, 'store');
    const problems: string[] = [];
    const host = await StoreHost.open({
      dir,
      gateway: undefined,
      commitFloorMs: 5,
      blockAgeSeconds: 1,
      ringSlots: 1 << 16,
      onProblem: (text) => problems.push(text),
    });
    const ids = CLASSES.map((name) => host.intake.channel({ name, source: 'test', class: name }).id);
    const acknowledged: number[] = [];
    const pushed = [0, 0, 0];
    const push = () => {
      // What the ring has no room for, because the store thread did not get its share of the processor, is lost for another cause.
      if (!host.intake.hasRoom(BATCH_SAMPLES)) return;
      const values: number[] = [];
      for (const [index, name] of CLASSES.entries()) {
        for (let i = 0; i < BATCH[name]; i += 1) {
          const value = (pushed[index] as number) + Math.random();
          pushed[index] = (pushed[index] as number) + 1;
          if (host.intake.push(ids[index] as number, host.clock.now(), value) && name === 'critical')
            values.push(value);
        }
      }
      void host.intake.durable(host.intake.publish()).then(
        () => acknowledged.push(...values),
        () => {},
      );
    };
    const timer = setInterval(push, 2);
    t.teardown(() => clearInterval(timer));
    await waitFor('there is a past to give up', () => (host.status.blockBytes ?? 0) > 6e6);

    fillDisk(join(disk, 'hog'));
    const before = acknowledged.length;
    await waitFor('the ladder is climbed', () => problems.some((text) => text.includes('the disk of the store')));
    await waitFor('acknowledgements go on', () => acknowledged.length > before + 1000);
    t.match(problems.join(), 'bulk samples are given up');
    const whileFull = acknowledged.length;
    await waitFor('and on', () => acknowledged.length > whileFull + 5000);

    rmSync(join(disk, 'hog'));
    const bulkBefore = pushed[2] as number;
    await waitFor('there is room', () => host.status.retention !== undefined && host.status.retention.roomBytes > 2e7);
    await waitFor('a while passes', () => (pushed[2] as number) > bulkBefore + 10_000);
    clearInterval(timer);
    await host.stop();

    const telemetry = StoreTelemetry.open(dir);
    t.teardown(() => telemetry.close());
    const kept = new Set<number>();
    for (const { values } of telemetry.raw(ids[0] as number, 0, Number.MAX_SAFE_INTEGER)) {
      for (const value of values) kept.add(Number(value));
    }
    t.equal(acknowledged.filter((value) => !kept.has(value)).length, 0, `of ${acknowledged.length} acknowledged`);
    for (const { channel, taken, kept: there, lost } of telemetry.ledger()) {
      const index = ids.indexOf(channel);
      t.equal(taken, pushed[index], `all of ${CLASSES[index]} are accounted for`);
      t.equal(there + lost, taken);
      const told = telemetry.gaps(channel, 0, Number.MAX_SAFE_INTEGER).reduce((sum, { count }) => sum + count, 0);
      t.equal(told, lost, 'and what is lost is told with its cause');
    }
    const causes = telemetry.gaps(ids[2] as number, 0, Number.MAX_SAFE_INTEGER).map(({ cause }) => cause);
    t.same(new Set(causes), new Set(['disk-full']));
  },
);
