import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface IssueOptions {
  /** Days until it expires; below 0 it has. */
  readonly days?: number;
  /** What it is for; loopback by name and address if not said. */
  readonly altNames?: string;
  /** Authority that vouches for it, as {@link Certificates.authority} made it. */
  readonly authority?: Pair;
}

const LOOPBACK = 'DNS:localhost,IP:127.0.0.1';
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Certificates that openssl makes in a folder which goes with the test. */
export class Certificates {
  readonly folder: string;
  /** Authority of all that say no other. */
  readonly ca: Pair;

  constructor(t: Test) {
    this.folder = mkdtempSync(join(tmpdir(), 'caisson-tls-'));
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }));
    this.ca = this.authority('ca');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A certificate that vouches for itself and for others. */
  authority(name: string): Pair {
    const pair = this.#pair(name);
    this.#run([
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      pair.key,
      '-out',
      pair.cert,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    ]);
    return pair;
  }

  /** A certificate for a common name. Made again under the same name, it takes the place of the old one. */
  issue(name: string, { days = 2, altNames = LOOPBACK, authority = this.ca }: IssueOptions = {}): Pair {
    const pair = this.#pair(name);
    const [request, extensions] = [this.path(`${name}.csr`), this.path(`${name}.ext`)];
    writeFileSync(extensions, `subjectAltName=${altNames}\n`);
    this.#run(['req', '-new', ...NEW_KEY, '-keyout', pair.key, '-out', request, '-subj', `/CN=${name}`]);
    const by = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial'];
    this.#run([
      'x509',
      '-req',
      '-in',
      request,
      ...by,
      '-days',
      String(days),
      '-extfile',
      extensions,
      '-out',
      pair.cert,
    ]);
    return pair;
  }

  #pair(name: string): Pair {
    return { cert: this.path(`${name}.crt`), key: this.path(`${name}.key`) };
  }

  #run(args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' });
  }
}
