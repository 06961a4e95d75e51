import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { type Acknowledged, keptAcknowledged } from '../../../gateway/store/retention/acknowledgements.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { feedIdOf } from '../../../sync/api/pull-call.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { type Acknowledgement, ReceiptDesk } from '../../../sync/receipts/receipt-desk.ts';
import { ReceiptWriter } from '../../../sync/receipts/receipt-writer.ts';
import { Filler, NAMES } from '../../gateway/store/merge/merge-steps.ts';
import { GATEWAY, StoreRig } from '../../gateway/store/store-rig.ts';

const PEER = { role: 'gateway', gateway: GATEWAY } as const;
const ALL = NAMES.map((_, index) => index + 1);
const NOTHING = new Uint8Array(0);

/** Of the central `hq`. */
export const KEY = generateKeyPairSync('ed25519');

/** What a central has of a gateway. */
export class HeldAtCentral {
  readonly #dir = mkdtempSync(join(tmpdir(), 'caisson-receipts-'));
  readonly db = BlockDb.open(storePaths(this.#dir).blocks);
  readonly #store = new SqliteStore(this.db);
  readonly #keeper = new Keeper(this.#store);
  readonly #rig: StoreRig;

  constructor(t: Test, rig: StoreRig) {
    this.#rig = rig;
    t.teardown(() => {
      this.db.close();
      rmSync(this.#dir, { recursive: true });
    });
  }

  get position(): number {
    return this.db.cursor(GATEWAY);
  }

  async pull(itemsMax = 1e6): Promise<void> {
    const items = this.#rig.blocks.feed(this.position, itemsMax, Number.MAX_SAFE_INTEGER);
    await this.#keeper.keep(PEER, { feed: 'f', items, complete: false });
  }

  /** What it answers to what is wanted. */
  answer(wanted: Uint8Array, key = KEY.privateKey, central = 'hq', gateway = GATEWAY) {
    return new ReceiptWriter({ store: this.#store, central, key, now: () => 7 }).answer(gateway, wanted);
  }
}

/** A gateway that wants proofs of the central `hq`, and that central. */
export class Rig {
  readonly rig = new StoreRig(NAMES, 1 << 14);
  readonly hq: HeldAtCentral;
  readonly #filler = new Filler(this.rig);
  readonly #keyOf: (central: string) => KeyObject | undefined;
  readonly confirmed: number[] = [];
  readonly problems: string[] = [];
  /** What was confirmed last. */
  last: Acknowledged | undefined;
  nowMs = 0;
  desk: ReceiptDesk;

  constructor(t: Test, keyOf: (central: string) => KeyObject | undefined = () => KEY.publicKey) {
    this.#keyOf = keyOf;
    this.desk = this.openDesk();
    // The gateway ends last.
    t.teardown(() => this.rig.dispose());
    this.hq = new HeldAtCentral(t, this.rig);
  }

  /** As at a start of the gateway. @param kept what was kept before, by key */
  openDesk(kept: ReadonlyMap<string, string> = new Map()): ReceiptDesk {
    this.desk = new ReceiptDesk({
      store: this.rig.blocks,
      gateway: () => GATEWAY,
      feed: () => feedIdOf(this.rig.blocks),
      keyOf: this.#keyOf,
      kept: keptAcknowledged((key) => kept.get(key)),
      onConfirmed: (_, acknowledged) => {
        this.confirmed.push(acknowledged.position);
        this.last = acknowledged;
      },
      onProblem: (text) => this.problems.push(text),
      steadyMs: () => this.nowMs,
    });
    return this.desk;
  }

  get central(): BlockDb {
    return this.hq.db;
  }

  get position(): number {
    return this.hq.position;
  }

  fill(packs = 9, channels: readonly number[] = ALL): void {
    this.#filler.take({ kind: 'fill', channels, packs, samples: 30, isLate: true });
  }

  pull(itemsMax?: number): Promise<void> {
    return this.hq.pull(itemsMax);
  }

  /** What central answers to what is wanted. */
  answer(...wanted: Parameters<HeldAtCentral['answer']>) {
    return this.hq.answer(...wanted);
  }

  say(more: Partial<Acknowledgement> = {}) {
    const word = { follower: 'hq', store: '', position: this.position, receipt: NOTHING, signature: NOTHING };
    return this.desk.take({ ...word, ...more });
  }

  /** Proves until nothing more is wanted; returns how many receipts that took. @param store what it says its id is */
  async prove(store = '', held = this.hq): Promise<number> {
    let receipts = 0;
    const { position } = held;
    for (let { wanted } = this.say({ store, position }); wanted.length > 0; receipts += 1) {
      const answer = this.say({ store, position, ...(await held.answer(wanted)) });
      if (answer.refused !== '') throw new Error(answer.refused);
      wanted = answer.wanted;
    }
    return receipts;
  }
}
