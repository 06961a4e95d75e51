import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A TCP port at which some process of the machine listens. */
export interface ListeningSocket {
  /** Numeric address, `0.0.0.0` or `::` for all. */
  readonly host: string;
  readonly port: number;
  /** What `/proc/PID/fd` links to as `socket:[inode]`. */
  readonly inode: number;
}

/** State of a socket that listens, in the kernel's numbers. */
const LISTEN = '0A';

/** Sockets that listen, of the text of `/proc/net/tcp` or `/proc/net/tcp6`. */
export function parseListeningSockets(table: string): ListeningSocket[] {
  const sockets: ListeningSocket[] = [];
  for (const line of table.split('\n')) {
    const words = line.trim().split(/\s+/);
    const [address = '', port = ''] = (words[1] ?? '').split(':');
    if (words[3] !== LISTEN || !/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(address)) continue;
    sockets.push({ host: hostOf(address), port: Number.parseInt(port, 16), inode: Number(words[9]) });
  }
  return sockets;
}

/** What listens on TCP ports of this machine. */
export async function listeningSockets(root = '/'): Promise<ListeningSocket[]> {
  const tables = ['proc/net/tcp', 'proc/net/tcp6'].map((name) => readFile(join(root, name), 'latin1').catch(() => ''));
  return (await Promise.all(tables)).flatMap(parseListeningSockets);
}

/** Words of 32 bits as the kernel keeps them, in the order of bytes of the machine: little endian wherever this runs. */
function hostOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)).reverse());
  if (bytes.length === 4) return bytes.join('.');
  const isMapped = bytes.slice(0, 12).join() === '0,0,0,0,0,0,0,0,0,0,255,255';
  if (isMapped) return bytes.slice(12).join('.');
  if (bytes.every((byte) => byte === 0)) return '::';
  if (bytes.slice(0, 15).every((byte) => byte === 0)) return `::${bytes[15]}`;
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0));
  return groups.map((group) => group.toString(16)).join(':');
}
