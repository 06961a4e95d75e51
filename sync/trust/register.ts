import { createHash, randomBytes } from 'node:crypto';
import { CaissonError } from '../../gateway/errors.ts';
import { type Database, openDatabase } from '../../gateway/store/database.ts';
import { type PeerName, type PeerRole, peerText } from './peer-name.ts';
import type { Revoked } from './revocation-list.ts';
import { dateText } from './verify-peer.ts';

const SECRET_BYTES = 16;
const SERIAL_BYTES = 16;
const CACHE_KIB = 256;

/** Invitations that wait to be used. At the maximum: refused, until some have expired. */
const INVITES_MAX = 10_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS invites (
    secret_hash BLOB PRIMARY KEY,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    hosts TEXT NOT NULL,
    expires INTEGER NOT NULL,
    used INTEGER,
    used_by BLOB
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS certificates (
    serial TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    hosts TEXT NOT NULL,
    issued INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER,
    cause TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS certificates_of ON certificates (role, name);
`;

/** A certificate that was issued. Times are UTC, milliseconds. */
export interface IssuedCertificate extends PeerName {
  readonly serial: string;
  readonly hosts: readonly string[];
  readonly issued: number;
  readonly expires: number;
  /** When and why it was taken back. */
  readonly revoked?: number;
  readonly cause?: string;
}

interface InviteRow {
  readonly role: PeerRole;
  readonly name: string;
  readonly hosts: string;
  readonly expires: number;
  readonly used: number | null;
  readonly used_by: Buffer | null;
}

interface CertificateRow {
  readonly serial: string;
  readonly role: PeerRole;
  readonly name: string;
  readonly hosts: string;
  readonly issued: number;
  readonly expires: number;
  readonly revoked: number | null;
  readonly cause: string | null;
}

/**
 * What an authority has invited, issued and taken back. Commands write it while central runs: both see each other's changes.
 * Of a secret only its digest is kept.
 */
export class TrustRegister {
  readonly #db: Database;

  private constructor(db: Database) {
    this.#db = db;
  }

  /** @throws CaissonError `store-unusable` */
  static open(path: string): TrustRegister {
    const db = openDatabase(path, { cacheKiB: CACHE_KIB });
    db.exec(SCHEMA);
    return new TrustRegister(db);
  }

  close(): void {
    this.#db.close();
  }

  /** Changes whenever another connection has changed something. */
  get version(): number {
    return Number(this.#db.pragma('data_version', { simple: true }));
  }

  /**
   * Makes an invitation that can be used once; returns its secret.
   * @throws CaissonError `invite-refused` where too many wait
   */
  invite(peer: PeerName, hosts: readonly string[], { nowMs, expiresMs }: { nowMs: number; expiresMs: number }): Buffer {
    const secret = randomBytes(SECRET_BYTES);
    this.#transaction(() => {
      this.#db.prepare('DELETE FROM invites WHERE expires < ?').run(nowMs);
      const waiting = Number(this.#db.prepare('SELECT count(*) FROM invites').pluck().get());
      if (waiting >= INVITES_MAX) {
        throw new CaissonError('invite-refused', `${waiting} invitations wait, no more can be`, { retryable: true });
      }
      this.#db
        .prepare('INSERT INTO invites (secret_hash, role, name, hosts, expires) VALUES (?, ?, ?, ?, ?)')
        .run(digest(secret), peer.role, peer.name, hosts.join(' '), Math.ceil(expiresMs));
    });
    return secret;
  }

  /**
   * Uses an invitation for the key with that digest. The same key may come again, as after an answer that was lost. Whatever was
   * issued before under that name is taken back: there is one certificate a name.
   * @throws CaissonError `invite-refused` saying why
   */
  use(
    secret: Uint8Array,
    key: Uint8Array,
    life: { readonly nowMs: number; readonly expiresMs: number },
  ): { readonly peer: PeerName; readonly hosts: readonly string[]; readonly serial: Buffer } {
    return this.#transaction(() => {
      const hash = digest(secret);
      const invite = this.#db.prepare('SELECT * FROM invites WHERE secret_hash = ?').get(hash) as InviteRow | undefined;
      if (invite === undefined) throw refused('central knows no such token', 'it may have expired; ask for a new one');
      const { role, name, used, used_by: usedBy } = invite;
      if (life.nowMs >= invite.expires) throw refused(`the token expired ${dateText(invite.expires)}`);
      if (used !== null && usedBy?.equals(key) !== true) {
        throw refused(
          `the token was used ${dateText(used)}`,
          `where that was not you, take the certificate back: \`caisson revoke ${name}\``,
        );
      }
      this.#db.prepare('UPDATE invites SET used = ?, used_by = ? WHERE secret_hash = ?').run(life.nowMs, key, hash);
      this.revoke({ role, name }, 'enrolled again', life.nowMs);
      const peer = { role, name };
      const hosts = invite.hosts === '' ? [] : invite.hosts.split(' ');
      return { peer, hosts, serial: this.#issue(peer, hosts, life) };
    });
  }

  /**
   * A new certificate in the place of `serial`, which stays good until it expires.
   * @throws CaissonError `access-refused` where that one is not of this register, or was taken back
   */
  renew(
    serial: string,
    life: { readonly nowMs: number; readonly expiresMs: number },
  ): { readonly peer: PeerName; readonly hosts: readonly string[]; readonly serial: Buffer } {
    return this.#transaction(() => {
      const old = this.#db.prepare('SELECT * FROM certificates WHERE serial = ?').get(serial) as
        | CertificateRow
        | undefined;
      if (old === undefined || old.revoked !== null) {
        throw new CaissonError('access-refused', `certificate ${serial} is not known here or was revoked`);
      }
      const { peer, hosts } = issuedOf(old);
      return { peer, hosts, serial: this.#issue(peer, hosts, life) };
    });
  }

  /** Takes note of a certificate that central issues to itself; returns its serial number. */
  issue(peer: PeerName, hosts: readonly string[], life: { nowMs: number; expiresMs: number }): Buffer {
    return this.#transaction(() => this.#issue(peer, hosts, life));
  }

  /** Takes back what was issued under a name and has not expired; returns how many that are. */
  revoke({ role, name }: PeerName, cause: string, nowMs: number): number {
    const { changes } = this.#db
      .prepare(
        'UPDATE certificates SET revoked = ?, cause = ? WHERE role = ? AND name = ? AND revoked IS NULL AND expires > ?',
      )
      .run(Math.floor(nowMs), cause, role, name, Math.floor(nowMs));
    return changes;
  }

  /** What was taken back and would not have expired yet, and a number that grows with every change of it. */
  revoked(nowMs: number): { readonly number: number; readonly revoked: readonly Revoked[] } {
    const rows = this.#db
      .prepare(
        'SELECT serial, revoked AS atMs FROM certificates WHERE revoked IS NOT NULL AND expires > ? ORDER BY serial',
      )
      .all(Math.floor(nowMs)) as Revoked[];
    const number = Number(
      this.#db.prepare('SELECT count(*) FROM certificates WHERE revoked IS NOT NULL').pluck().get(),
    );
    return { number, revoked: rows };
  }

  /** Every certificate, by name and age. */
  certificates(): IssuedCertificate[] {
    const rows = this.#db.prepare('SELECT * FROM certificates ORDER BY role, name, issued').all() as CertificateRow[];
    return rows.map((row) => {
      const { peer, hosts } = issuedOf(row);
      const { serial, issued, expires, revoked, cause } = row;
      return {
        ...{ ...peer, serial, hosts, issued, expires },
        ...(revoked !== null && { revoked }),
        ...(cause !== null && { cause }),
      };
    });
  }

  /** @throws CaissonError `invite-refused` where nothing was ever issued under that name */
  requireKnown(peer: PeerName): void {
    const known = this.#db.prepare('SELECT 1 FROM certificates WHERE role = ? AND name = ?').get(peer.role, peer.name);
    if (known !== undefined) return;
    throw new CaissonError('invite-refused', `no certificate was ever issued to ${peerText(peer)}`, {
      hint: '--role says whether a gateway, a central or a reader is meant',
    });
  }

  #issue(peer: PeerName, hosts: readonly string[], { nowMs, expiresMs }: { nowMs: number; expiresMs: number }): Buffer {
    const serial = newSerial();
    this.#db
      .prepare('INSERT INTO certificates (serial, role, name, hosts, issued, expires) VALUES (?, ?, ?, ?, ?, ?)')
      .run(
        serial.toString('hex').toUpperCase(),
        peer.role,
        peer.name,
        hosts.join(' '),
        Math.floor(nowMs),
        Math.floor(expiresMs),
      );
    return serial;
  }

  #transaction<T>(work: () => T): T {
    return this.#db.transaction(work).immediate();
  }
}

/** A serial number that nobody has: 16 bytes by chance, of which the first is neither 0 nor makes it negative. */
export function newSerial(): Buffer {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

function issuedOf({ role, name, hosts }: CertificateRow): { peer: PeerName; hosts: string[] } {
  return { peer: { role, name }, hosts: hosts === '' ? [] : hosts.split(' ') };
}

function digest(secret: Uint8Array): Buffer {
  return createHash('sha256').update(secret).digest();
}

function refused(message: string, hint?: string): CaissonError {
  return new CaissonError('invite-refused', message, { ...(hint !== undefined && { hint }) });
}
