import { createHash, timingSafeEqual } from 'node:crypto';

/** A user as the config names it. */
export interface User {
  readonly name: string;
  readonly password: string;
}

/** Who may connect. Comparison takes the same time whether a user exists and how much of a password is right. */
export class Credentials {
  readonly #users: ReadonlyMap<string, Uint8Array>;

  constructor(users: readonly User[]) {
    this.#users = new Map(users.map(({ name, password }) => [name, hash(password)]));
  }

  /** True when anyone who reaches the port may connect. */
  get open(): boolean {
    return this.#users.size === 0;
  }

  accepts(name: string | undefined, password: Uint8Array | undefined): boolean {
    if (this.open) return true;
    const expected = this.#users.get(name ?? '');
    const same = timingSafeEqual(expected ?? hash(''), hash(password ?? ''));
    return same && expected !== undefined && password !== undefined;
  }
}

function hash(password: string | Uint8Array): Uint8Array {
  return createHash('sha256').update(password).digest();
}
