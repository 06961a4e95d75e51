import { randomBytes } from 'node:crypto';
import type { BlockStore, HeldBlocks, Progress } from '../block-store.ts';
import { dayOf } from '../retention/retention-rules.ts';
import { sendDraft } from './commit-draft.ts';
import type { PostgresDatabase } from './database.ts';
import { Draft } from './draft.ts';
import type { DraftGateway, RetiredPacks } from './draft-gateway.ts';
import type { HeldGateway } from './held-gateway.ts';
import { LEASE_MS, Leases } from './leases.ts';
import type { MovedPacks } from './moved-packs.ts';
import { PackCache } from './pack-cache.ts';
import { monthOf, openMonth } from './schema.ts';

export interface PostgresStoreOptions {
  /** Name of this central; its processes may share it. */
  readonly name: string;
  /** LEASE_MS unless a test is in a hurry. */
  readonly leaseMs?: number;
  /** UTC, milliseconds. */
  readonly now?: () => number;
}

/**
 * Central's blocks in PostgreSQL, for any number of central processes. A change is decided in memory, over what the
 * process that holds a gateway's lease knows by heart, and written in one transaction together with the position it goes up to.
 */
export class PostgresStore implements BlockStore {
  /** Name of this process, which no other has. */
  readonly holder: string;
  readonly #db: PostgresDatabase;
  readonly #leases: Leases;
  readonly #leaseMs: number;
  readonly #now: () => number;
  /** The last change of each gateway: one after the other, since each is decided over the one before. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Month whose partition is there. */
  #month = 0;

  /** @param db with the schema made (`openSchema`); closed by its owner */
  constructor(db: PostgresDatabase, { name, leaseMs = LEASE_MS, now = Date.now }: PostgresStoreOptions) {
    this.#db = db;
    this.#now = now;
    this.#leaseMs = leaseMs;
    this.holder = `${name}-${randomBytes(4).toString('hex')}`;
    this.#leases = new Leases(db, this.holder, leaseMs);
  }

  /** Makes room for the packs of this month, which the first change would else wait for. @throws CaissonError `store-failed` */
  async prepare(): Promise<void> {
    await this.#openedMonth();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#turns.values());
    await this.#leases.close();
  }

  async progress(peer: string): Promise<Progress> {
    return (await this.#leases.hold(peer)).progress;
  }

  change<Result>(peer: string, gateways: readonly string[], decide: (held: HeldBlocks) => Result): Promise<Result> {
    const names = [...new Set([peer, ...gateways])].sort();
    return this.#inTurn(names, () => this.#change(names, decide));
  }

  async #change<Result>(names: readonly string[], decide: (held: HeldBlocks) => Result): Promise<Result> {
    const held: HeldGateway[] = [];
    for (const name of names) held.push(await this.#leases.hold(name));
    const month = await this.#openedMonth();
    try {
      const { draft, result } = await this.#decided(held, decide);
      await this.#commit(draft, month);
      return result;
    } catch (error) {
      for (const each of held) this.#leases.forget(each);
      throw error;
    }
  }

  /**
   * Retires packs of a gateway, whose lease is taken where it is free.
   * @param choose which, of what is known by heart; undefined: none
   * @throws CaissonError `gateway-held`, `store-failed`
   */
  retire<Chosen extends RetiredPacks>(
    gateway: string,
    choose: (held: HeldGateway) => Promise<Chosen | undefined>,
  ): Promise<Chosen | undefined> {
    return this.#alter(gateway, choose, (draft, chosen) => draft.retire(chosen));
  }

  /**
   * Moves packs of a gateway to rosters beside theirs; as {@link PostgresStore.retire}.
   * @throws CaissonError `gateway-held`, `store-failed`
   */
  move(
    gateway: string,
    choose: (held: HeldGateway) => Promise<MovedPacks | undefined>,
  ): Promise<MovedPacks | undefined> {
    return this.#alter(gateway, choose, (draft, chosen) => draft.move(chosen));
  }

  /**
   * Looks at what is known by heart of a gateway, whose lease is taken where it is free.
   * @param see may be called several times, of which the last counts
   * @throws CaissonError `gateway-held`, `store-failed`
   */
  look<Seen>(gateway: string, see: (held: HeldGateway) => Seen): Promise<Seen> {
    return this.#underLease(gateway, async (held) => (await this.#decided([held], () => see(held))).result);
  }

  #alter<Chosen>(
    gateway: string,
    choose: (held: HeldGateway) => Promise<Chosen | undefined>,
    write: (draft: DraftGateway, chosen: Chosen) => void,
  ): Promise<Chosen | undefined> {
    return this.#underLease(gateway, async (held) => {
      const chosen = await choose(held);
      if (chosen === undefined) return undefined;
      const { draft } = await this.#decided([held], ({ gateways }) => {
        const own = gateways.get(held.number);
        if (own !== undefined) write(own, chosen);
      });
      await this.#commit(draft, await this.#openedMonth());
      return chosen;
    });
  }

  #underLease<Result>(gateway: string, work: (held: HeldGateway) => Promise<Result>): Promise<Result> {
    return this.#inTurn([gateway], async () => {
      const held = await this.#leases.hold(gateway);
      try {
        return await work(held);
      } catch (error) {
        this.#leases.forget(held);
        throw error;
      }
    });
  }

  async #commit(draft: Draft, month: number): Promise<void> {
    const terms = { month, day: dayOf(this.#now()), leaseMs: this.#leaseMs };
    await this.#db.send((statements) => sendDraft(statements, draft, terms));
    for (const each of draft.gateways.values()) each.held.take(each, month);
  }

  /** Decides over what is here and fetches what was missing, until nothing was. */
  async #decided<Result>(
    held: readonly HeldGateway[],
    decide: (draft: Draft) => Result,
  ): Promise<{ draft: Draft; result: Result }> {
    const packs = new PackCache();
    for (;;) {
      const draft = new Draft(held, packs);
      const result = decide(draft);
      if (packs.missing === 0 && held.every(({ index }) => index.missing === 0)) return { draft, result };
      await this.#db.read(async (statements) => {
        for (const { index } of held) await index.fetch(statements, index.takeMissing());
        await packs.fetch(statements);
      });
    }
  }

  async #openedMonth(): Promise<number> {
    const month = monthOf(this.#now());
    if (month !== this.#month) await openMonth(this.#db, month);
    this.#month = month;
    return month;
  }

  /** Runs `work` when no other change of any of these gateways is under way here. */
  async #inTurn<Result>(names: readonly string[], work: () => Promise<Result>): Promise<Result> {
    const before = names.map((name) => this.#turns.get(name));
    const turn = Promise.allSettled(before).then(work);
    for (const name of names) this.#turns.set(name, turn);
    try {
      return await turn;
    } finally {
      for (const name of names) if (this.#turns.get(name) === turn) this.#turns.delete(name);
    }
  }
}
