/** Ticks of one CPU, or of all together, since boot. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

/** CPUs by name of `/proc/stat`: `cpu` all together, `cpu0` ... each. Time waiting for disks counts as idle. */
export function parseCpuTimes(stat: string): Map<string, CpuTimes> {
  const cpus = new Map<string, CpuTimes>();
  for (const line of stat.split('\n')) {
    if (!line.startsWith('cpu')) break;
    const [name = '', ...columns] = line.split(/\s+/);
    // user nice system idle iowait irq softirq steal; what follows, guest time, is part of user and nice already.
    const ticks = columns.slice(0, 8).map(Number);
    const total = ticks.reduce((sum, count) => sum + count, 0);
    if (!Number.isFinite(total)) continue;
    cpus.set(name, { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total });
  }
  return cpus;
}

/** Share of the time between two readings in which the CPU worked, percent; undefined when no time passed. */
export function cpuLoad(before: CpuTimes, after: CpuTimes): number | undefined {
  const total = after.total - before.total;
  if (total <= 0) return undefined;
  return Math.min(100, Math.max(0, ((after.busy - before.busy) / total) * 100));
}

/** Mean numbers of runnable processes over 1, 5 and 15 minutes, from `/proc/loadavg`. */
export function parseLoadAverages(loadavg: string): readonly [number, number, number] | undefined {
  const match = /^(\d+\.\d+) (\d+\.\d+) (\d+\.\d+) /.exec(loadavg);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** Seconds since boot, from `/proc/uptime`. */
export function parseUptime(uptime: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) /.exec(uptime);
  return match === null ? undefined : Number(match[1]);
}
