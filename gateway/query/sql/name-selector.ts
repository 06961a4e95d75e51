import Database from 'better-sqlite3';

/** Whose samples are meant. */
export interface Named {
  readonly channel: string;
  readonly gateway: string;
}

/** `["channel", "=", "car7/engine/rpm"]`, `["gateway", "in", [...]]`, or `["any", condition, ...]`. */
type NameCondition = readonly [string, ...unknown[]];

/** Tells which channels conditions on their names let through, with SQLite's own LIKE and GLOB. */
export class NameSelector {
  readonly #matches: Readonly<Record<string, Database.Statement>>;
  readonly #db = new Database(':memory:');

  constructor() {
    this.#matches = {
      like: this.#db.prepare('SELECT ? LIKE ?').pluck(),
      glob: this.#db.prepare('SELECT ? GLOB ?').pluck(),
    };
  }

  close(): void {
    this.#db.close();
  }

  /** True where all conditions hold, given as JSON. A condition with NULL never holds, as in SQL. */
  selects(conditions: readonly NameCondition[], named: Named): boolean {
    return conditions.every((condition) => this.#holds(condition, named));
  }

  #holds([column, ...rest]: NameCondition, named: Named): boolean {
    if (column === 'any') return rest.some((each) => this.#holds(each as NameCondition, named));
    const name = column === 'gateway' ? named.gateway : named.channel;
    const [operator, value] = rest;
    if (operator === '=') return name === value;
    if (operator === 'in') return (value as unknown[]).includes(name);
    return this.#matches[String(operator)]?.get(name, value) === 1;
  }
}

/** The names of the channel, or of the gateway, that conditions ask for one by one. */
export function namesAskedFor(conditions: readonly NameCondition[], column: 'channel' | 'gateway'): string[] {
  return conditions.flatMap(([each, operator, value]) =>
    each === column && operator === '=' && typeof value === 'string' ? [value] : [],
  );
}

/** Conditions from the JSON that a narrowed statement passes. */
export function parseConditions(json: string): readonly NameCondition[] {
  return JSON.parse(json) as NameCondition[];
}
