import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import process from 'node:process';

/** A process of the machine. */
export interface Holder {
  readonly pid: number;
  /** As the kernel has it, at most 15 characters. */
  readonly name: string;
  /** What an interpreter runs, such as `logger.py`; missing where the process is no interpreter. */
  readonly script?: string;
  /** Name of the user, or the number where it has none; missing where that cannot be read. */
  readonly user?: string;
  /** Unit of systemd that it belongs to; missing where it belongs to none, as what a person has started. */
  readonly unit?: string;
}

/** Names of programs that run what others wrote. */
const INTERPRETERS = /^(?:node|MainThread|python[\d.]*|perl|ruby|java|bash|sh|dash)$/;

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
      holders.set(target, await holderAt(folder, Number(pid), root));
    }
  }
  return holders;
}

async function holderAt(folder: string, pid: number, root: string): Promise<Holder> {
  const textOf = (path: string) => readFile(path, 'utf8').catch(() => '');
  const [comm, command, status, cgroup] = await Promise.all(
    ['comm', 'cmdline', 'status', 'cgroup'].map((name) => textOf(join(folder, name))),
  );
  const name = (comm ?? '').trim();
  const script = INTERPRETERS.test(name) ? scriptOf(command ?? '') : undefined;
  const [, uid] = /^Uid:\t(\d+)/m.exec(status ?? '') ?? [];
  const user = uid === undefined ? undefined : nameOfUser(uid, await textOf(join(root, 'etc/passwd')));
  const unit = unitOf(cgroup ?? '');
  return {
    ...{ pid, name },
    ...(script !== undefined && { script }),
    ...(user !== undefined && { user }),
    ...(unit !== undefined && { unit }),
  };
}

/** What an interpreter runs, of the text of `/proc/PID/cmdline`. */
function scriptOf(command: string): string | undefined {
  const file = command
    .split('\0')
    .slice(1)
    .find((word) => word !== '' && !word.startsWith('-'));
  return file === undefined ? undefined : basename(file);
}

function nameOfUser(uid: string, passwd: string): string {
  const row = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find((words) => words[2] === uid);
  return row?.[0] ?? uid;
}

/** The service that a process belongs to, of the text of `/proc/PID/cgroup`; undefined where a person has started it. */
export function unitOf(cgroup: string): string | undefined {
  const path = cgroup
    .split('\n')
    .map((line) => line.split(':').slice(2).join(':'))
    .find((each) => each.includes('.service'));
  // What a person starts is in the manager of its user, which is a service too, and then in a scope.
  if (path === undefined || path.includes('/user.slice/')) return undefined;
  return path.split('/').findLast((part) => part.endsWith('.service'));
}

/** Most files that a process may have open, of the text of `/proc/PID/limits`: what it has now, and may give itself. */
export function parseFileLimit(limits: string): { readonly soft: number; readonly hard: number } | undefined {
  const [, soft, hard] = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(limits) ?? [];
  if (soft === undefined || hard === undefined) return undefined;
  const numberOf = (text: string) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));
  return { soft: numberOf(soft), hard: numberOf(hard) };
}
