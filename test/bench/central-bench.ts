/** Central over PostgreSQL: what it takes in (`central-ingest.ts`), and what merging gives (`central-merge.ts`). */
import { PostgresServer } from '../sync/central/postgres-server.ts';
import { measureIngest } from './central-ingest.ts';
import { measureCentralMerge } from './central-merge.ts';
import type { Bench } from './figure.ts';

export const runCentral: Bench = async (progress) => {
  const ingest = await measureIngest(progress);
  const server = await PostgresServer.start();
  try {
    const { figures, notes = [] } = await measureCentralMerge(progress, await server.database());
    return { figures: [...figures, ...ingest], notes };
  } finally {
    await server.dispose();
  }
};
