import { isIPv4 } from 'node:net';

const NAMES: ReadonlySet<string> = new Set(['localhost', '::1', '[::1]']);

/** True for hosts that only this machine can reach: `localhost`, `::1`, in brackets or not, and 127.0.0.0/8. */
export function isLoopback(host: string): boolean {
  return NAMES.has(host.toLowerCase()) || (isIPv4(host) && host.startsWith('127.'));
}
