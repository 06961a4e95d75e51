import { createSocket } from 'node:dgram';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CHRONY_PORT, parseTracking, trackingRequest } from './chrony.ts';
import { NTPD_PORT, parseVariables, variablesRequest } from './ntpd.ts';

/** How far the system's clock is in step with UTC. */
export interface TimeKeeping {
  /** Who keeps it; undefined: nobody that is known here. */
  readonly daemon: 'chrony' | 'ntpd' | 'systemd-timesyncd' | undefined;
  /** Bound of its error, microseconds; undefined where it is not in step, or nobody says that it is. */
  readonly errorUs: number | undefined;
}

/** A clock that nobody is known to keep. */
export const KEPT_BY_NOBODY: TimeKeeping = { daemon: undefined, errorUs: undefined };

/** systemd-timesyncd tells no bound: it takes one server's word, over whatever network there is. */
const TIMESYNCD_ERROR_US = 50_000;

/**
 * systemd-timesyncd touches its file whenever it has heard a server, every 2048 s at least. After three times of that it
 * has lost its servers.
 */
const TIMESYNCD_SILENCE_MAX_MS = 3 * 2048e3;

/** The wall clock is read in whole milliseconds here. */
const RESOLUTION_US = 1000;

/** Time for a daemon to answer, milliseconds. It is on this machine, and a port without anybody answers at once. */
const ANSWER_MS = 250;

/** Time between two looks, milliseconds: as often as a time daemon asks its servers at most. */
const LOOK_INTERVAL_MS = 16_000;

export interface TimeDaemonPlaces {
  /** Folder that holds `run`. */
  readonly root: string;
  /** UDP port on loopback where chronyd takes commands. */
  readonly chronyPort: number;
  /** UDP port on loopback where ntpd answers. */
  readonly ntpdPort: number;
}

const PLACES: TimeDaemonPlaces = { root: '/', chronyPort: CHRONY_PORT, ntpdPort: NTPD_PORT };

/** What a daemon says of the clock it keeps. */
interface DaemonAnswer {
  readonly isSynchronised: boolean;
  readonly errorUs: number;
}

/**
 * Asks the time daemons that this machine may have. One that runs is not enough: a clock counts as kept when the daemon says
 * that it is in step. What says nothing (chronyd without a command port, ntpd with `noquery` on loopback) is not believed to be.
 */
export async function lookAtTimeDaemons(places: TimeDaemonPlaces = PLACES): Promise<TimeKeeping> {
  const { root, chronyPort, ntpdPort } = places;
  const [chrony, ntpd] = await Promise.all([
    ask(chronyPort, 2 ** 32, trackingRequest, parseTracking),
    ask(ntpdPort, 2 ** 16, variablesRequest, parseVariables),
  ]);
  const answer = chrony ?? ntpd;
  if (answer !== undefined) {
    const daemon = chrony === undefined ? 'ntpd' : 'chrony';
    return { daemon, errorUs: answer.isSynchronised ? answer.errorUs + RESOLUTION_US : undefined };
  }
  const timesync = join(root, 'run/systemd/timesync');
  const heard = modifiedMs(join(timesync, 'synchronized'));
  if (heard !== undefined || existsSync(timesync)) {
    const isInStep = heard !== undefined && Math.abs(Date.now() - heard) <= TIMESYNCD_SILENCE_MAX_MS;
    return { daemon: 'systemd-timesyncd', errorUs: isInStep ? TIMESYNCD_ERROR_US : undefined };
  }
  const runsChrony = existsSync(join(root, 'run/chrony/chronyd.pid'));
  return runsChrony ? { daemon: 'chrony', errorUs: undefined } : KEPT_BY_NOBODY;
}

/** Looks again and again. */
export class TimeDaemonWatch {
  readonly #places: TimeDaemonPlaces;
  readonly #timer: NodeJS.Timeout;
  #keeping: TimeKeeping;

  private constructor(places: TimeDaemonPlaces, keeping: TimeKeeping) {
    this.#places = places;
    this.#keeping = keeping;
    this.#timer = setInterval(() => void this.#look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Begins with a look, which takes a quarter of a second at most. */
  static async begin(places: TimeDaemonPlaces = PLACES): Promise<TimeDaemonWatch> {
    return new TimeDaemonWatch(places, await lookAtTimeDaemons(places));
  }

  /** What the last look found. */
  get keeping(): TimeKeeping {
    return this.#keeping;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    this.#keeping = await lookAtTimeDaemons(this.#places);
  }
}

/** What the daemon at a port says; undefined where none answers. @param sequences how many sequence numbers there are */
function ask(
  port: number,
  sequences: number,
  request: (sequence: number) => Uint8Array,
  parse: (reply: Uint8Array, sequence: number) => DaemonAnswer | undefined,
): Promise<DaemonAnswer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const sequence = Math.floor(Math.random() * sequences);
    let isOver = false;
    const end = (answer?: DaemonAnswer) => {
      // A second event after the end has nothing left to close.
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      resolve(answer);
    };
    // What came while this process stood still is read before.
    const timer = setTimeout(() => setImmediate(end), ANSWER_MS);
    socket.on('error', () => end());
    socket.on('message', (reply) => {
      const answer = parse(reply, sequence);
      if (answer !== undefined) end(answer);
    });
    // Connected, so that a port without anybody is told at once, and nobody else is heard.
    socket.connect(port, '127.0.0.1', () => socket.send(request(sequence)));
  });
}

/** When a file was changed last, milliseconds since 1970; undefined where it is not there. */
function modifiedMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
