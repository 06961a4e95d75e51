import { existsSync } from 'node:fs';
import { CaissonError } from '../../../gateway/errors.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { PostgresDatabase } from '../postgres/database.ts';
import { postgresGatewayBytes } from '../postgres/postgres-holdings.ts';
import { PostgresRetiring } from '../postgres/postgres-retiring.ts';
import { PostgresStore } from '../postgres/postgres-store.ts';
import { requireSchema } from '../postgres/schema.ts';
import { ArrivalDays } from './arrival-days.ts';
import type { CentralRetentionConfig } from './central-retention-config.ts';
import { type LimitedStore, limitedDays, type UnmetLimit } from './retention-limits.ts';
import { retentionDays } from './retention-rules.ts';
import type { DuePacks, RetentionTerms, RetiringStore } from './retiring-store.ts';
import { sqliteDue, sqliteHeld } from './sqlite-retiring.ts';

/** Packs that would go, and why: for their age, or because a limit leaves them fewer days. */
export interface PlannedPacks extends DuePacks {
  readonly by: 'days' | 'limit';
}

export interface RetentionPlan {
  readonly due: readonly PlannedPacks[];
  readonly unmet: readonly UnmetLimit[];
}

/**
 * What would be retired of a store now, also of one over which a central runs; changes nothing.
 * @param place the folder of a central, or the address of its database
 * @param today number of the day of UTC
 * @throws CaissonError `store-unusable`, `store-failed`, `config-invalid`
 */
export async function retentionPlan(
  place: { readonly dir: string; readonly url?: undefined } | { readonly url: string },
  config: CentralRetentionConfig,
  today: number,
): Promise<RetentionPlan> {
  if (place.url !== undefined) return postgresPlan(place.url, config, today);
  const { blocks } = storePaths(place.dir);
  if (!existsSync(blocks)) throw new CaissonError('store-unusable', `${place.dir} has no store: there is no ${blocks}`);
  const reader = BlockReader.openReadonly(blocks);
  try {
    const arrivals = new ArrivalDays(reader);
    return await planOf(
      {
        due: async (terms) => reader.snapshot(() => sqliteDue(reader, arrivals, terms)),
        async *held() {
          yield reader.snapshot(() => [...sqliteHeld(reader, arrivals, today)].flat());
        },
        gatewayBytes: async () => reader.gatewayBytes(),
      },
      config,
      today,
    );
  } finally {
    reader.close();
  }
}

async function postgresPlan(url: string, config: CentralRetentionConfig, today: number): Promise<RetentionPlan> {
  const db = new PostgresDatabase(url);
  const store = new PostgresStore(db, { name: 'plan' });
  try {
    await requireSchema(db);
    const retiring = new PostgresRetiring(db, store);
    const planned = {
      due: (terms: RetentionTerms) => retiring.due(terms),
      held: (today: number) => retiring.held(today),
      gatewayBytes: () => postgresGatewayBytes(db),
    };
    return await planOf(planned, config, today);
  } finally {
    await store.close();
    await db.close();
  }
}

async function planOf(
  store: LimitedStore & Pick<RetiringStore, 'due'>,
  config: CentralRetentionConfig,
  today: number,
): Promise<RetentionPlan> {
  const daysOf = retentionDays(config);
  const limited = await limitedDays(store, config, today);
  const due = await store.due({ daysOf: limited?.daysOf ?? daysOf, today });
  const ruled = limited === undefined ? due : await store.due({ daysOf, today });
  const days = new Map(ruled.map((each) => [seriesOf(each), each.days]));
  return {
    due: due.map((each) => ({ ...each, by: days.get(seriesOf(each)) === each.days ? 'days' : 'limit' })),
    unmet: limited?.unmet ?? [],
  };
}

function seriesOf({ gateway, channels }: DuePacks): string {
  return [gateway, ...channels].join('\n');
}
