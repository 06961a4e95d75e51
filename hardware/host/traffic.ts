/** What a disk did since boot. */
export interface DiskActivity {
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Time with at least one request under way, milliseconds. */
  readonly busyMs: number;
}

/** The kernel counts in sectors of this size whatever the disk's own is. */
const SECTOR_BYTES = 512;

/** Whole disks: SATA, SCSI, virtual, NVMe, eMMC and SD. Partitions would count twice; loops and RAM disks are no disks. */
export const WHOLE_DISK = /^(?:(?:sd|hd|vd|xvd)[a-z]+|nvme\d+n\d+|mmcblk\d+)$/;

/** Whole disks by name, from `/proc/diskstats`. */
export function parseDisks(diskstats: string): Map<string, DiskActivity> {
  const disks = new Map<string, DiskActivity>();
  for (const line of diskstats.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const name = fields[2];
    if (name === undefined || !WHOLE_DISK.test(name) || fields.length < 14) continue;
    const readBytes = Number(fields[5]) * SECTOR_BYTES;
    const writtenBytes = Number(fields[9]) * SECTOR_BYTES;
    const busyMs = Number(fields[12]);
    if (Number.isFinite(readBytes + writtenBytes + busyMs)) disks.set(name, { readBytes, writtenBytes, busyMs });
  }
  return disks;
}

/** What went through a network interface since it came up. */
export interface NetworkTraffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Packets that were damaged or dropped, both ways. */
  readonly lostPackets: number;
}

/** Interfaces by name, without the loopback, from `/proc/net/dev`. */
export function parseNetwork(dev: string): Map<string, NetworkTraffic> {
  const interfaces = new Map<string, NetworkTraffic>();
  for (const line of dev.split('\n')) {
    const match = /^\s*([^\s|]+):\s*(\d.*)$/.exec(line);
    const name = match?.[1];
    if (match === null || name === undefined || name === 'lo') continue;
    const counts = (match[2] ?? '').trim().split(/\s+/).map(Number);
    // Received: bytes packets errors dropped fifo frame compressed multicast; sent: bytes packets errors dropped ...
    const [receivedBytes = 0, , receiveErrors = 0, receiveDrops = 0, , , , , sentBytes = 0, , sendErrors = 0] = counts;
    const sendDrops = counts[11];
    if (sendDrops === undefined || !counts.every(Number.isFinite)) continue;
    interfaces.set(name, {
      receivedBytes,
      sentBytes,
      lostPackets: receiveErrors + receiveDrops + sendErrors + sendDrops,
    });
  }
  return interfaces;
}
