import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort } from '../../free-port.ts';

/** Where Debian keeps the programs of each version. */
const VERSIONS = '/usr/lib/postgresql';

/** How long it may take to let clients in, and the time between two looks, milliseconds. */
const START_MS = 240_000;
const LOOK_MS = 50;

/** A PostgreSQL of its own for a test, with nothing but its defaults that matter: every commit is fsynced. */
export class PostgresServer {
  readonly port: number;
  readonly #dir: string;
  readonly #bin: string;
  readonly #user: { uid?: number; gid?: number };
  #child: ChildProcess | undefined;
  #databases = 0;

  private constructor(dir: string, port: number) {
    this.#dir = dir;
    this.port = port;
    const newest =
      readdirSync(VERSIONS)
        .sort((a, b) => Number(a) - Number(b))
        .at(-1) ?? '';
    this.#bin = join(VERSIONS, newest, 'bin');
    // It refuses to run as root.
    const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    this.#user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  }

  static async start(): Promise<PostgresServer> {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-postgres-'));
    const server = new PostgresServer(dir, await freePort());
    const { uid, gid } = server.#user;
    chmodSync(dir, 0o700);
    if (uid !== undefined && gid !== undefined) chownSync(dir, uid, gid);
    const initdb = ['-D', join(dir, 'data'), '-A', 'trust', '-U', 'caisson', '-E', 'UTF8', '--locale=C', '--no-sync'];
    execFileSync(join(server.#bin, 'initdb'), initdb, { ...server.#user, cwd: dir, stdio: 'ignore' });
    await server.startAgain();
    return server;
  }

  /** Starts it in the folder that it has; resolves when it lets clients in. */
  async startAgain(): Promise<void> {
    const args = ['-D', join(this.#dir, 'data'), '-p', String(this.port), '-h', '127.0.0.1', '-k', this.#dir];
    for (const end = performance.now() + START_MS; ; await setTimeout(LOOK_MS)) {
      // It does not start while processes of the one that was killed still end.
      if (!this.#isUp()) {
        this.#child = spawn(join(this.#bin, 'postgres'), args, { ...this.#user, cwd: this.#dir, stdio: 'ignore' });
      }
      try {
        await this.#run('postgres', 'SELECT 1');
        return;
      } catch (error) {
        if (performance.now() > end) throw error;
      }
    }
  }

  /** Kills it: all of its processes end without a word, and nothing that is not on disk remains. */
  async kill(signal: 'SIGKILL' | 'SIGQUIT' | 'SIGINT' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.#isUp()) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  /** Makes an empty database; returns its address. */
  async database(): Promise<string> {
    this.#databases += 1;
    const name = `test${this.#databases}`;
    await this.#run('postgres', `CREATE DATABASE ${name}`);
    return this.#urlOf(name);
  }

  async dispose(): Promise<void> {
    await this.kill('SIGINT');
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #isUp(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #urlOf(database: string): string {
    return `postgres://caisson@127.0.0.1:${this.port}/${database}`;
  }

  async #run(database: string, sql: string): Promise<void> {
    const client = new Client({ connectionString: this.#urlOf(database) });
    client.on('error', () => {});
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }
}
