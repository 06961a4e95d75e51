import { createSocket } from 'node:dgram';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CHRONY_PORT, type ChronyTracking, parseTracking, trackingRequest } from './chrony.ts';

/** How far the system's clock is in step with UTC. */
export interface TimeKeeping {
  /** Who keeps it; undefined: nobody that is known here. */
  readonly daemon: 'chrony' | 'systemd-timesyncd' | undefined;
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

/** Time for chronyd to answer, milliseconds. It is on this machine, and a port without anybody answers at once. */
const ANSWER_MS = 250;

/** Time between two looks, milliseconds: as often as a time daemon asks its servers at most. */
const LOOK_INTERVAL_MS = 16_000;

export interface TimeDaemonPlaces {
  /** Folder that holds `run`. */
  readonly root: string;
  /** UDP port on loopback where chronyd takes commands. */
  readonly chronyPort: number;
}

const PLACES: TimeDaemonPlaces = { root: '/', chronyPort: CHRONY_PORT };

/**
 * Asks the time daemons that this machine may have. One that runs is not enough: a clock counts as kept when the daemon says
 * that it is in step. What says nothing (chronyd without a command port, ntpd) is not believed to be.
 */
export async function lookAtTimeDaemons({ root, chronyPort }: TimeDaemonPlaces = PLACES): Promise<TimeKeeping> {
  const tracking = await askChrony(chronyPort);
  if (tracking !== undefined) {
    return { daemon: 'chrony', errorUs: tracking.isSynchronised ? tracking.errorUs + RESOLUTION_US : undefined };
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

/** What chronyd says; undefined where none answers. */
function askChrony(port: number): Promise<ChronyTracking | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const sequence = Math.floor(Math.random() * 2 ** 32);
    const end = (tracking?: ChronyTracking) => {
      clearTimeout(timer);
      // A second event after the end has nothing left to close.
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      resolve(tracking);
    };
    const timer = setTimeout(end, ANSWER_MS);
    socket.on('error', () => end());
    socket.on('message', (reply) => {
      const tracking = parseTracking(reply, sequence);
      if (tracking !== undefined) end(tracking);
    });
    // Connected, so that a port without anybody is told at once, and nobody else is heard.
    socket.connect(port, '127.0.0.1', () => socket.send(trackingRequest(sequence)));
  });
}

/** When a file was changed last, milliseconds since 1970; undefined where it is not there. */
function modifiedMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
