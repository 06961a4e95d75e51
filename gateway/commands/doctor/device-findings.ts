import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Holder, holdersOf } from '../../../hardware/host/open-files.ts';
import type { SerialPortEntry } from '../../../hardware/serial/serial-ports.ts';
import { nearestName } from '../../config/nearest-name.ts';
import { realPath, userName } from './box-facts.ts';
import type { Finding, Mend } from './finding.ts';
import { holderText, programText } from './holder-text.ts';

/** Whether a serial device can be opened now, told without opening it. */
export interface DeviceFacts {
  readonly path: string;
  readonly isThere: boolean;
  readonly holder: Holder | undefined;
  /** Group that owns the device. */
  readonly group: string;
}

export async function readDeviceFacts(path: string): Promise<DeviceFacts> {
  const device = realPath(path);
  const stats = statSync(device, { throwIfNoEntry: false });
  if (stats === undefined) return { path, isThere: false, holder: undefined, group: '' };
  const holder = (await holdersOf(new Set([device]))).get(device);
  return { path, isThere: true, holder, group: await groupName(stats.gid) };
}

async function groupName(gid: number): Promise<string> {
  const groups = await readFile('/etc/group', 'utf8').catch(() => '');
  return (
    groups
      .split('\n')
      .map((line) => line.split(':'))
      .find((words) => words[2] === String(gid))?.[0] ?? String(gid)
  );
}

/** Where a device is named in the config. */
export interface DevicePlace {
  readonly about: string;
  /** Keys from the top to the device. */
  readonly path: readonly string[];
}

/** Why a device cannot be listened to, as far as that is known without opening it; undefined where nothing speaks against it. */
export function deviceFinding(
  { about, path }: DevicePlace,
  facts: DeviceFacts,
  ports: readonly SerialPortEntry[],
): Finding | undefined {
  const key = path.at(-1) ?? 'path';
  if (!facts.isThere) {
    const names = ports.map((port) => port.path);
    const ids = names.filter((name) => name.startsWith('/dev/serial/'));
    const like = nearestName(facts.path, names) ?? (ids.length === 1 ? ids[0] : undefined);
    const mend: Mend =
      like === undefined
        ? { byHand: 'plug the device in; `ls -l /dev/serial/by-id` lists what is there' }
        : { path, config: `${key}: ${like}` };
    return {
      code: 'port-missing',
      severity: 'broken',
      about,
      seen: `${facts.path} is not there; ${names.length === 0 ? 'there is no serial port' : `there is ${names.join(', ')}`}`,
      means: 'the device is not plugged in, or has another name; the gateway opens it as soon as it is there',
      mend,
    };
  }
  if (facts.holder === undefined) return undefined;
  return {
    code: 'port-busy',
    severity: 'broken',
    about,
    seen: `${holderText(facts.holder)} has ${facts.path} open`,
    means: 'two that read one port get half of it each, so the gateway waits until it is free',
    mend: release(facts.path, facts.holder),
  };
}

/** What was said when a device that is there could not be opened. */
export function refusalFinding({ about, path }: DevicePlace, facts: DeviceFacts, problem: string): Finding {
  if (/permission denied/i.test(problem)) {
    return {
      code: 'port-forbidden',
      severity: 'broken',
      about,
      seen: `${facts.path} may not be opened by this user: it belongs to the group ${facts.group}`,
      means: 'the gateway could not open it either, if it runs as this user',
      mend: { command: `sudo usermod -aG ${facts.group} ${userName()}   # and log in again` },
    };
  }
  if (/lock|busy|temporarily unavailable/i.test(problem)) {
    return {
      code: 'port-busy',
      severity: 'broken',
      about,
      seen: `another program has ${facts.path} open`,
      means: 'two that read one port get half of it each, so the gateway waits until it is free',
      mend: { command: `sudo fuser -v ${facts.path}` },
    };
  }
  return {
    code: 'port-refused',
    severity: 'broken',
    about,
    seen: `${facts.path}: ${problem}`,
    means: 'the device is no serial port, or its driver refuses these settings',
    mend: { path, config: `${path.at(-1) ?? 'path'}: /dev/serial/by-id/...` },
  };
}

/** Programs that take serial ports by themselves, and how each is told not to. */
const RELEASES: Readonly<Record<string, (device: string) => string>> = {
  ModemManager: () => 'sudo systemctl disable --now ModemManager',
  gpsd: () => 'sudo systemctl disable --now gpsd.socket gpsd.service',
  agetty: (device) => `sudo systemctl disable --now serial-getty@${device.replace(/^\/dev\//, '')}.service`,
};

/** The gentlest way to have it let go: its service, or else whoever has started it. */
function release(path: string, holder: Holder): Mend {
  const command = RELEASES[holder.name]?.(realPath(path));
  if (command !== undefined) return { command };
  const { pid, unit, user } = holder;
  if (unit !== undefined) {
    return {
      command: `sudo systemctl stop ${unit}   # and to keep it from coming back: sudo systemctl disable ${unit}`,
    };
  }
  const whose = user === undefined || user === userName() ? '' : ` as ${user}`;
  return {
    byHand: `quit ${programText(holder)} where it runs${whose}, so that it saves what it has; where nobody can, \`${whose === '' ? '' : 'sudo '}kill ${pid}\` asks it to end`,
  };
}
