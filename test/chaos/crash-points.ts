import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { StoreHost } from '../../gateway/store-host.ts';
import { type Ended, POWER_CUT, REPLAY, runInMachine, runToEnd } from '../lab.ts';
import { lastNumber, machineFolder, program } from './machine.ts';
import { accountOf } from './stream-account.ts';

const DISK = '128M';

/** Holds every write of a recorded run. */
const LOG = '768M';

/** Batches acknowledged before the recording begins, so that it begins with a recovery. */
const BATCHES_BEFORE = 20;

/** Name of the recorded disk in the machine. */
const DEVICE = 'recorded';

/** Mounts the first disk by way of a log of its writes on the second, and runs what is left of the arguments. */
const RECORD = `
set -e
dmsetup create ${DEVICE} --table "0 $(blockdev --getsz /dev/ubda) log-writes /dev/ubda /dev/ubdb"
mkdir -p /data
mount /dev/mapper/${DEVICE} /data
"$@"
umount /data
dmsetup status ${DEVICE} | grep -v disabled
dmsetup remove ${DEVICE}
`;

/**
 * What is run at each crash point: mends the file system as a mount does, copies the store out and asks whether it is
 * well. Arguments: disk, folder, port to ask at.
 */
const CHECK = `
e2fsck -fy "$1" >"$2.log" 2>&1
[ $? -le 1 ] || { cat "$2.log" >&2; exit 1; }
rm -rf "$2"; mkdir "$2"
debugfs -R "rdump /store $2" "$1" 2>"$2.log"
exec 3<>"/dev/tcp/127.0.0.1/$3" || exit 1
echo "\${MARK:--1}" >&3
read -r answer <&3
[ "$answer" = well ] || { echo "$answer" >&2; exit 1; }
`;

export interface CrashPointsOptions {
  /** Batches of the recorded run. */
  readonly batches: number;
  /** Random subsets of the writes not yet flushed that are tried at each flush boundary. */
  readonly subsets: number;
  readonly seed: number;
}

/**
 * Records every write of a run in which samples are taken in, sealed and trimmed, and opens the store as each of its flush
 * boundaries would have left it to a power cut. Returns what the replay says at its end.
 */
export async function replayCrashPoints(t: Test, { batches, subsets, seed }: CrashPointsOptions): Promise<string> {
  const folder = machineFolder(t);
  const disk = join(folder, 'disk');
  const base = join(folder, 'base');
  const log = join(folder, 'log');
  const work = join(folder, 'work');
  const out = join(folder, 'out');
  const acked = [await ackedBefore(disk)];
  cpSync(disk, base);
  const writer = [...program('cut-writer'), '/data/store', JSON.stringify(acked), String(batches), DEVICE];
  const disks = ['-M', 'dm-log-writes', '-D', disk, '-D', `${log}:${LOG}`];
  const recorded = await runInMachine(disks, ['sh', '-c', RECORD, 'record', ...writer]);
  if (recorded.code !== 0) throw new Error(`the recorded run ended with ${recorded.code}\n${recorded.stderr}`);
  const examiner = await Examiner.listen(join(out, 'store'), acked);
  try {
    const options = ['-r', String(subsets), '-s', String(seed), log, base, work];
    const check = ['bash', '-c', CHECK, 'check', work, out, String(examiner.port)];
    const replayed: Ended = await runToEnd('python3', [REPLAY, ...options, ...check]);
    if (replayed.code !== 0) throw new Error(replayed.stderr);
    return replayed.lines.at(-1) ?? '';
  } finally {
    examiner.close();
  }
}

/** Makes the disk: a store that some batches were taken into before the power was cut. Returns the last one acknowledged. */
async function ackedBefore(disk: string): Promise<number> {
  const options = ['-d', `${disk}:${DISK}`, '-k', `^acked ${BATCHES_BEFORE}$`, '-j', '0'];
  const cut = await runInMachine(options, [...program('cut-writer'), '/data/store', '[]']);
  if (cut.code !== POWER_CUT) throw new Error(`exit code ${cut.code}\n${cut.stderr}`);
  return lastNumber(cut, 'acked');
}

/** Answers whether the store in a folder opens and holds what was acknowledged: a process each time would take longer. */
class Examiner {
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param acked of each run before the recorded one the last batch acknowledged */
  static async listen(dir: string, acked: readonly number[]): Promise<Examiner> {
    const server = createServer((socket: Socket) => {
      createInterface({ input: socket }).once('line', async (mark) => {
        socket.end(`${await examine(dir, [...acked, Number(mark)])}\n`);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Examiner(server);
  }

  close(): void {
    this.#server.close();
  }
}

/** `well`, or in one line what is not. */
async function examine(dir: string, acked: readonly number[]): Promise<string> {
  try {
    const problems: string[] = [];
    const onProblem = (text: string) => problems.push(text);
    const host = await StoreHost.open({ dir, gateway: 'cut', commitFloorMs: 2, blockAgeSeconds: 60, onProblem });
    await host.stop();
    const { faults } = accountOf(dir, acked);
    return [...problems, ...faults].join('; ') || 'well';
  } catch (error) {
    return String(error);
  }
}
