import { randomBytes } from 'node:crypto';
import { TRIAL_BYTES } from '../store-watch.ts';
import type { PostgresDatabase } from './database.ts';

/** Blocks and the bytes of their packs, of the gateways that one process pulls from. @throws CaissonError `store-failed` */
export async function postgresTotals(
  db: PostgresDatabase,
  holder: string,
): Promise<{ readonly blocks: number; readonly bytes: number }> {
  const { rows } = await db.read((statements) =>
    statements.query(
      'SELECT COALESCE(SUM(blocks), 0)::bigint AS blocks, COALESCE(SUM(bytes), 0)::bigint AS bytes FROM gateways WHERE holder = $1',
      [holder],
    ),
  );
  return (rows as { blocks: number; bytes: number }[])[0] ?? { blocks: 0, bytes: 0 };
}

/** Writes as much as a line brings at once, which nobody sees. @throws CaissonError `store-failed` */
export async function tryPostgres(db: PostgresDatabase): Promise<void> {
  const key = `trial ${randomBytes(8).toString('hex')}`;
  // Of chance, because what repeats itself is kept in next to nothing.
  const value = randomBytes(TRIAL_BYTES / 2).toString('hex');
  await db.change(async (statements) => {
    await statements.query('INSERT INTO caisson VALUES ($1, $2)', [key, value]);
    await statements.query('DELETE FROM caisson WHERE key = $1', [key]);
  });
}
