import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** A serial port that the machine has. */
export interface SerialPortEntry {
  /** What a config should name: the id of the device where it has one, which survives another socket. */
  readonly path: string;
  /** What the kernel calls it: `/dev/ttyUSB0`. */
  readonly device: string;
}

/** UARTs that are there without a device of their own in `/dev/serial`: of boards, and those that the kernel only reserves. */
const BOARD_PORT = /^tty(S|AMA|mxc|O|SAC|THS|PS)\d+$/;

/** `type` of a UART that the kernel reserves a name for and that is not there. */
const NO_UART = '0';

/**
 * The serial ports of the machine: what `/dev/serial/by-id` names, other USB ports, and UARTs of the board.
 *
 * @param root folder that holds `dev` and `sys`
 */
export async function listSerialPorts(root = '/'): Promise<SerialPortEntry[]> {
  const ids = await idsByDevice(root);
  const names = await readdir(join(root, 'sys/class/tty')).catch(() => [] as string[]);
  // What the kernel and its users write on a console is no wire of a device.
  const consoles = (await textOf(join(root, 'sys/class/tty/console/active'))).split(/\s+/);
  const entries: SerialPortEntry[] = [];
  for (const name of names.sort()) {
    const isThere = /^tty(USB|ACM)\d+$/.test(name) || (BOARD_PORT.test(name) && (await hasUart(root, name)));
    if (isThere && !consoles.includes(name))
      entries.push({ path: ids.get(name) ?? `/dev/${name}`, device: `/dev/${name}` });
  }
  return entries;
}

/** Names of devices below `/dev` to their ids. */
async function idsByDevice(root: string): Promise<Map<string, string>> {
  const folder = 'dev/serial/by-id';
  const ids = new Map<string, string>();
  for (const id of await readdir(join(root, folder)).catch(() => [] as string[])) {
    const device = await realpath(join(root, folder, id)).catch(() => undefined);
    const name = device?.split('/').at(-1);
    if (name !== undefined) ids.set(name, `/${folder}/${id}`);
  }
  return ids;
}

async function hasUart(root: string, name: string): Promise<boolean> {
  const type = await textOf(join(root, 'sys/class/tty', name, 'type'));
  return type !== '' && type !== NO_UART;
}

async function textOf(path: string): Promise<string> {
  return (await readFile(path, 'latin1').catch(() => '')).trim();
}
