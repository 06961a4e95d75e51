import type { ListeningSocket } from '../../../hardware/host/listening-sockets.ts';
import { isLoopback } from '../../loopback.ts';
import { bytesText } from '../../quantity-text.ts';
import type { Listener } from '../config-rules.ts';
import type { CaissonConfig } from '../config-schema.ts';
import type { BoxFacts } from './box-facts.ts';
import type { SecretFile } from './config-places.ts';
import { type Examined, type Finding, found, together, well } from './finding.ts';
import { holderText } from './holder-text.ts';

/** Room of a disk below which something is said, share and bytes: for the ballast, a seal and what else writes. */
const ROOM_SHARE_MIN = 0.05;
const ROOM_BYTES_MIN = 500e6;

/** A clock before this, UTC in microseconds, was never set: the start of 2020. */
const SET_AFTER_US = Date.UTC(2020, 0) * 1e3;

/** Share of a disk's life from which it should be replaced soon. */
const WORN_SHARE = 0.8;

/** Files that a gateway has open by itself: databases, journal, threads, libraries, ports. */
const OWN_FILES = 256;

/** Connections where the config sets no limit: viewers, and clients of a source. */
const VIEWERS = 256;
const SOURCE_CLIENTS = 256;

/** Bits of a mode by which others than the owner and the group may read. */
const WORLD_READABLE = 0o004;

/** What the box lacks for this config. Pure. @param listeners ports that are to be free: none where a gateway with this config runs */
export function boxFindings(config: CaissonConfig, facts: BoxFacts, listeners: readonly Listener[]): Examined {
  return together([
    clockFindings(facts),
    roomFindings(config, facts),
    lifeFindings(facts),
    fileFindings(config, facts),
    ...listeners.map((listener) => portFindings(listener, facts)),
  ]);
}

export function clockFindings({ clock, wallUs }: Pick<BoxFacts, 'clock' | 'wallUs'>): Examined {
  const about = 'clock';
  const command = 'sudo timedatectl set-ntp true';
  if (wallUs < SET_AFTER_US) {
    return found({
      code: 'clock-not-set',
      severity: 'broken',
      about,
      seen: `the system's clock says ${new Date(wallUs / 1e3).toISOString()}`,
      means: 'it was never set: samples are kept in order and have no UTC until a better clock tells it',
      mend: { command },
    });
  }
  const { daemon, errorUs } = clock;
  if (errorUs !== undefined)
    return well(about, `kept in step by ${daemon}, error at most ${(errorUs / 1e3).toFixed(1)} ms`);
  if (daemon !== undefined) {
    return found({
      code: 'clock-not-synchronised',
      severity: 'risk',
      about,
      seen: `${daemon} runs, and does not say that the clock is in step`,
      means:
        'it reaches no time server, or was told to answer nobody: the UTC of samples is as good as the clock of the board',
      mend: { command: daemon === 'chrony' ? 'chronyc sources' : 'timedatectl timesync-status' },
    });
  }
  return found({
    code: 'clock-not-synchronised',
    severity: 'risk',
    about,
    seen: 'no time daemon says that it keeps the clock in step (systemd-timesyncd, chrony, ntpd)',
    means: 'the UTC of samples is as good as the clock of the board, which drifts by seconds a day',
    mend: { command },
  });
}

function roomFindings({ store }: CaissonConfig, { room }: BoxFacts): Examined {
  const about = `disk of ${store.dir}`;
  if (room === undefined) return found(storeFolderFinding(about, store.dir));
  const share = room.freeBytes / room.totalBytes;
  const seen = `${bytesText(room.freeBytes)} of ${bytesText(room.totalBytes)} free`;
  if (room.freeBytes >= ROOM_BYTES_MIN && share >= ROOM_SHARE_MIN) return well(about, seen);
  return found({
    code: 'disk-short',
    severity: room.freeBytes < ROOM_BYTES_MIN / 10 ? 'broken' : 'risk',
    about,
    seen,
    means: 'when it is full, the oldest samples are given up, then samples of class bulk and standard are refused',
    mend: { command: `sudo du -xh ${store.dir} --max-depth=0; sudo du -xh / --max-depth=2 | sort -h | tail` },
  });
}

function storeFolderFinding(about: string, dir: string): Finding {
  return {
    code: 'store-unreachable',
    severity: 'broken',
    about,
    seen: `the disk of ${dir} cannot be looked at`,
    means: 'the gateway waits for its store and takes nothing in',
    mend: { command: `sudo install -d -o "$USER" ${dir}` },
  };
}

