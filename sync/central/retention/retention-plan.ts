import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { PostgresDatabase } from '../postgres/database.ts';
import { PostgresRetiring } from '../postgres/postgres-retiring.ts';
import { PostgresStore } from '../postgres/postgres-store.ts';
import { requireSchema } from '../postgres/schema.ts';
import { ArrivalDays } from './arrival-days.ts';
import type { DuePacks, RetentionTerms } from './retiring-store.ts';
import { sqliteDue } from './sqlite-retiring.ts';

/**
 * What would be retired of a store now, also of one over which a central runs; changes nothing.
 * @param place the folder of a central, or the address of its database
 * @throws CaissonError `store-unusable`, `store-failed`, `config-invalid`
 */
export async function retentionPlan(
  place: { readonly dir: string; readonly url?: undefined } | { readonly url: string },
  terms: RetentionTerms,
): Promise<DuePacks[]> {
  if (place.url !== undefined) return postgresPlan(place.url, terms);
  const reader = BlockReader.openReadonly(storePaths(place.dir).blocks);
  try {
    return reader.snapshot(() => sqliteDue(reader, new ArrivalDays(reader), terms));
  } finally {
    reader.close();
  }
}

async function postgresPlan(url: string, terms: RetentionTerms): Promise<DuePacks[]> {
  const db = new PostgresDatabase(url);
  const store = new PostgresStore(db, { name: 'plan' });
  try {
    await requireSchema(db);
    return await new PostgresRetiring(db, store).due(terms);
  } finally {
    await store.close();
    await db.close();
  }
}
