import { DatabaseError, Pool, type PoolClient, type PoolConfig, types } from 'pg';
import { CaissonError, messageOf } from '../../../gateway/errors.ts';

/** Connections of one process. At the maximum: callers wait for one. */
const CONNECTIONS_MAX = 8;

/** How long a connection, a statement, and a transaction that does nothing may take, milliseconds. */
const CONNECT_MS = 10_000;
const STATEMENT_MS = 60_000;
const IDLE_TRANSACTION_MS = 30_000;

/** Type ids of numbers that come as text, because they may exceed a float64. Ours do not: see `ids.ts`. */
const INT8 = 20;

/** Times that a transaction is tried which another one was in the way of. */
const TRIES_MAX = 5;

/** What PostgreSQL and its kin call a transaction that may succeed when it is tried again: serialization failure, deadlock. */
const IN_THE_WAY: ReadonlySet<string> = new Set(['40001', '40P01']);

/** Whatever the server does by default, what is acknowledged must be on its disk. */
const BEGIN_DURABLE = `BEGIN; SELECT set_config('synchronous_commit', 'on', true)
  WHERE current_setting('synchronous_commit') = 'off'`;

/** What statements are run with, within a transaction. */
export type Statements = Pick<PoolClient, 'query'>;

/** A database that speaks PostgreSQL's protocol: its connections, and transactions over them. */
export class PostgresDatabase {
  readonly #pool: Pool;
  readonly #place: string;

  /** @param url `postgres://user@host:port/database` */
  constructor(url: string) {
    this.#place = placeOf(url);
    const config: PoolConfig = {
      connectionString: url,
      max: CONNECTIONS_MAX,
      // What does not wait for an answer travels at once: a commit takes one round trip, not one a statement.
      pipeline: true,
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: STATEMENT_MS,
      query_timeout: STATEMENT_MS + CONNECT_MS,
      idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS,
      keepAlive: true,
      application_name: 'caisson central',
      types: {
        getTypeParser: (id: number, format?: 'text' | 'binary') =>
          id === INT8 && format !== 'binary' ? Number : types.getTypeParser(id, format),
      },
    };
    this.#pool = new Pool(config);
    // A connection that breaks while nobody uses it is replaced by the next that is needed.
    this.#pool.on('error', () => {});
    // One may also break when it is handed out and not yet used: an error that nobody hears ends the process.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /**
   * Runs `change` in a transaction; when the promise resolves, it is on disk. When it rejects because a connection broke at
   * the end, the change may have been made all the same.
   * @throws CaissonError `store-failed`
   */
  change<Result>(change: (statements: Statements) => Promise<Result>): Promise<Result> {
    return this.#run((client) => transaction(client, BEGIN_DURABLE, change));
  }

  /**
   * As {@link PostgresDatabase.change}, of statements of which none needs what another answers: they and the commit travel
   * at once. Where one of them fails nothing is committed.
   * @param write sends the statements; may be called several times, of which the last counts
   */
  send(write: (statements: Statements) => readonly Promise<unknown>[]): Promise<void> {
    return this.#run((client) => sentTransaction(client, write));
  }

  /** Runs `read` on one state of the database, whatever is committed meanwhile. @throws CaissonError `store-failed` */
  read<Result>(read: (statements: Statements) => Promise<Result>): Promise<Result> {
    const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';
    return this.#run((client) => transaction(client, begin, read));
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #run<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#once(work);
      } catch (error) {
        if (error instanceof DatabaseError && IN_THE_WAY.has(error.code ?? '') && tries < TRIES_MAX) continue;
        throw error instanceof CaissonError ? error : this.#failed(error);
      }
    }
  }

  async #once<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    const onError = (error: Error) => {
      broken = error;
    };
    client.on('error', onError);
    try {
      return await work(client);
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => {
        broken = failure;
      });
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  #failed(error: unknown): CaissonError {
    return new CaissonError('store-failed', `PostgreSQL at ${this.#place}: ${messageOf(error)}`, {
      cause: error,
      hint: 'is it up, and does it let this user in?',
      retryable: true,
    });
  }
}

async function transaction<Result>(
  client: PoolClient,
  begin: string,
  work: (statements: Statements) => Promise<Result>,
): Promise<Result> {
  const begun = client.query(begin);
  // Where it fails, so does what follows it.
  begun.catch(() => {});
  const result = await work(client);
  await begun;
  await client.query('COMMIT');
  return result;
}

async function sentTransaction(
  client: PoolClient,
  write: (statements: Statements) => readonly Promise<unknown>[],
): Promise<void> {
  const begun = client.query(BEGIN_DURABLE);
  const sent = write(client);
  // Behind a statement that failed, this takes back what came before.
  const committed = client.query('COMMIT');
  for (const outcome of await Promise.allSettled([begun, ...sent, committed])) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

/** Host, port and database, without what lets anyone in. */
function placeOf(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `${host}${pathname}`;
  } catch {
    throw new CaissonError('config-invalid', 'the address of the database is malformed', {
      hint: 'postgres://user@host:5432/database',
    });
  }
}