function lifeFindings({ disk, life }: BoxFacts): Examined {
  if (disk === undefined || life === undefined) return together([]);
  const about = `disk ${disk}`;
  const seen = `it says that ${(life.used * 100).toFixed(0)} % of its life is used${life.isAtEnd ? ' and its reserve runs out' : ''}`;
  if (!life.isAtEnd && life.used < WORN_SHARE) return well(about, seen);
  return found({
    code: 'disk-worn',
    severity: life.isAtEnd ? 'broken' : 'risk',
    about,
    seen,
    means: 'it may turn read-only or lose data at any time',
    mend: { command: 'caisson backup /media/usb/last' },
  });
}

function fileFindings({ sources }: CaissonConfig, { filesMax }: BoxFacts): Examined {
  if (filesMax === undefined) return together([]);
  const clients = Object.values(sources).map((source) =>
    'limits' in source && source.limits !== undefined && 'clientsMax' in source.limits
      ? (source.limits.clientsMax ?? SOURCE_CLIENTS)
      : 0,
  );
  const wanted = clients.reduce((sum, count) => sum + count, OWN_FILES + VIEWERS);
  const seen = `a process may have ${filesMax} files open, and this config may need ${wanted}`;
  if (filesMax >= wanted) return well('open files', seen);
  return found({
    code: 'files-limited',
    severity: 'risk',
    about: 'open files',
    seen,
    means: 'with that many clients the gateway would refuse connections, and could not open its own files',
    mend: { command: `ulimit -n ${wanted}   # of a unit of systemd: LimitNOFILE=${wanted}` },
  });
}

function portFindings({ path, host, port }: Listener, { listening, listeners }: BoxFacts): Examined {
  if (port === 0) return together([]);
  const about = path
    .slice(0, -1)
    .join(' ')
    .replace(/^sources /, 'source ');
  const owner = listening.find((socket) => socket.port === port && overlaps(socket, host));
  if (owner === undefined) return well(about, `port ${port} of ${host} is free`);
  const holder = listeners.get(owner.inode);
  const who = holder === undefined ? "another user's process" : holderText(holder);
  const free = nextFree(port, listening);
  return found({
    code: 'port-taken',
    severity: 'broken',
    about,
    seen: `${who} listens on port ${port} of ${owner.host}`,
    means:
      holder === undefined
        ? 'the gateway does not start while the port is taken; `sudo ss -ltnp` names who has it'
        : 'the gateway does not start while the port is taken: take another one, or end that program',
    mend: { path, config: `port: ${free}` },
  });
}

/** True where a socket stands in the way of one on `host`. */
function overlaps({ host }: ListeningSocket, wanted: string): boolean {
  const isAny = (address: string) => address === '0.0.0.0' || address === '::';
  if (isAny(host) || isAny(wanted)) return true;
  const named = wanted === 'localhost' ? '127.0.0.1' : wanted;
  return host === named || (isLoopback(host) && wanted === 'localhost');
}

function nextFree(port: number, listening: readonly ListeningSocket[]): number {
  const taken = new Set(listening.map((socket) => socket.port));
  let free = port + 1;
  while (taken.has(free)) free += 1;
  return free;
}

/** What is wrong with how the config keeps its secrets. @param mode permission bits of the config itself */
export function secretFindings(
  file: string,
  mode: number | undefined,
  secretFiles: readonly SecretFile[],
  written: readonly string[][],
): Examined {
  const findings: Finding[] = [];
  for (const { path, file: secret, mode: bits } of secretFiles) {
    if (bits === undefined) {
      findings.push({
        code: 'secret-missing',
        severity: 'broken',
        about: path.join('.'),
        seen: `${secret} is not there, or may not be read`,
        means: 'the gateway does not start without the secret that it should hold',
        mend: { command: `install -m 600 /dev/null ${secret} && editor ${secret}` },
      });
    } else if ((bits & WORLD_READABLE) !== 0) findings.push(readable(secret, bits, path.join('.')));
  }
  if (written.length > 0 && mode !== undefined && (mode & WORLD_READABLE) !== 0) {
    findings.push(readable(file, mode, written.map((path) => path.join('.')).join(', ')));
  }
  if (findings.length > 0 || secretFiles.length + written.length === 0) return found(...findings);
  return well('secrets', 'only their owner and group may read them');
}

function readable(file: string, mode: number, about: string): Finding {
  return {
    code: 'secret-readable',
    severity: 'risk',
    about,
    seen: `${file} has mode ${mode.toString(8).padStart(3, '0')}`,
    means: 'every user of this machine can read the secret in it',
    mend: { command: `chmod o-rwx ${file}` },
  };
}
