import { CaissonError } from '../../../gateway/errors.ts';
import type { Row } from '../../../gateway/store/block-rows.ts';
import { NOTHING_OUTLINED } from '../../fidelity/outlined.ts';
import type { PostgresDatabase, Statements } from './database.ts';
import { HeldGateway } from './held-gateway.ts';
import { GATEWAYS_MAX, positionsBefore } from './ids.ts';

/** How long a lease is good for after its last renewal, milliseconds. */
export const LEASE_MS = 30_000;

interface Lease {
  readonly held: HeldGateway;
  /** When it was last asked for, performance.now(). */
  usedAt: number;
}

/**
 * The leases of this process: of every gateway that it pulls from it alone writes. A lease is renewed by every commit and, while its line
 * is up, in between; one that is not renewed runs out, and whoever takes it raises its epoch, which no commit
 * under the old one gets past.
 */
export class Leases {
  readonly #db: PostgresDatabase;
  readonly #holder: string;
  readonly #leaseMs: number;
  readonly #leases = new Map<string, Lease>();
  readonly #opening = new Map<string, Promise<HeldGateway>>();
  readonly #timer: NodeJS.Timeout;

  /** @param holder name of this process, which no other has */
  constructor(db: PostgresDatabase, holder: string, leaseMs: number) {
    this.#db = db;
    this.#holder = holder;
    this.#leaseMs = leaseMs;
    this.#timer = setInterval(() => void this.#renew(), leaseMs / 3);
  }

  /**
   * What is known by heart of a gateway, whose lease is taken where it is free.
   * @throws CaissonError `gateway-held`, `store-failed`
   */
  async hold(name: string): Promise<HeldGateway> {
    const lease = this.#leases.get(name);
    if (lease !== undefined) {
      lease.usedAt = performance.now();
      return lease.held;
    }
    let opening = this.#opening.get(name);
    if (opening === undefined) {
      opening = this.#take(name).finally(() => this.#opening.delete(name));
      this.#opening.set(name, opening);
    }
    return opening;
  }

  /** Every gateway that this process holds. */
  all(): HeldGateway[] {
    return [...this.#leases.values()].map(({ held }) => held);
  }

  /** Forgets what is known by heart: after a commit of which it is not sure what became of it. */
  forget(held: HeldGateway): void {
    if (this.#leases.get(held.name)?.held === held) this.#leases.delete(held.name);
  }

  /** Lets others take the leases at once. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const held = this.all();
    this.#leases.clear();
    // Where it does not get through, they run out by themselves.
    await this.#update("holder = '', expires = now()", held).catch(() => {});
  }

  async #take(name: string): Promise<HeldGateway> {
    const held = await this.#db.change(async (statements) => {
      const number = await numberOf(statements, name);
      const { rows } = await statements.query(
        `UPDATE gateways SET holder = $2, epoch = epoch + 1, expires = now() + $3 * interval '1 millisecond'
         WHERE gateway = $1 AND (holder = '' OR holder = $2 OR expires < now()) RETURNING *`,
        [number, this.#holder, this.#leaseMs],
      );
      const [row] = rows as Row[];
      if (row === undefined) throw await heldBy(statements, name, number);
      return HeldGateway.load(statements, name, row);
    });
    this.#leases.set(name, { held, usedAt: performance.now() });
    return held;
  }

  /** Leases of lines that are up are renewed, the others run out: another process may reach the gateway. */
  async #renew(): Promise<void> {
    const since = performance.now() - this.#leaseMs;
    for (const [name, { usedAt }] of this.#leases) if (usedAt < since) this.#leases.delete(name);
    const held = this.all();
    const expires = `expires = now() + ${this.#leaseMs} * interval '1 millisecond'`;
    const renewed = await this.#update(expires, held).catch(() => undefined);
    if (renewed === undefined) return;
    for (const each of held) if (!renewed.has(each.number)) this.forget(each);
  }

  /** Updates the rows of gateways that are still held; returns their numbers. */
  async #update(assignments: string, held: readonly HeldGateway[]): Promise<ReadonlySet<number>> {
    if (held.length === 0) return new Set();
    const { rows } = await this.#db.change((statements) =>
      statements.query(
        `UPDATE gateways SET ${assignments} FROM unnest($1::bigint[], $2::bigint[]) AS mine (gateway, epoch)
         WHERE gateways.gateway = mine.gateway AND gateways.epoch = mine.epoch RETURNING gateways.gateway`,
        [held.map(({ number }) => number), held.map(({ epoch }) => epoch)],
      ),
    );
    return new Set((rows as { gateway: number }[]).map(({ gateway }) => gateway));
  }
}

/** The number of a gateway, given to it now if it is new. */
async function numberOf(statements: Statements, name: string): Promise<number> {
  const find = async () => {
    const { rows } = await statements.query('SELECT number FROM gateway_numbers WHERE name = $1', [name]);
    return (rows as { number: number }[])[0]?.number;
  };
  let number = await find();
  if (number === undefined) {
    await statements.query(
      `INSERT INTO gateway_numbers SELECT $1, COALESCE(MAX(number), 0) + 1 FROM gateway_numbers ON CONFLICT DO NOTHING`,
      [name],
    );
    number = await find();
  }
  // Another process gave the number to another gateway at the same time.
  if (number === undefined) {
    throw new CaissonError('store-failed', `gateway ${name} could not be given a number`, { retryable: true });
  }
  if (number >= GATEWAYS_MAX) {
    throw new CaissonError('store-failed', `there are ${GATEWAYS_MAX} gateways: no more can be`);
  }
  await statements.query(
    `INSERT INTO gateways VALUES ($1, '', 0, now(), '', 0, '[]', '[]', '[]', $3, $2, 0, 0) ON CONFLICT (gateway) DO NOTHING`,
    [number, positionsBefore(number), JSON.stringify(NOTHING_OUTLINED)],
  );
  return number;
}

async function heldBy(statements: Statements, name: string, number: number): Promise<CaissonError> {
  const { rows } = await statements.query('SELECT holder, expires FROM gateways WHERE gateway = $1', [number]);
  const [row] = rows as { holder: string; expires: Date }[];
  const until = row === undefined ? '' : `, until ${row.expires.toISOString()} unless it goes on`;
  return new CaissonError('gateway-held', `${row?.holder} pulls from ${name}${until}`, { retryable: true });
}
