import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { BlockReader } from '../../../gateway/store/block-reader.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import type { CentralStore } from '../../../sync/central/central-store.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { openPostgresCentral } from '../../../sync/central/postgres/postgres-central.ts';
import { openSqliteCentral } from '../../../sync/central/sqlite-central.ts';
import { FilledStore } from '../filled-store.ts';
import { feedOf } from '../same-feed.ts';

/** What is pulled from. */
export interface FedStore {
  readonly db: BlockReader;
  readonly gateway: string;
}

/** The same blocks in SQLite and in PostgreSQL. */
export interface BothCentrals {
  readonly sqlite: CentralStore;
  /** What another process than the one that pulled sees of the database. */
  readonly postgres: CentralStore;
  /** Pulls into both what the sources have. */
  pull(): Promise<void>;
}

/** @param url of an empty database */
export async function openBothCentrals(t: Test, url: string, sources: readonly FedStore[]): Promise<BothCentrals> {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
  const onProblem = (text: string) => t.fail(text);
  const sqlite = openSqliteCentral(dir, 'hq');
  const writer = await openPostgresCentral({ url, name: 'hq', onProblem });
  const postgres = await openPostgresCentral({ url, name: 'hq', onProblem });
  t.teardown(async () => {
    await postgres.close();
    await writer.close();
    await sqlite.close();
    rmSync(dir, { recursive: true });
  });
  const pull = async () => {
    for (const central of [sqlite, writer]) await pullAll(central, sources);
  };
  await pull();
  return { sqlite, postgres, pull };
}

async function pullAll(central: CentralStore, sources: readonly FedStore[]): Promise<void> {
  const keeper = new Keeper(central.blocks);
  for (const { db, gateway } of sources) {
    const items = feedOf(db, gateway);
    for (let at = 0; at < items.length; at += 64) {
      const batch = { feed: 'f', items: items.slice(at, at + 64), complete: at + 64 >= items.length };
      await keeper.keep({ role: 'gateway', gateway }, batch);
    }
  }
}

/** Two gateways that name their channels alike, the first with `packs` more packs of one roster. */
export function openSources(t: Test, seed: number, packs: number, steps: number): FilledStore[] {
  const random = new Random(seed);
  return ['box', 'other'].map((gateway, i) => {
    const dir = mkdtempSync(join(tmpdir(), `caisson-${gateway}-`));
    const source = new FilledStore(dir, gateway, random.fork(gateway));
    t.teardown(() => {
      source.close();
      rmSync(dir, { recursive: true });
    });
    for (let pack = 0; pack < packs && i === 0; pack += 1) source.sealPack(['same/a', 'same/b'], 'number', 5);
    for (let pack = 0; pack < 40; pack += 1) source.sealPack(['same/a', 'same/b'], 'number', 5);
    for (let step = 0; step < steps; step += 1) source.step();
    return source;
  });
}
