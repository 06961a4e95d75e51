import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { type DiskLife, readDiskLife } from '../../../hardware/host/disk-life.ts';
import { diskOf } from '../../../hardware/host/disk-of.ts';
import { type ListeningSocket, listeningSockets } from '../../../hardware/host/listening-sockets.ts';
import { type Holder, holdersOf, parseFileLimit } from '../../../hardware/host/open-files.ts';
import { lookAtTimeDaemons, type TimeKeeping } from '../../../hardware/host/time-daemon.ts';
import { type DiskRoom, diskRoom } from '../../store/disk-room.ts';
import { storePaths } from '../../store/store-dir.ts';

/** What the box itself tells, without anything being opened. */
export interface BoxFacts {
  readonly room: DiskRoom | undefined;
  /** Disk of the store, as the kernel calls it, and what it says of its wear. */
  readonly disk: string | undefined;
  readonly life: DiskLife | undefined;
  /** What keeps the system's clock. */
  readonly clock: TimeKeeping;
  /** UTC as the system has it, microseconds. */
  readonly wallUs: number;
  /** Files that a process may have open. */
  readonly filesMax: number | undefined;
  readonly listening: readonly ListeningSocket[];
  /** Who listens where, by inode; what other users' processes have open is seen by root alone. */
  readonly listeners: ReadonlyMap<number, Holder>;
  /** Process that has the store open. */
  readonly storeHolder: Holder | undefined;
}

/** @param storeDir folder of the store, which need not be there yet */
export async function readBoxFacts(storeDir: string): Promise<BoxFacts> {
  const folder = nearestFolder(storeDir);
  const listening = await listeningSockets();
  const lock = realPath(storePaths(storeDir).lock);
  const sockets = new Map(listening.map(({ inode }) => [`socket:[${inode}]`, inode]));
  const holders = await holdersOf(new Set([...sockets.keys(), lock]));
  const disk = await diskOf(folder);
  return {
    room: roomOf(folder),
    disk,
    life: disk === undefined ? undefined : await readDiskLife(disk),
    clock: await lookAtTimeDaemons(),
    wallUs: Date.now() * 1e3,
    filesMax: parseFileLimit(await readFile('/proc/self/limits', 'latin1').catch(() => ''))?.hard,
    listening,
    listeners: new Map(
      [...sockets].flatMap(([target, inode]) => {
        const holder = holders.get(target);
        return holder === undefined ? [] : [[inode, holder] as const];
      }),
    ),
    storeHolder: holders.get(lock),
  };
}

/** The file itself where a path leads to it by links. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The folder, or the one above it that is there. */
function nearestFolder(dir: string): string {
  if (existsSync(dir) || dirname(dir) === dir) return dir;
  return nearestFolder(dirname(dir));
}

function roomOf(folder: string): DiskRoom | undefined {
  try {
    return diskRoom(folder);
  } catch {
    return undefined;
  }
}

/** Who runs this. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user by number alone, as in some containers.
    return '$USER';
  }
}
