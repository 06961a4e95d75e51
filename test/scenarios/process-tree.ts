import { readdirSync, readFileSync } from 'node:fs';

/** A process as /proc tells of it. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly args: readonly string[];
  /** CPU time it has used, clock ticks of /proc. */
  readonly ticks: number;
}

/** Every process that is alive; one that has ended and was not waited for is not. */
export function processes(): ProcessFacts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => factsOf(Number(name)) ?? []);
}

/** The process and all that it started, and those in turn. */
export function treeOf(pid: number, all: readonly ProcessFacts[] = processes()): ProcessFacts[] {
  const children = all.filter(({ parent }) => parent === pid);
  return [...all.filter((each) => each.pid === pid), ...children.flatMap((child) => treeOf(child.pid, all))];
}

function factsOf(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    // The name in brackets may hold anything; what follows the last bracket are numbers.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { pid, parent: Number(fields[1]), args, ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    // It ended while it was looked at.
    return undefined;
  }
}

/** Watches how much of the machine goes to processes that are not ours. */
export class OtherLoad {
  readonly #root: number;
  #last: { total: number; busy: number; ours: number };

  /** @param root process whose tree is ours */
  constructor(root: number) {
    this.#root = root;
    this.#last = this.#read();
  }

  /** Share of all cores, 0 to 1, that others had since the last call. */
  share(): number {
    const before = this.#last;
    const now = this.#read();
    this.#last = now;
    const total = now.total - before.total;
    if (total <= 0) return 0;
    return Math.max(0, now.busy - before.busy - (now.ours - before.ours)) / total;
  }

  #read(): { total: number; busy: number; ours: number } {
    const [, user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = (
      readFileSync('/proc/stat', 'latin1').split('\n')[0] ?? ''
    )
      .split(/ +/)
      .map(Number);
    const busy = user + nice + system + irq + soft + steal;
    const ours = treeOf(this.#root).reduce((sum, { ticks }) => sum + ticks, 0);
    return { total: busy + idle + wait, busy, ours };
  }
}
