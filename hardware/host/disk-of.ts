import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WHOLE_DISK } from './traffic.ts';

/** Layers of mapped devices (LVM, LUKS, RAID) that are looked through. */
const LAYERS_MAX = 8;

/**
 * Name of the whole disk that holds `path`, as `/proc/diskstats` calls it: `mmcblk0`, `sda`. Undefined where there is none
 * to be told: a file system in memory, over the network, or over several disks.
 *
 * @param root folder that holds `sys`
 */
export async function diskOf(path: string, root = '/'): Promise<string | undefined> {
  try {
    const { dev } = await stat(path);
    return await wholeDisk(join(root, 'sys/dev/block', deviceNumber(dev)), LAYERS_MAX);
  } catch {
    return undefined;
  }
}

/** `major:minor` of a device id, as Linux packs it. */
export function deviceNumber(dev: number): string {
  const id = BigInt(dev);
  const major = ((id >> 8n) & 0xfffn) | ((id >> 32n) & ~0xfffn);
  const minor = (id & 0xffn) | ((id >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}

/** A partition lies in the folder of its disk; a mapped device names what it lies on. */
async function wholeDisk(link: string, layers: number): Promise<string | undefined> {
  const device = await realpath(link);
  const disk = device.split('/').find((segment) => WHOLE_DISK.test(segment));
  if (disk !== undefined) return disk;
  const under = await readdir(join(device, 'slaves')).catch(() => []);
  const [only] = under;
  if (only === undefined || under.length > 1 || layers === 0) return undefined;
  return wholeDisk(join(device, 'slaves', basename(only)), layers - 1);
}
