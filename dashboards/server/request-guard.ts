import { isLoopback } from '../../gateway/loopback.ts';

/** Which requests a dashboard without credentials takes: those that a page of its own on this machine makes. */

/**
 * True when the Host header names this machine. A name that an outsider's DNS points at 127.0.0.1 is refused: that is how
 * a foreign page would read the dashboard (DNS rebinding). Any port is taken, for forwarded ports have another one.
 */
export function isOwnHost(hostHeader: string): boolean {
  return isLoopback(hostHeader.replace(/:\d{1,5}$/, ''));
}

/**
 * True when a WebSocket's Origin is the page of the very same host and port. Browsers always send an Origin; a program
 * without one is no browser and is not misled by a foreign page.
 */
export function isOwnOrigin(originHeader: string, hostHeader: string): boolean {
  if (originHeader === '') return true;
  return originHeader === `http://${hostHeader}` || originHeader === `https://${hostHeader}`;
}
