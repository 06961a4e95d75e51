import { readdir } from 'node:fs/promises';
import type { ControllerState } from './error-frame.ts';
import {
  controllerDetails,
  INTERFACES_FOLDER,
  interfaceCounters,
  isCanInterface,
  isUp,
} from './socketcan/link-status.ts';

/** A CAN interface of the kernel. */
export interface CanLink {
  readonly name: string;
  /** Whether it was brought up. */
  readonly isUp: boolean;
  /** Of its controller; undefined where it has none (vcan), or `ip` is missing. */
  readonly state: ControllerState | undefined;
  /** Of the bus, bit/s; undefined where none was set, or there is none. */
  readonly bitrate: number | undefined;
  /** Frames that came since the interface was made. */
  readonly received: number;
}

/** The CAN interfaces of the machine, up or not. */
export async function listCanLinks(folder = INTERFACES_FOLDER, details = controllerDetails): Promise<CanLink[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const links = names.sort().map(async (name): Promise<CanLink[]> => {
    if (!(await isCanInterface(name, folder))) return [];
    const [{ state, bitrate }, counters, up] = await Promise.all([
      details(name),
      interfaceCounters(name, folder),
      isUp(name, folder),
    ]);
    return [{ name, isUp: up, state, bitrate, received: counters?.received ?? 0 }];
  });
  return (await Promise.all(links)).flat();
}
