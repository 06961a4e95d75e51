/** Memory of the machine, bytes. */
export interface Memory {
  readonly total: number;
  /** What programs could still take without swapping. */
  readonly available: number;
  readonly swapTotal: number;
  readonly swapFree: number;
}

/** From `/proc/meminfo`; undefined where it lacks total or available (kernels before 3.14). */
export function parseMemory(meminfo: string): Memory | undefined {
  const total = bytesOf(meminfo, 'MemTotal');
  const available = bytesOf(meminfo, 'MemAvailable');
  if (total === undefined || available === undefined) return undefined;
  return {
    total,
    available,
    swapTotal: bytesOf(meminfo, 'SwapTotal') ?? 0,
    swapFree: bytesOf(meminfo, 'SwapFree') ?? 0,
  };
}

function bytesOf(meminfo: string, key: string): number | undefined {
  const match = new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(meminfo);
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** Time that work stood still for want of a resource since boot, microseconds. */
export interface Pressure {
  /** At least one task waited. */
  readonly some: number;
  /** All tasks waited; 0 for `cpu` on kernels that do not tell. */
  readonly full: number;
}

/** From a file of `/proc/pressure`. */
export function parsePressure(text: string): Pressure | undefined {
  const some = stalled(text, 'some');
  return some === undefined ? undefined : { some, full: stalled(text, 'full') ?? 0 };
}

function stalled(text: string, kind: 'some' | 'full'): number | undefined {
  const match = new RegExp(`^${kind} .*total=(\\d+)$`, 'm').exec(text);
  return match === null ? undefined : Number(match[1]);
}
