import type { ChannelLimits } from '../../gateway/channel.ts';
import { type CpuTimes, cpuLoad } from '../../hardware/host/cpu.ts';
import type { DiskSpace, HostReading } from '../../hardware/host/host-reader.ts';

/** One value of the box, with what its channel needs when it is new. */
export interface HostSample {
  /** Path below the source: `memory/used`. */
  readonly path: string;
  readonly value: number;
  readonly unit: string;
  readonly description: string;
  readonly decimals: number;
  readonly limits?: ChannelLimits;
}

const PERCENT = { unit: '%', decimals: 1 } as const;
const BYTES = { unit: 'B', decimals: 0 } as const;
const BYTES_PER_SECOND = { unit: 'B/s', decimals: 0 } as const;

/** What is true at one moment. */
export function levels(reading: HostReading): HostSample[] {
  const samples: HostSample[] = [
    { path: 'process/memory', value: reading.process.rss, description: 'Memory the gateway holds', ...BYTES },
  ];
  if (reading.memory !== undefined) {
    const { total, available, swapTotal, swapFree } = reading.memory;
    const used = total - available;
    samples.push(
      { path: 'memory/used', value: used, description: 'Memory that is not available', ...BYTES },
      { path: 'memory/available', value: available, description: 'Memory that programs could take', ...BYTES },
      { path: 'memory/total', value: total, description: 'Memory of the box', ...BYTES },
      {
        path: 'memory/load',
        value: (used / total) * 100,
        description: 'Share of the memory that is used',
        limits: { highWarn: 90, highAlarm: 97 },
        ...PERCENT,
      },
    );
    if (swapTotal > 0) {
      samples.push({ path: 'swap/used', value: swapTotal - swapFree, description: 'Swap in use', ...BYTES });
    }
  }
  for (const [index, minutes] of [1, 5, 15].entries()) {
    const value = reading.loadAverages?.[index];
    if (value === undefined) continue;
    const description = `Runnable processes, mean over ${minutes} min`;
    samples.push({ path: `load/${minutes}min`, value, unit: '', decimals: 2, description });
  }
  if (reading.uptime !== undefined) {
    samples.push({ path: 'uptime', value: reading.uptime, unit: 's', decimals: 0, description: 'Time since boot' });
  }
  return samples;
}

/** What happened between two readings, as rates. A counter that went back, as of a device plugged anew, gives none. */
export function rates(before: HostReading, after: HostReading): HostSample[] {
  const seconds = (after.atMs - before.atMs) / 1e3;
  if (seconds <= 0) return [];
  const samples: HostSample[] = [];
  const share = (path: string, description: string, usBefore: number, usAfter: number) => {
    if (usAfter < usBefore) return;
    samples.push({ path, value: ((usAfter - usBefore) / (seconds * 1e6)) * 100, description, ...PERCENT });
  };
  const speed = (path: string, description: string, bytesBefore: number, bytesAfter: number) => {
    if (bytesAfter < bytesBefore) return;
    samples.push({ path, value: (bytesAfter - bytesBefore) / seconds, description, ...BYTES_PER_SECOND });
  };

  share('process/cpu', 'CPU the gateway uses, 100 % is one core', before.process.cpuUs, after.process.cpuUs);
  for (const [name, now, then] of pairs(before.cpus, after.cpus)) samples.push(...cpuSample(name, then, now));
  for (const [resource, now, then] of pairs(before.pressures, after.pressures)) {
    share(`pressure/${resource}/some`, `Time in which some work waited for ${resource}`, then.some, now.some);
    share(`pressure/${resource}/full`, `Time in which all work waited for ${resource}`, then.full, now.full);
  }
  for (const [name, now, then] of pairs(before.disks, after.disks)) {
    speed(`disk/${name}/read`, `Read from ${name}`, then.readBytes, now.readBytes);
    speed(`disk/${name}/written`, `Written to ${name}`, then.writtenBytes, now.writtenBytes);
    share(`disk/${name}/busy`, `Time in which ${name} worked`, then.busyMs * 1e3, now.busyMs * 1e3);
  }
  for (const [name, now, then] of pairs(before.interfaces, after.interfaces)) {
    speed(`network/${name}/received`, `Received by ${name}`, then.receivedBytes, now.receivedBytes);
    speed(`network/${name}/sent`, `Sent by ${name}`, then.sentBytes, now.sentBytes);
    const description = `Packets damaged or dropped by ${name} since it came up`;
    samples.push({ path: `network/${name}/lost`, value: now.lostPackets, unit: '', decimals: 0, description });
  }
  return samples;
}

/** Room of the disk that holds the store. */
export function spaceSamples({ total, free }: DiskSpace): HostSample[] {
  const samples: HostSample[] = [
    { path: 'disk/free', value: free, description: 'Room on the disk of the store', ...BYTES },
    { path: 'disk/total', value: total, description: 'Size of the disk of the store', ...BYTES },
  ];
  if (total > 0) {
    samples.push({
      path: 'disk/load',
      value: ((total - free) / total) * 100,
      description: 'Share of the disk of the store that is used',
      limits: { highWarn: 85, highAlarm: 95 },
      ...PERCENT,
    });
  }
  return samples;
}

function cpuSample(name: string, before: CpuTimes, after: CpuTimes): HostSample[] {
  const value = cpuLoad(before, after);
  if (value === undefined) return [];
  const isTotal = name === 'cpu';
  return [
    {
      path: isTotal ? 'cpu/total' : `cpu/${name.slice(3)}`,
      value,
      description: isTotal ? 'Load of all cores together' : `Load of core ${name.slice(3)}`,
      ...PERCENT,
      ...(isTotal && { limits: { highWarn: 90 } }),
    },
  ];
}

/** What both readings know: name, value after, value before. */
function* pairs<Key, Value>(
  before: ReadonlyMap<Key, Value>,
  after: ReadonlyMap<Key, Value>,
): Generator<[Key, Value, Value]> {
  for (const [key, now] of after) {
    const then = before.get(key);
    if (then !== undefined) yield [key, now, then];
  }
}
