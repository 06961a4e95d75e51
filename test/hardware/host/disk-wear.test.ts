import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseEmmcLife, readDiskLife } from '../../../hardware/host/disk-life.ts';
import { deviceNumber, diskOf } from '../../../hardware/host/disk-of.ts';
import { parseWriteBytes, WrittenBytes } from '../../../hardware/host/written-bytes.ts';

function fakeRoot(t: Test): string {
  const root = mkdtempSync(join(tmpdir(), 'caisson-sys-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  return root;
}

t.test('device ids are unpacked as Linux packs them', async (t) => {
  // makedev(3) of glibc: minor's low byte, major's 12 low bits, minor's upper bits, major's upper bits.
  for (const [dev, text] of [
    [0x801, '8:1'],
    [0xb301, '179:1'],
    [0xfe00, '254:0'],
    [0x10302, '259:2'],
    [0x100801, '8:257'],
  ] as const) {
    t.equal(deviceNumber(dev), text);
  }
});

for (const [what, place, disk] of [
  ['a partition of an eMMC', 'devices/platform/mmc/block/mmcblk0/mmcblk0p2', 'mmcblk0'],
  ['a whole SATA disk', 'devices/pci0000:00/ata1/block/sda', 'sda'],
  ['a partition of an NVMe disk', 'devices/pci0000:00/nvme/nvme0/nvme0n1/nvme0n1p3', 'nvme0n1'],
  ['a file system in memory', 'devices/virtual/bdi/0:41', undefined],
] as const) {
  t.test(`the disk of ${what} is found`, async (t) => {
    const root = fakeRoot(t);
    mkdirSync(join(root, 'sys/dev/block'), { recursive: true });
    mkdirSync(join(root, 'sys', place), { recursive: true });
    symlinkSync(join(root, 'sys', place), join(root, 'sys/dev/block', deviceNumber(statSync(root).dev)));
    t.equal(await diskOf(root, root), disk);
  });
}

t.test('a mapped device is looked through, unless it lies on several disks', async (t) => {
  const root = fakeRoot(t);
  const mapped = join(root, 'sys/devices/virtual/block/dm-0');
  mkdirSync(join(mapped, 'slaves'), { recursive: true });
  mkdirSync(join(root, 'sys/dev/block'), { recursive: true });
  symlinkSync(mapped, join(root, 'sys/dev/block', deviceNumber(statSync(root).dev)));
  t.equal(await diskOf(root, root), undefined);
  for (const [name, disk] of [
    ['sda3', 'sda'],
    ['sdb1', undefined],
  ] as const) {
    const partition = join(root, 'sys/devices/pci/block', name.slice(0, 3), name);
    mkdirSync(partition, { recursive: true });
    symlinkSync(partition, join(mapped, 'slaves', name));
    t.equal(await diskOf(root, root), disk);
  }
});

t.test('a path that is not there has no disk', async (t) => {
  t.equal(await diskOf('/nowhere/at/all'), undefined);
});

t.test('the life of an eMMC is that of its more worn area', async (t) => {
  t.same(parseEmmcLife('0x01 0x03\n', '0x01\n'), { used: 0.3, isAtEnd: false });
  t.same(parseEmmcLife('0x02 0x01', '0x02'), { used: 0.2, isAtEnd: true }, 'its reserve runs out');
  t.same(parseEmmcLife('0x0b 0x01'), { used: 1.1, isAtEnd: true });
  for (const text of ['0x00 0x00', '', 'none', '0x0c 0x01', '0x-1']) t.equal(parseEmmcLife(text), undefined, text);
});

t.test('a disk that does not tell has no life', async (t) => {
  const root = fakeRoot(t);
  t.equal(await readDiskLife('mmcblk0', root), undefined);
  mkdirSync(join(root, 'sys/block/mmcblk0/device'), { recursive: true });
  writeFileSync(join(root, 'sys/block/mmcblk0/device/life_time'), '0x02 0x01\n');
  t.same(await readDiskLife('mmcblk0', root), { used: 0.2, isAtEnd: false });
});

t.test('bytes written are those of the disk, or of this process where it is not known', async (t) => {
  const root = fakeRoot(t);
  mkdirSync(join(root, 'proc/self'), { recursive: true });
  writeFileSync(join(root, 'proc/diskstats'), ' 179 0 mmcblk0 9 0 9 0 100 0 2048 9 0 9 9 0 0 0 0 0 0\n');
  writeFileSync(join(root, 'proc/self/io'), 'rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 1\n');
  for (const [disk, bytes] of [
    ['mmcblk0', 1 << 20],
    [undefined, 4096],
    ['sda', undefined],
  ] as const) {
    const written = new WrittenBytes(disk, root);
    t.equal(written.read(), bytes);
    t.equal(written.read(), bytes);
    written.close();
  }
  t.equal(parseWriteBytes('rchar: 1'), undefined);
});
