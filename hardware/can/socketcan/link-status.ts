import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ControllerState } from '../error-frame.ts';

/** Where Linux shows network interfaces. */
export const INTERFACES_FOLDER = '/sys/class/net';

/** Kind of an interface that is CAN (linux/if_arp.h, ARPHRD_CAN), and the flag of one that is up (IFF_UP). */
const CAN_TYPE = 280;
const IS_UP = 1;

/** Longest that `ip` may take, milliseconds. */
const IP_TIMEOUT_MS = 5000;

/**
 * Counters of frames that were on the wire and did not come through: the controller or its driver was overrun, or there
 * was no room in the kernel before any socket.
 */
const LOST_COUNTERS = ['rx_over_errors', 'rx_fifo_errors', 'rx_missed_errors', 'rx_dropped'] as const;

const STATES: ReadonlyMap<unknown, ControllerState> = new Map([
  ['ERROR-ACTIVE', 'error-active'],
  ['ERROR-WARNING', 'error-warning'],
  ['ERROR-PASSIVE', 'error-passive'],
  ['BUS-OFF', 'bus-off'],
  ['STOPPED', 'stopped'],
  ['SLEEPING', 'stopped'],
]);

/** What `ip -details` says of a controller; each undefined where it does not, as with virtual interfaces. */
export interface ControllerDetails {
  readonly state: ControllerState | undefined;
  /** bit/s. */
  readonly bitrate: number | undefined;
  /** Of the data phase of CAN FD, bit/s. */
  readonly dataBitrate: number | undefined;
}

export interface InterfaceCounters {
  /** Frames that came, those sent by this machine to itself included on virtual interfaces. */
  readonly received: number;
  /** Frames that the controller or the kernel lost before any socket. */
  readonly lost: number;
}

/** True for an interface that is CAN, virtual or not. */
export async function isCanInterface(name: string, folder = INTERFACES_FOLDER): Promise<boolean> {
  return (await numberIn(folder, name, 'type')) === CAN_TYPE;
}

/** True for an interface that was brought up. */
export async function isUp(name: string, folder = INTERFACES_FOLDER): Promise<boolean> {
  return (((await numberIn(folder, name, 'flags')) ?? 0) & IS_UP) !== 0;
}

/** Why the interface cannot be read, and what to do; undefined where it is up. */
export async function interfaceProblem(name: string, folder = INTERFACES_FOLDER): Promise<string | undefined> {
  if ((await numberIn(folder, name, 'type')) === undefined) {
    return `there is no interface ${name}; \`ip -details link show type can\` lists those there are`;
  }
  if (!(await isCanInterface(name, folder))) return `${name} is no CAN interface`;
  if (!(await isUp(name, folder)))
    return `${name} is down; \`ip link set ${name} up type can bitrate 500000\` brings it up`;
  return undefined;
}

/** Counters since the interface was made; undefined where there is none. */
export async function interfaceCounters(
  name: string,
  folder = INTERFACES_FOLDER,
): Promise<InterfaceCounters | undefined> {
  const read = (counter: string) => numberIn(folder, name, join('statistics', counter));
  const [received, ...lost] = await Promise.all(['rx_packets', ...LOST_COUNTERS].map(read));
  if (received === undefined) return undefined;
  return { received, lost: lost.reduce<number>((sum, count) => sum + (count ?? 0), 0) };
}

async function numberIn(folder: string, name: string, file: string): Promise<number | undefined> {
  const text = await readFile(join(folder, name, file), 'utf8').catch(() => '');
  const value = Number(text);
  return text === '' || !Number.isSafeInteger(value) ? undefined : value;
}

const run = promisify(execFile);

/** Asks `ip`, which needs no rights for it; all undefined where there is none. */
export async function controllerDetails(name: string): Promise<ControllerDetails> {
  const options = { timeout: IP_TIMEOUT_MS, encoding: 'utf8' } as const;
  const { stdout } = await run('ip', ['-details', '-json', 'link', 'show', 'dev', name], options).catch(() => ({
    stdout: '',
  }));
  return parseDetails(stdout);
}

/** Reads the JSON of `ip -details -json link show`. */
export function parseDetails(json: string): ControllerDetails {
  const about = dataOf(json);
  const bitrateOf = (timing: unknown) => {
    const bitrate = property(timing, 'bitrate');
    return typeof bitrate === 'number' && bitrate > 0 ? bitrate : undefined;
  };
  return {
    state: STATES.get(property(about, 'state')),
    bitrate: bitrateOf(property(about, 'bittiming')),
    dataBitrate: bitrateOf(property(about, 'data_bittiming')),
  };
}

function dataOf(json: string): unknown {
  try {
    const links: unknown = JSON.parse(json);
    return property(property(Array.isArray(links) ? links[0] : undefined, 'linkinfo'), 'info_data');
  } catch {
    return undefined;
  }
}

function property(of: unknown, key: string): unknown {
  return typeof of === 'object' && of !== null ? (of as Record<string, unknown>)[key] : undefined;
}
