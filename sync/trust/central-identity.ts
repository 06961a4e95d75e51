import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import type { Authority } from './authority.ts';
import { type Credentials, type Identity, isRenewalDue } from './identity.ts';
import type { PeerName } from './peer-name.ts';
import { peerOf } from './verify-peer.ts';

/** How often its own certificate is looked at, milliseconds. */
const LOOK_MS = 3600_000;

/** The identity of the central that is the authority: it issues itself a certificate, whose key stays in memory. */
export class CentralIdentity implements Identity {
  readonly #authority: Authority;
  readonly #peer: PeerName;
  readonly #hosts: readonly string[];
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  readonly #unlisten: () => void;
  #credentials: Credentials;

  /** @param hosts names and addresses by which it is dialled, for tools that check them */
  constructor(authority: Authority, name: string, hosts: readonly string[]) {
    this.#authority = authority;
    this.#peer = { role: 'central', name };
    this.#hosts = hosts;
    this.#credentials = this.#issue();
    this.#unlisten = authority.onRevoked(() => this.#take({ ...this.#credentials, revoked: authority.revoked }));
    this.#timer = setInterval(() => {
      if (isRenewalDue(this.#credentials, Date.now())) this.#take(this.#issue());
    }, LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#unlisten();
    this.#listeners.clear();
  }

  get credentials(): Credentials {
    return this.#credentials;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(credentials: Credentials): void {
    this.#credentials = credentials;
    for (const listener of this.#listeners) listener();
  }

  #issue(): Credentials {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const issued = this.#authority.issueTo(this.#peer, this.#hosts, publicKey);
    const certificate = new X509Certificate(issued.certificate);
    const own = peerOf(certificate);
    if (own === undefined) throw new Error(`a certificate for ${this.#peer.name} does not say whom it is of`);
    return {
      own,
      key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      certificate,
      authority: this.#authority.certificate,
      revoked: this.#authority.revoked,
    };
  }
}
