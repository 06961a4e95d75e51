import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../gateway/durable-files.ts';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { type Address, formatAddress, parseAddress } from '../api/address.ts';
import type { Issued } from './authority.ts';
import type { Credentials, Identity } from './identity.ts';
import { readRevocationList } from './revocation-list.ts';
import { peerOf } from './verify-peer.ts';

/** How often the files are looked at, milliseconds. */
const LOOK_MS = 2000;

/** More than an identity takes. */
const PROBE_BYTES = 65_536;

/** Mode of what only its owner may read. */
const PRIVATE = 0o600;

function pathsIn(dir: string) {
  return {
    /** Key and certificate in one file: they change together. */
    identity: join(dir, 'identity.pem'),
    authority: join(dir, 'authority.pem'),
    revoked: join(dir, 'revoked.crl'),
    central: join(dir, 'central.txt'),
  };
}

/**
 * Makes the folder of an identity, and sees that files can be written there: a token that was spent for nothing does not come back.
 * @throws CaissonError `trust-unusable`
 */
export function makeIdentityFolder(dir: string): void {
  const probe = join(dir, 'probe');
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeWhole(probe, Buffer.alloc(PROBE_BYTES), PRIVATE);
  } catch (cause) {
    throw new CaissonError('trust-unusable', `${dir} cannot be written: ${messageOf(cause)}`, { cause });
  } finally {
    if (existsSync(dir)) for (const path of [probe, `${probe}.part`]) rmSync(path, { force: true });
  }
}

/**
 * Keeps what was issued to a key. The key's file can be read by its owner only.
 * @param key PEM
 * @throws CaissonError `trust-unusable`
 */
export function keepIdentity(
  dir: string,
  { certificate, authority, revocations }: Issued,
  { key, central }: { readonly key: string; readonly central: Address },
): void {
  const paths = pathsIn(dir);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
    writeWhole(paths.central, `${formatAddress(central)}\n`, PRIVATE);
    writeWhole(paths.revoked, revocations, PRIVATE);
    writeWhole(paths.authority, authority, PRIVATE);
    writeWhole(paths.identity, `${key.trimEnd()}\n${certificate}`, PRIVATE);
  } catch (cause) {
    throw new CaissonError('trust-unusable', `${dir} cannot be written: ${messageOf(cause)}`, { cause });
  }
}

/** Whether somebody enrolled into that folder. */
export function hasIdentity(dir: string): boolean {
  return existsSync(pathsIn(dir).identity);
}

/** The identity that `caisson enroll` left in a folder. It follows its files. */
export class IdentityFolder implements Identity {
  readonly dir: string;
  readonly #listeners = new Set<() => void>();
  readonly #onProblem: (text: string) => void;
  readonly #timer: NodeJS.Timeout;
  #credentials: Credentials;
  #version: string;

  private constructor(dir: string, onProblem: (text: string) => void) {
    this.dir = dir;
    this.#onProblem = onProblem;
    this.#version = versionOf(dir);
    this.#credentials = readCredentials(dir);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /**
   * @param onProblem told when new files cannot be used, and the old ones stay in use
   * @throws CaissonError `trust-unusable`
   */
  static open(dir: string, onProblem: (text: string) => void = () => {}): IdentityFolder {
    return new IdentityFolder(dir, onProblem);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  get credentials(): Credentials {
    return this.#credentials;
  }

  /** Central that it enrolled at. */
  get central(): Address {
    return parseAddress(readFileSync(pathsIn(this.dir).central, 'utf8').trim());
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes a renewed certificate with its new key into use. */
  renew(issued: Issued, key: string): void {
    keepIdentity(this.dir, issued, { key, central: this.central });
    this.#look();
  }

  /** Takes a newer list of what was taken back into use; an older one changes nothing. */
  keepRevocations(list: Uint8Array): void {
    const { authority } = this.#credentials;
    const path = pathsIn(this.dir).revoked;
    if (readRevocationList(list, authority).number <= readRevocationList(readFileSync(path), authority).number) return;
    writeWhole(path, list, PRIVATE);
    this.#look();
  }

  #look(): void {
    const version = versionOf(this.dir);
    if (version === this.#version) return;
    this.#version = version;
    try {
      this.#credentials = readCredentials(this.dir);
    } catch (error) {
      this.#onProblem(messageOf(error));
      return;
    }
    for (const listener of this.#listeners) listener();
  }
}

function readCredentials(dir: string): Credentials {
  const paths = pathsIn(dir);
  if (!existsSync(paths.identity)) {
    throw new CaissonError('trust-unusable', `there is no identity in ${dir}`, {
      hint: `\`caisson enroll TOKEN --identity ${dir}\` gets one; \`caisson invite\` at central makes the token`,
    });
  }
  try {
    const { mode } = statSync(paths.identity);
    if ((mode & 0o077) !== 0) throw new Error(`${paths.identity} can be read by others: chmod 600 it`);
    const pem = readFileSync(paths.identity, 'utf8');
    const certificate = new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE')));
    const key = pem.slice(0, pem.indexOf('-----BEGIN CERTIFICATE'));
    const authority = new X509Certificate(readFileSync(paths.authority));
    const own = peerOf(certificate);
    if (own === undefined) throw new Error('its certificate is of no gateway, central or reader');
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error('key and certificate do not fit');
    const { serials: revoked } = readRevocationList(readFileSync(paths.revoked), authority);
    return { own, key, certificate, authority, revoked };
  } catch (cause) {
    throw new CaissonError('trust-unusable', `the identity in ${dir} cannot be used: ${messageOf(cause)}`, {
      cause,
      hint: '`caisson invite` at central and `caisson enroll` here make it anew',
    });
  }
}

function versionOf(dir: string): string {
  const { identity, revoked } = pathsIn(dir);
  return [identity, revoked]
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? '-' : `${stat.ino}/${stat.mtimeMs}`))
    .join(' ');
}
