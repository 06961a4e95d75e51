import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/**
 * Makes a folder of this process alone, for what need not outlive it. Those of processes that were killed go meanwhile: a box whose power
 * is cut every day does not fill up with them.
 *
 * @param kind what it is for: a word, part of its name
 * @param parent where it is made
 */
export function makeTempFolder(kind: string, parent = tmpdir()): string {
  const space = processSpace();
  const prefix = `caisson-${kind}-${space}-`;
  const path = join(parent, prefix);
  if (space !== '' && !swept.has(path)) sweep(parent, prefix);
  swept.add(path);
  return mkdtempSync(`${path}${process.pid}-`);
}

/** What this process has looked through. */
const swept = new Set<string>();

function sweep(parent: string, prefix: string): void {
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : Number.NaN;
    if (Number.isSafeInteger(pid) && pid > 0 && !isAlive(pid)) removed(join(parent, name));
  }
}

/** In what space of process ids this process is: containers that share a folder do not share those. Empty where that is not known. */
function processSpace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Somebody else's stay. */
function removed(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Not ours, or another process is at it: whoever looks next tries again.
  }
}
