import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type CpuTimes, parseCpuTimes, parseLoadAverages, parseUptime } from './cpu.ts';
import { type Memory, type Pressure, parseMemory, parsePressure } from './memory.ts';
import { ProcFile } from './proc-file.ts';
import { findTemperatureSensors, readTemperature, type TemperatureSensor } from './temperature.ts';
import { type DiskActivity, type NetworkTraffic, parseDisks, parseNetwork } from './traffic.ts';

export const PRESSURE_RESOURCES = ['cpu', 'memory', 'io'] as const;
export type PressureResource = (typeof PRESSURE_RESOURCES)[number];

/** The machine and this process at one moment. What the machine does not tell is missing. */
export interface HostReading {
  /** Monotonic time of the reading, milliseconds. */
  readonly atMs: number;
  readonly cpus: ReadonlyMap<string, CpuTimes>;
  readonly loadAverages?: readonly [number, number, number];
  readonly memory?: Memory;
  readonly pressures: ReadonlyMap<PressureResource, Pressure>;
  readonly disks: ReadonlyMap<string, DiskActivity>;
  readonly interfaces: ReadonlyMap<string, NetworkTraffic>;
  /** Seconds since boot. */
  readonly uptime?: number;
  /** This process with all its threads: CPU time since start, microseconds, and memory, bytes. */
  readonly process: { readonly cpuUs: number; readonly rss: number };
}

/** Room of a file system, bytes. */
export interface DiskSpace {
  readonly total: number;
  /** What this process may still write. */
  readonly free: number;
}

/** Reads the machine it runs on, or the files of another below `root`. */
export class HostReader {
  readonly #root: string;
  readonly #stat: ProcFile;
  readonly #loadavg: ProcFile;
  readonly #meminfo: ProcFile;
  readonly #diskstats: ProcFile;
  readonly #netDev: ProcFile;
  readonly #uptime: ProcFile;
  readonly #pressures: ReadonlyMap<PressureResource, ProcFile>;

  /** @param root folder that holds `proc` and `sys` */
  constructor(root = '/') {
    const proc = (name: string) => new ProcFile(join(root, 'proc', name));
    this.#root = root;
    this.#stat = proc('stat');
    this.#loadavg = proc('loadavg');
    this.#meminfo = proc('meminfo');
    this.#diskstats = proc('diskstats');
    this.#netDev = proc('net/dev');
    this.#uptime = proc('uptime');
    this.#pressures = new Map(PRESSURE_RESOURCES.map((resource) => [resource, proc(`pressure/${resource}`)]));
  }

  /** All that the kernel tells at once. */
  read(): HostReading {
    const loadAverages = parseLoadAverages(this.#loadavg.read() ?? '');
    const memory = parseMemory(this.#meminfo.read() ?? '');
    const uptime = parseUptime(this.#uptime.read() ?? '');
    const { user, system } = process.cpuUsage();
    return {
      atMs: performance.now(),
      cpus: parseCpuTimes(this.#stat.read() ?? ''),
      pressures: this.#readPressures(),
      disks: parseDisks(this.#diskstats.read() ?? ''),
      interfaces: parseNetwork(this.#netDev.read() ?? ''),
      process: { cpuUs: user + system, rss: process.memoryUsage.rss() },
      ...(loadAverages !== undefined && { loadAverages }),
      ...(memory !== undefined && { memory }),
      ...(uptime !== undefined && { uptime }),
    };
  }

  /** Room of the file system that holds `path`; undefined where it cannot be asked. May wait for the device. */
  async readSpace(path: string): Promise<DiskSpace | undefined> {
    const space = await statfs(path).catch(() => undefined);
    return space && { total: space.blocks * space.bsize, free: space.bavail * space.bsize };
  }

  findTemperatureSensors(): Promise<TemperatureSensor[]> {
    return findTemperatureSensors(join(this.#root, 'sys'));
  }

  /** Degrees Celsius. May wait for the sensor's bus. */
  readTemperature(sensor: TemperatureSensor): Promise<number | undefined> {
    return readTemperature(sensor);
  }

  close(): void {
    const files = [this.#stat, this.#loadavg, this.#meminfo, this.#diskstats, this.#netDev, this.#uptime];
    for (const file of [...files, ...this.#pressures.values()]) file.close();
  }

  #readPressures(): Map<PressureResource, Pressure> {
    const pressures = new Map<PressureResource, Pressure>();
    for (const [resource, file] of this.#pressures) {
      const pressure = parsePressure(file.read() ?? '');
      if (pressure !== undefined) pressures.set(resource, pressure);
    }
    return pressures;
  }
}
