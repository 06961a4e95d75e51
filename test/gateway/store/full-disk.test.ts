import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { StoreHost } from '../../../gateway/store-host.ts';
import { waitFor } from '../../wait-for.ts';
import { fillDisk, skipSmallDisk, smallDisk } from '../small-disk.ts';

const DISK_MIB = 8;

t.test(
  'a full disk costs no acknowledged critical sample, is told, and is over when there is room again',
  { skip: skipSmallDisk },
  async (t) => {
    const disk = smallDisk(t, DISK_MIB);
    const dir = join(disk, 'store');
    const problems: string[] = [];
    const host = await StoreHost.open({
      dir,
      gateway: undefined,
      commitFloorMs: 1,
      blockAgeSeconds: 1,
      ringSlots: 1 << 14,
      segmentBytes: 1 << 20,
      onProblem: (text) => problems.push(text),
    });
    const { id } = host.intake.channel({ name: 'a', source: 'test', class: 'critical' });
    const acknowledged = new Set<number>();
    let pushed = 0;
    const push = () => {
      for (let i = 0; i < 50; i += 1, pushed += 1) {
        const value = pushed + Math.random();
        if (!host.intake.push(id, host.clock.now(), value)) continue;
        void host.intake.durable(host.intake.publish()).then(() => acknowledged.add(value));
      }
    };
    const timer = setInterval(push, 2);
    await waitFor('the first commits', () => acknowledged.size > 1000);
    fillDisk(join(disk, 'hog'));
    await waitFor('the gateway says that the disk is full', () =>
      problems.some((text) => text.includes('disk is full')),
    );
    await waitFor('the ring is full', () => host.intake.refused > 0);
    const before = acknowledged.size;
    rmSync(join(disk, 'hog'));
    await waitFor('commits again', () => acknowledged.size > before + 1000);
    clearInterval(timer);
    await host.stop();

    t.notOk(problems.some((text) => text.includes('undefined')));
    const telemetry = StoreTelemetry.open(dir);
    const kept = [...telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)].flatMap(({ values }) => [...values].map(Number));
    const there = new Set(kept);
    const missing = [...acknowledged].filter((value) => !there.has(value)).length;
    t.equal(missing, 0, `of ${acknowledged.size} acknowledged samples none is missing`);
    t.equal(there.size, kept.length, 'none is there twice');
    t.match(telemetry.ledger(), [{ taken: pushed, kept: kept.length, lost: pushed - kept.length }]);
    telemetry.close();
  },
);
