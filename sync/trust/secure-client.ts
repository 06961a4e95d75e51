import type { Address } from '../api/address.ts';
import { TelemetryClient, type TelemetryClientOptions } from '../api/client.ts';
import type { Identity } from './identity.ts';
import { dialSecure } from './secure-dial.ts';
import type { Expected, Peer } from './verify-peer.ts';

export interface SecureClientOptions extends Omit<TelemetryClientOptions, 'open' | 'peer'> {
  /** Told whose connection was cut because the certificate was taken back. */
  readonly onCut?: ((peer: Peer) => void) | undefined;
}

/**
 * A client that proves who it is, and speaks to nobody but whom it expects, for as long as that one is trusted.
 * @param options of the client, but for how it connects
 */
export function secureClient(
  address: Address,
  identity: Identity,
  expected: Expected,
  { onCut, ...options }: SecureClientOptions = {},
): TelemetryClient {
  let peer: Peer | undefined;
  return new TelemetryClient(address, {
    ...options,
    open: async () => {
      const connection = await dialSecure(address, { as: identity, expected });
      const { socket, peer: found } = connection;
      peer = found;
      options.meter?.add(connection.raw);
      const unfollow = identity.onChange(() => {
        if (socket.destroyed || !identity.credentials.revoked.has(found.serial)) return;
        socket.destroy();
        onCut?.(found);
      });
      socket.once('close', unfollow);
      return socket;
    },
    peer: () => statusOf(peer),
  });
}

/** What the status of a peer must say of it. */
export function statusOf(peer: Peer | undefined): { role: 'gateway' | 'central'; gateway: string } | undefined {
  if (peer?.role !== 'gateway' && peer?.role !== 'central') return undefined;
  return { role: peer.role, gateway: peer.name };
}
