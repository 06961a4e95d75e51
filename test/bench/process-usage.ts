import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';

/** CPU time of one thread, seconds. */
export interface ThreadTime {
  readonly id: number;
  readonly name: string;
  readonly seconds: number;
}

/** Ticks a second that `/proc` counts CPU time in. */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time a process has used, all threads, seconds; threads that ended are in it. */
export function cpuSeconds(pid: number): number {
  return statSeconds(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** CPU time of every living thread of a process, oldest thread first. */
export function threadTimes(pid: number): ThreadTime[] {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => {
      const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      return { id: Number(task), name, seconds: statSeconds(stat) };
    })
    .sort((a, b) => a.id - b.id);
}

/** Memory a process holds now, MiB: `VmRSS`, and the part of it that is backed by no file. */
export function residentMiB(pid: number): { readonly all: number; readonly anonymous: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024;
  return { all: of('VmRSS'), anonymous: of('RssAnon') };
}

/** CPU time of the main thread of this process, seconds. */
export function mainThreadSeconds(): number {
  return statSeconds(readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8'));
}

/** The most memory that this process ever held, MiB. */
export function peakResidentMiB(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** Bytes a process has caused to be written to storage devices. */
export function deviceBytesWritten(pid: number | 'self'): number {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  return Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? Number.NaN);
}

/** utime and stime, fields 14 and 15 of proc(5) stat, counted behind the name, which may hold anything. */
function statSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
