import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { StoreHost } from '../../../gateway/store-host.ts';

const DISK_MIB = 8;
const WAIT_MS = 30_000;

const skip = process.getuid?.() === 0 ? false : 'mounting a small disk needs root';

/** A disk of its own, small enough to be filled. */
function smallDisk(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', dir]);
  t.teardown(() => {
    execFileSync('umount', ['-l', dir]);
    rmdirSync(dir);
  });
  return dir;
}

function fill(path: string): void {
  const file = openSync(path, 'w');
  const page = Buffer.alloc(4096);
  try {
    for (;;) writeSync(file, page);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`not within ${WAIT_MS} ms: ${what}`);
    await pause(5);
  }
}

t.test(
  'a full disk costs no acknowledged sample, is told, and is over when there is room again',
  { skip },
  async (t) => {
    const disk = smallDisk(t);
    const dir = join(disk, 'store');
    const problems: string[] = [];
    const host = await StoreHost.open({
      dir,
      gateway: undefined,
      commitFloorMs: 1,
      blockAgeSeconds: 1,
      ringSlots: 1 << 14,
      onProblem: (text) => problems.push(text),
    });
    const { id } = host.intake.channel({ name: 'a', source: 'test' });
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
    await until('the first commits', () => acknowledged.size > 1000);
    fill(join(disk, 'hog'));
    await until('the gateway says that the disk is full', () => problems.some((text) => text.includes('disk is full')));
    await until('the ring is full', () => host.intake.refused > 0);
    const before = acknowledged.size;
    rmSync(join(disk, 'hog'));
    await until('commits again', () => acknowledged.size > before + 1000);
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
