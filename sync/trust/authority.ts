import { createHash, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../gateway/durable-files.ts';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { Address } from '../api/address.ts';
import { issueCertificate, makeAuthority, type Signer } from './certificate.ts';
import { readCertificateRequest } from './certificate-request.ts';
import type { PeerName } from './peer-name.ts';
import { type IssuedCertificate, newSerial, TrustRegister } from './register.ts';
import { makeRevocationList } from './revocation-list.ts';
import { openKey, sealKey } from './sealed-key.ts';
import { formatToken } from './token.ts';
import type { Peer } from './verify-peer.ts';

const DAY_MS = 86_400_000;

/** Life of an authority: longer than that of the boxes it vouches for. */
const AUTHORITY_LIFE_MS = 30 * 365 * DAY_MS;

/** Life of what it issues: a box that stands still over a winter comes back. It is renewed when two thirds have passed. */
export const CERTIFICATE_LIFE_MS = 365 * DAY_MS;

/** How often changes that other processes made are looked for, milliseconds. */
const LOOK_MS = 500;

function authorityPaths(dir: string): { certificate: string; key: string; register: string } {
  return {
    certificate: join(dir, 'authority.pem'),
    key: join(dir, 'authority-key.json'),
    register: join(dir, 'register.db'),
  };
}

/** What who enrols, or renews, gets: PEM, and a list in DER. */
export interface Issued {
  readonly certificate: string;
  readonly authority: string;
  readonly revocations: Buffer;
}

/**
 * Invites: whom it makes a token for may enrol once. Needs no passphrase.
 * @throws CaissonError `trust-unusable` where there is no authority
 */
export function inviteTo(
  dir: string,
  invitation: {
    readonly peer: PeerName;
    readonly hosts: readonly string[];
    /** Where central is dialled. */
    readonly central: Address;
    readonly nowMs: number;
    readonly lifeMs: number;
  },
): string {
  const { peer, hosts, central, nowMs, lifeMs } = invitation;
  const certificate = readAuthority(dir);
  const expiresMs = nowMs + lifeMs;
  return withRegister(dir, (register) => {
    const secret = register.invite(peer, hosts, { nowMs, expiresMs });
    const fingerprint = createHash('sha256').update(certificate.raw).digest();
    return formatToken({ peer, central, fingerprint, secret, madeMs: nowMs, expiresMs });
  });
}

/**
 * Runs `work` with the register of an authority.
 * @throws CaissonError `trust-unusable` where there is no authority
 */
export function withRegister<T>(dir: string, work: (register: TrustRegister) => T): T {
  readAuthority(dir);
  const register = TrustRegister.open(authorityPaths(dir).register);
  try {
    return work(register);
  } finally {
    register.close();
  }
}

/** The certificate authority of one central and everyone it vouches for. */
export class Authority {
  readonly certificate: X509Certificate;
  readonly #signer: Signer;
  readonly #register: TrustRegister;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #version: number;
  #revocations: { readonly number: number; readonly list: Buffer; readonly serials: ReadonlySet<string> } | undefined;

  private constructor(signer: Signer, register: TrustRegister, now: () => number) {
    this.certificate = signer.certificate;
    this.#signer = signer;
    this.#register = register;
    this.#now = now;
    this.#version = register.version;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /**
   * Opens the authority in `dir`, made there if there is none.
   * @param now UTC, milliseconds
   * @throws CaissonError `trust-unusable`
   */
  static open(dir: string, passphrase: string, now: () => number = Date.now): Authority {
    const paths = authorityPaths(dir);
    if (!existsSync(paths.certificate)) makeIn(dir, passphrase, now());
    const certificate = readAuthority(dir);
    const key = openKey(readFileSync(paths.key, 'utf8'), passphrase);
    if (!certificate.checkPrivateKey(key)) {
      throw new CaissonError(
        'trust-unusable',
        `${paths.key} is the key of another authority than ${paths.certificate}`,
      );
    }
    if (now() < Date.parse(certificate.validFrom)) {
      throw new CaissonError(
        'trust-unusable',
        `the clock of this machine says ${new Date(now()).toISOString()}, before the authority in ${dir} was made`,
        { hint: 'set the clock: what it would issue now would be worth nothing' },
      );
    }
    return new Authority({ certificate, key }, TrustRegister.open(paths.register), now);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#register.close();
  }

  /** Serial numbers of the certificates that were taken back. */
  get revoked(): ReadonlySet<string> {
    return this.#list().serials;
  }

  /** The signed list of them, DER. */
  get revocations(): Buffer {
    return this.#list().list;
  }

  /** Every certificate that was issued, by name and age. */
  certificates(): IssuedCertificate[] {
    return this.#register.certificates();
  }

  /** Told when certificates were taken back. Returns what ends that. */
  onRevoked(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Lets in who has the secret of an invitation.
   * @throws CaissonError `invite-refused`, `peer-invalid`
   */
  enroll(secret: Uint8Array, request: Uint8Array): Issued {
    const publicKey = readCertificateRequest(request);
    const life = this.#life();
    const { peer, hosts, serial } = this.#register.use(secret, keyDigest(publicKey), life);
    this.#look(true);
    return this.#issued(peer, hosts, serial, publicKey, life.nowMs);
  }

  /**
   * A new certificate for who has a good one.
   * @throws CaissonError `access-refused`, `peer-invalid`
   */
  renew(of: Peer, request: Uint8Array): Issued {
    const publicKey = readCertificateRequest(request);
    const life = this.#life();
    const { peer, hosts, serial } = this.#register.renew(of.serial, life);
    return this.#issued(peer, hosts, serial, publicKey, life.nowMs);
  }

  /** What changed for those who keep their certificate. */
  news(): Issued {
    return { certificate: '', authority: this.certificate.toString(), revocations: this.revocations };
  }

  /** A certificate for central itself. Whatever it had before stays good: several of one name may run. */
  issueTo(peer: PeerName, hosts: readonly string[], publicKey: KeyObject): Issued {
    const life = this.#life();
    return this.#issued(peer, hosts, this.#register.issue(peer, hosts, life), publicKey, life.nowMs);
  }

  #issued(peer: PeerName, hosts: readonly string[], serial: Buffer, publicKey: KeyObject, nowMs: number): Issued {
    const certificate = issueCertificate(this.#signer, {
      ...{ peer, hosts, publicKey, serial, nowMs },
      lifeMs: CERTIFICATE_LIFE_MS,
    });
    return {
      certificate: certificate.toString(),
      authority: this.certificate.toString(),
      revocations: this.revocations,
    };
  }

  #life(): { nowMs: number; expiresMs: number } {
    const nowMs = this.#now();
    return { nowMs, expiresMs: Math.min(nowMs + CERTIFICATE_LIFE_MS, Date.parse(this.certificate.validTo)) };
  }

  #look(isChanged = false): void {
    const version = this.#register.version;
    if (version === this.#version && !isChanged) return;
    this.#version = version;
    const before = this.#revocations?.number;
    this.#revocations = undefined;
    if (this.#list().number !== before) for (const listener of this.#listeners) listener();
  }

  #list(): { readonly number: number; readonly list: Buffer; readonly serials: ReadonlySet<string> } {
    if (this.#revocations === undefined) {
      const nowMs = this.#now();
      const { number, revoked } = this.#register.revoked(nowMs);
      const list = makeRevocationList(this.#signer, { number, revoked, nowMs });
      this.#revocations = { number, list, serials: new Set(revoked.map(({ serial }) => serial)) };
    }
    return this.#revocations;
  }
}

function makeIn(dir: string, passphrase: string, nowMs: number): void {
  const paths = authorityPaths(dir);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serial = newSerial();
  const name = `Caisson authority ${serial.toString('hex', 0, 4)}`;
  const sealed = sealKey(privateKey, passphrase);
  const certificate = makeAuthority({
    ...{ name, publicKey, serial, nowMs },
    key: privateKey,
    lifeMs: AUTHORITY_LIFE_MS,
  });
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
    writeWhole(paths.key, sealed, 0o600);
    // Last: from now on there is an authority.
    writeWhole(paths.certificate, certificate.toString(), 0o644);
  } catch (cause) {
    throw new CaissonError('trust-unusable', `no authority can be made in ${dir}: ${messageOf(cause)}`, { cause });
  }
}

function readAuthority(dir: string): X509Certificate {
  const path = authorityPaths(dir).certificate;
  try {
    return new X509Certificate(readFileSync(path));
  } catch (cause) {
    throw new CaissonError('trust-unusable', `there is no authority in ${dir}: ${messageOf(cause)}`, {
      cause,
      hint: `\`caisson central --authority ${dir}\` makes it when it first runs`,
    });
  }
}

function keyDigest(key: KeyObject): Buffer {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}
