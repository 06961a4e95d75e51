import { CaissonError } from '../../gateway/errors.ts';

/** Where a server is. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * An address from `HOST:PORT`, `[IPv6]:PORT`.
 * @throws CaissonError `address-invalid`
 */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new CaissonError('address-invalid', `'${text}' is no address, expected HOST:PORT such as 127.0.0.1:7443`);
  }
  return { host, port };
}

/** `HOST:PORT`, as gRPC and people read it. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
