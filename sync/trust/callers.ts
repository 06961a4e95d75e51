import type { TLSSocket } from 'node:tls';
import type { CaissonError } from '../../gateway/errors.ts';
import type { Peer } from './verify-peer.ts';

/** Somebody who is none of those who are trusted, and is connected to be told so, or to enrol. */
export interface Stranger {
  readonly refusal: CaissonError;
  /** Told whether a call was let through. */
  judged(isServed: boolean): void;
}

/** Who is at the other end: a peer that was checked, or why nobody is. */
export type Caller = { readonly peer: Peer } | Stranger;

interface ConnectionEnds {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** What no two open connections of this machine share. */
export function connectionKey({ localAddress, localPort, remoteAddress, remotePort }: ConnectionEnds): string {
  return `${localAddress}|${localPort}|${remoteAddress}|${remotePort}`;
}

/** Who is at the other end of each open connection. */
export class Callers {
  readonly #open = new Map<string, { readonly socket: TLSSocket; readonly caller: Caller }>();

  /** Until the connection closes. */
  add(socket: TLSSocket, caller: Caller): void {
    const key = connectionKey(socket);
    this.#open.set(key, { socket, caller });
    socket.once('close', () => this.#open.delete(key));
  }

  /** Who called over the connection with those ends; undefined where it is not open. */
  of(ends: ConnectionEnds): Caller | undefined {
    return this.#open.get(connectionKey(ends))?.caller;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Cuts the connections of those whose certificate was taken back; returns of whom each was. */
  dropRevoked(revoked: ReadonlySet<string>): Peer[] {
    return [...this.#open.values()].flatMap(({ socket, caller }) => {
      if (!('peer' in caller) || !revoked.has(caller.peer.serial)) return [];
      socket.destroy();
      return [caller.peer];
    });
  }

  close(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }
}
