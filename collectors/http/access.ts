import { Buffer } from 'node:buffer';
import { Credentials } from '../credentials.ts';
import type { HttpSettings } from './http-config.ts';

/** Who may write: users by name and password, others by token, in each of the ways that clients of InfluxDB use. */
export class Access {
  readonly #users: Credentials;
  readonly #tokens: Credentials;
  readonly #tokenNames: readonly string[];
  /** True when anyone who reaches the port may write. */
  readonly isOpen: boolean;

  constructor({ users, tokens }: Pick<HttpSettings, 'users' | 'tokens'>) {
    this.#users = new Credentials(users);
    this.#tokens = new Credentials(tokens.map(({ name, token }) => ({ name, password: token })));
    this.#tokenNames = tokens.map(({ name }) => name);
    this.isOpen = users.length + tokens.length === 0;
  }

  /** @param authorization the header of that name */
  allows(authorization: string | undefined, query: URLSearchParams): boolean {
    if (this.isOpen) return true;
    const [scheme = '', rest = ''] = split(authorization ?? '', ' ');
    switch (scheme.toLowerCase()) {
      case 'basic':
        return this.#isPair(Buffer.from(rest, 'base64').toString('utf8'));
      case 'token':
      case 'bearer':
        return this.#isToken(rest.trim()) || this.#isPair(rest.trim());
      default:
        return this.#isUser(query.get('u') ?? '', query.get('p') ?? '');
    }
  }

  /** `name:password`; clients of InfluxDB 2 that speak to InfluxDB 1 send that in place of a token. */
  #isPair(text: string): boolean {
    const [name, password] = split(text, ':');
    return this.#isUser(name, password) || this.#isToken(password);
  }

  #isUser(name: string, password: string): boolean {
    return !this.#users.open && this.#users.accepts(name, Buffer.from(password));
  }

  #isToken(token: string): boolean {
    const bytes = Buffer.from(token);
    let isOne = false;
    // All are compared, so that the time tells nothing.
    for (const name of this.#tokenNames) isOne = this.#tokens.accepts(name, bytes) || isOne;
    return isOne;
  }
}

/** What stands before and behind the first `separator`. */
function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
