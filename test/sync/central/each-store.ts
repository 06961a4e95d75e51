import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { StorePlace } from '../../../sync/central/central.ts';
import { requireTools } from '../../debian.ts';
import { PostgresServer } from './postgres-server.ts';

/** The same test of a central over each kind of store that it may have, over PostgreSQL where that is installed. */
export function testOverEachStore(
  t: Test,
  name: string,
  scenario: (t: Test, place: StorePlace) => Promise<void>,
): void {
  t.test(`${name}, at a central over SQLite`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    await scenario(t, { dir });
  });
  t.test(`${name}, at a central over PostgreSQL`, async (t) => {
    if (!requireTools(t, 'postgresql')) return;
    const postgres = await PostgresServer.start();
    t.teardown(() => postgres.dispose());
    await scenario(t, { url: await postgres.database() });
  });
}
