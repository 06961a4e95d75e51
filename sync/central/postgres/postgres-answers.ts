import type { AnswersElsewhere } from '../central-store.ts';
import type { PostgresDatabase, Statements } from './database.ts';

/** How often processes tell each other, milliseconds. */
const EVERY_MS = 10_000;

/** Answers that are older say nothing of what is now, milliseconds. */
const OLD_MS = 10 * 60_000;

export interface PostgresAnswersParts {
  readonly db: PostgresDatabase;
  /** Name of this process, which no other has. */
  readonly holder: string;
  /** EVERY_MS unless a test is in a hurry. */
  readonly everyMs?: number;
}

/** The boot of a gateway that answered this process last. */
interface OwnAnswer {
  readonly boot: string;
  /** When it was asked last, performance.now(). */
  askedMs: number;
  /** False until the others know of that. */
  isTold: boolean;
  /** By when this boot had answered for the first time, by the clock of the database, milliseconds; undefined until it was told. */
  known: number | undefined;
}

/** What another process has said of a gateway; when, by the clock of the database, milliseconds. */
interface OtherAnswer {
  readonly name: string;
  readonly holder: string;
  readonly boot: string;
  readonly asked: number;
}

/**
 * Which boots of gateways answer to which process of a central over PostgreSQL: of two boxes with one name each may have its line to another one, and none sees
 * both. Each process tells the last that answered it. Of two answers it is sure which was the later by the clock of the database alone: an answer is at or after the
 * time that is told of it, and this process had its own by the time at which it told of it. So a box that started anew is never taken for two.
 */
export class PostgresAnswers implements AnswersElsewhere {
  readonly #parts: PostgresAnswersParts;
  readonly #own = new Map<string, OwnAnswer>();
  /** When the answers were asked that were heard of the last time, by gateway and process. */
  #taken: ReadonlyMap<string, number> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #exchanging: Promise<void> | undefined;
  /** Whether the last exchange got through. */
  #isThrough = false;

  constructor(parts: PostgresAnswersParts) {
    this.#parts = parts;
  }

  start(onAnswer: (gateway: string, boot: string) => void): void {
    this.#timer ??= setInterval(() => {
      // What fails is told the next time.
      this.#exchanging ??= this.exchange(onAnswer)
        .catch(() => {
          this.#isThrough = false;
        })
        .finally(() => {
          this.#exchanging = undefined;
        });
    }, this.#parts.everyMs ?? EVERY_MS).unref();
  }

  note(gateway: string, boot: string, askedMs: number): void {
    if (boot === '') return;
    const own = this.#own.get(gateway);
    if (own?.boot !== boot) {
      this.#own.set(gateway, { boot, askedMs, isTold: false, known: undefined });
    } else if (askedMs > own.askedMs) {
      own.askedMs = askedMs;
      own.isTold = false;
    }
  }

  /** Tells the others what is new, and hears what they told. @throws CaissonError `store-failed` */
  async exchange(onAnswer: (gateway: string, boot: string) => void): Promise<void> {
    if (this.#own.size === 0) return;
    const told = [...this.#own]
      .filter(([, { isTold }]) => !isTold)
      .map(([gateway, own]) => ({ gateway, own, askedMs: own.askedMs }));
    const { now, others } = await this.#parts.db.change(async (statements) => {
      const time = await timeOf(statements);
      const sinceMs = performance.now();
      if (!this.#isThrough)
        await statements.query('DELETE FROM answers WHERE asked < to_timestamp($1)', [(time - OLD_MS) / 1e3]);
      await this.#tell(
        statements,
        told.map(({ gateway, own, askedMs }) => [gateway, own.boot, (time - (sinceMs - askedMs)) / 1e3]),
      );
      return { now: time, others: await this.#heard(statements, time - OLD_MS) };
    });
    this.#isThrough = true;
    for (const { own, askedMs } of told) {
      own.isTold = own.askedMs === askedMs;
      own.known ??= now;
    }
    for (const other of others) if (this.#isNews(other)) onAnswer(other.name, other.boot);
    this.#taken = new Map(others.map((other) => [keyOf(other), other.asked]));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#exchanging;
    if (!this.#isThrough) return;
    // Where it does not get through, they are too old soon.
    await this.#parts.db
      .change((statements) => statements.query('DELETE FROM answers WHERE holder = $1', [this.#parts.holder]))
      .catch(() => {});
  }

  /** Whether it tells of another boot, after this process had its own. */
  #isNews(other: OtherAnswer): boolean {
    const own = this.#own.get(other.name);
    if (own?.known === undefined || other.boot === own.boot) return false;
    return other.asked > own.known && other.asked > (this.#taken.get(keyOf(other)) ?? 0);
  }

  /** @param rows name of the gateway, boot, seconds by the clock of the database */
  async #tell(statements: Statements, rows: readonly (readonly [string, string, number])[]): Promise<void> {
    if (rows.length === 0) return;
    await statements.query(
      `INSERT INTO answers SELECT number, $1, boot, to_timestamp(asked)
         FROM unnest($2::text[], $3::text[], $4::double precision[]) AS told (name, boot, asked) JOIN gateway_numbers USING (name)
         ORDER BY number ON CONFLICT (gateway, holder) DO UPDATE SET boot = excluded.boot, asked = excluded.asked`,
      [this.#parts.holder, ...[0, 1, 2].map((column) => rows.map((row) => row[column]))],
    );
  }

  async #heard(statements: Statements, since: number): Promise<OtherAnswer[]> {
    const { rows } = await statements.query(
      `SELECT name, holder, boot, (EXTRACT(EPOCH FROM asked) * 1000)::double precision AS asked FROM answers JOIN gateway_numbers ON number = gateway
         WHERE holder <> $1 AND name = ANY($2::text[]) AND asked > to_timestamp($3) ORDER BY asked`,
      [this.#parts.holder, [...this.#own.keys()], since / 1e3],
    );
    return rows as OtherAnswer[];
  }
}

function keyOf({ name, holder }: OtherAnswer): string {
  return `${name} ${holder}`;
}

/** When the transaction began, by the clock of the database, milliseconds. */
async function timeOf(statements: Statements): Promise<number> {
  const { rows } = await statements.query('SELECT (EXTRACT(EPOCH FROM now()) * 1000)::double precision AS now');
  return Number((rows as { now: number }[])[0]?.now);
}
