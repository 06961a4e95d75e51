import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Ended } from '../lab.ts';

/** A folder for the disks of machines, gone at the end of the test. */
export function machineFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-machine-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Command that runs a program of this folder. */
export function program(name: string): string[] {
  return ['node', join(import.meta.dirname, `${name}.js`)];
}

/** The number behind the last line that begins with `word`; -1 where there is none. */
export function lastNumber({ lines }: Ended, word: string): number {
  const line = lines.findLast((each) => each.startsWith(`${word} `));
  return line === undefined ? -1 : Number(line.split(' ')[1]);
}
