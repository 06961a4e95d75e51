import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

/** A process of the machine. */
export interface Holder {
  readonly pid: number;
  /** As the kernel has it, at most 15 characters. */
  readonly name: string;
}

/** Processes that are looked at. Beyond: not seen. */
const PROCESSES_MAX = 32_768;

/**
 * Which processes have files open, by what `/proc/PID/fd` links to: a path, or `socket:[inode]`. Files of other users'
 * processes are seen by root alone. This process is left out.
 *
 * @param targets links that are wanted
 * @param root folder that holds `proc`
 */
export async function holdersOf(
  targets: ReadonlySet<string>,
  root = '/',
  self = process.pid,
): Promise<Map<string, Holder>> {
  const holders = new Map<string, Holder>();
  if (targets.size === 0) return holders;
  const entries = await readdir(join(root, 'proc')).catch(() => [] as string[]);
  const pids = entries.filter((name) => /^\d+$/.test(name)).slice(0, PROCESSES_MAX);
  for (const pid of pids) {
    if (Number(pid) === self) continue;
    const folder = join(root, 'proc', pid);
    for (const fd of await readdir(join(folder, 'fd')).catch(() => [] as string[])) {
      const target = await readlink(join(folder, 'fd', fd)).catch(() => '');
      if (!targets.has(target) || holders.has(target)) continue;
      const name = await readFile(join(folder, 'comm'), 'latin1').catch(() => '');
      holders.set(target, { pid: Number(pid), name: name.trim() });
    }
  }
  return holders;
}

/** Most files that a process may have open, of the text of `/proc/PID/limits`: what it has now, and may give itself. */
export function parseFileLimit(limits: string): { readonly soft: number; readonly hard: number } | undefined {
  const [, soft, hard] = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(limits) ?? [];
  if (soft === undefined || hard === undefined) return undefined;
  const numberOf = (text: string) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));
  return { soft: numberOf(soft), hard: numberOf(hard) };
}
