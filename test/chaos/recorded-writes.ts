import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Ended, REPLAY, runInMachine, runToEnd } from '../lab.ts';

/** Size of a recorded disk. */
export const DISK = '128M';

/** Holds every write of a recorded run. */
const LOG = '768M';

/** Name of the recorded disk in the machine: its log gets marks under it. */
export const DEVICE = 'recorded';

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
 * What is run at each crash point: mends the file system as a mount does, copies its files out and asks whether they are
 * well. Arguments: disk, folder, port to ask at.
 */
const CHECK = `
e2fsck -fy "$1" >"$2.log" 2>&1
[ $? -le 1 ] || { cat "$2.log" >&2; exit 1; }
rm -rf "$2"; mkdir "$2"
debugfs -R "rdump / $2" "$1" 2>"$2.log"
exec 3<>"/dev/tcp/127.0.0.1/$3" || exit 1
echo "\${MARK:--1}" >&3
read -r answer <&3
[ "$answer" = well ] || { echo "$answer" >&2; exit 1; }
`;

export interface RecordedRun {
  /** For the disks' images and what is copied out of them. */
  readonly folder: string;
  /** Image of the disk before the run. */
  readonly disk: string;
  /** What is run in the machine, with the disk at `/data`. */
  readonly command: readonly string[];
  /**
   * What is wrong with the files of the disk, copied to `dir`, as one crash point left them; empty where all is well.
   * @param mark the last mark that the log had before; -1 for none
   */
  readonly examine: (dir: string, mark: number) => Promise<readonly string[]>;
  /** Random subsets of the writes not yet flushed that are tried at each flush boundary. */
  readonly subsets: number;
  readonly seed: number;
}

/**
 * Records every write of a run, and looks at what each of its flush boundaries would have left to a power cut. Returns what the
 * replay says at its end.
 */
export async function replayRecorded({ folder, disk, command, examine, subsets, seed }: RecordedRun): Promise<string> {
  const [base, log, work, out] = ['base', 'log', 'work', 'out'].map((name) => join(folder, name)) as [
    ...[string, string, string, string],
  ];
  cpSync(disk, base);
  const disks = ['-M', 'dm-log-writes', '-D', disk, '-D', `${log}:${LOG}`];
  const recorded = await runInMachine(disks, ['sh', '-c', RECORD, 'record', ...command]);
  if (recorded.code !== 0) throw new Error(`the recorded run ended with ${recorded.code}\n${recorded.stderr}`);
  const examiner = await Examiner.listen((mark) => examine(out, mark));
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

/** Answers whether files are well: a process each time would take longer. */
class Examiner {
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async listen(examine: (mark: number) => Promise<readonly string[]>): Promise<Examiner> {
    const answer = (mark: string) =>
      examine(Number(mark)).then(
        (faults) => faults.join('; ').replaceAll('\n', ' ') || 'well',
        (error: unknown) => String(error).replaceAll('\n', ' '),
      );
    const server = createServer((socket: Socket) => {
      createInterface({ input: socket }).once('line', async (mark) => {
        socket.end(`${await answer(mark)}\n`);
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
