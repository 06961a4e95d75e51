import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { diskRoom } from '../../../../gateway/store/disk-room.ts';
import { Ballast } from '../../../../gateway/store/retention/ballast.ts';
import { fillDisk, skipSmallDisk, smallDisk } from '../../small-disk.ts';

const MIB = 1 << 20;
const HUGE = 2 ** 40;

function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-ballast-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

t.test('it grows in pieces to its size, and a new process finds it as it is', async (t) => {
  const path = join(tempDir(t), 'ballast');
  const ballast = new Ballast(path, 2.5 * MIB);
  t.same([ballast.grow(HUGE, HUGE), ballast.grow(HUGE, HUGE), ballast.grow(HUGE, HUGE)], [true, true, false]);
  t.equal(statSync(path).size, 2.5 * MIB);
  const again = new Ballast(path, 2.5 * MIB);
  t.equal(again.size, 2.5 * MIB);
  t.equal(again.grow(HUGE, HUGE), false);
  t.equal(again.giveUp(), 2.5 * MIB);
  t.equal(again.giveUp(), 0);
  t.notOk(statSync(path, { throwIfNoEntry: false }));
});

t.test('a process that died while it was made goes on', async (t) => {
  const path = join(tempDir(t), 'ballast');
  writeFileSync(path, Buffer.alloc(1000));
  const ballast = new Ballast(path, 2 * MIB);
  while (ballast.grow(HUGE, HUGE));
  t.equal(ballast.size, 2 * MIB);
});

t.test('it does not compress', async (t) => {
  const path = join(tempDir(t), 'ballast');
  const ballast = new Ballast(path, 2 * MIB);
  while (ballast.grow(HUGE, HUGE));
  t.ok(deflateSync(readFileSync(path), { level: 1 }).length > 0.99 * 2 * MIB);
});

t.test('a small disk has a small one, and one with little room has none', async (t) => {
  const path = join(tempDir(t), 'ballast');
  const ballast = new Ballast(path, 16 * MIB);
  t.equal(ballast.grow(29 * MIB, 500 * MIB), false, 'thrice its 10 MiB must be free');
  t.equal(ballast.size, 0);
  while (ballast.grow(400 * MIB, 500 * MIB));
  t.equal(ballast.size, 10 * MIB);
});

t.test('given up on a full disk, its room is there at once', { skip: skipSmallDisk }, async (t) => {
  const dir = smallDisk(t, 64);
  const ballast = new Ballast(join(dir, 'ballast'), MIB);
  const { totalBytes, freeBytes } = diskRoom(dir);
  t.equal(totalBytes, 64 * MIB);
  while (ballast.grow(freeBytes, totalBytes));
  t.equal(ballast.size, MIB);
  fillDisk(join(dir, 'hog'));
  t.equal(diskRoom(dir).freeBytes, 0);
  t.equal(ballast.giveUp(), MIB);
  t.equal(diskRoom(dir).freeBytes, MIB);
  fillDisk(join(dir, 'hog'));
  t.equal(ballast.grow(HUGE, HUGE), false, 'room that was believed and is not there');
  t.equal(ballast.size, 0);
});
