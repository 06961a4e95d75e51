import { Authority } from './authority.ts';
import { CentralIdentity } from './central-identity.ts';
import type { Identity } from './identity.ts';
import { openKeptTrust } from './kept-trust.ts';
import { requirePeerName } from './peer-name.ts';

/** By what a central is known: it is the authority itself, or enrolled at the central that is. */
export type CentralTrustOptions =
  | {
      readonly authority: string;
      readonly passphrase: string;
      /** Names and addresses by which it is dialled, for tools that check them. */
      readonly hosts: readonly string[];
    }
  | { readonly identity: string };

export interface CentralTrust {
  readonly identity: Identity;
  /** Undefined where another central is. */
  readonly authority: Authority | undefined;
  close(): Promise<void>;
}

/**
 * Opens what a central named `name` is known by.
 * @throws CaissonError `trust-unusable`
 */
export function openCentralTrust(
  options: CentralTrustOptions,
  name: string,
  onProblem: (text: string) => void,
): CentralTrust {
  if ('authority' in options) {
    requirePeerName('central', name);
    const authority = Authority.open(options.authority, options.passphrase);
    const identity = new CentralIdentity(authority, name, options.hosts);
    return {
      identity,
      authority,
      close: async () => {
        identity.close();
        authority.close();
      },
    };
  }
  return { ...openKeptTrust(options.identity, { role: 'central', name }, onProblem), authority: undefined };
}
