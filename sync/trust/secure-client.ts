import type { Address } from '../api/address.ts';
import { TelemetryClient, type TelemetryClientOptions } from '../api/client.ts';
import type { Identity } from './identity.ts';
import { dialSecure } from './secure-dial.ts';
import type { Expected, Peer } from './verify-peer.ts';

/** A client that proves who it is, and speaks to nobody but whom it expects. @param options of the client, but for how it connects */
export function secureClient(
  address: Address,
  identity: Identity,
  expected: Expected,
  options: Omit<TelemetryClientOptions, 'open' | 'peer'> = {},
): TelemetryClient {
  let peer: Peer | undefined;
  return new TelemetryClient(address, {
    ...options,
    open: async () => {
      const connection = await dialSecure(address, { as: identity, expected });
      peer = connection.peer;
      options.meter?.add(connection.raw);
      return connection.socket;
    },
    peer: () => statusOf(peer),
  });
}

/** What the status of a peer must say of it. */
export function statusOf(peer: Peer | undefined): { role: 'gateway' | 'central'; gateway: string } | undefined {
  if (peer?.role !== 'gateway' && peer?.role !== 'central') return undefined;
  return { role: peer.role, gateway: peer.name };
}
