/*
 * The same channels as in `central-merge.ts` at a central over PostgreSQL. Bytes are those of all tables with their indexes, written anew without what was deleted
 * (VACUUM FULL) before and after. Charts are asked for together, of a process that knows the index.
 */
import process from 'node:process';
import { Client } from 'pg';
import { openPostgresCentral } from '../../sync/central/postgres/postgres-central.ts';
import type { Findings, Progress } from './figure.ts';
import { CHARTS, DAY_MS, PIXELS, pixelsOf, pull, ROUNDS, type SlowDay } from './slow-day.ts';
import { median, percentile } from './statistics.ts';

/** @param url of an empty database */
export async function measurePostgresMerge(
  url: string,
  { items, samples }: SlowDay,
  progress: Progress,
): Promise<Findings> {
  const clock = { ms: Date.UTC(2026, 4, 17, 12) };
  const onProblem = (text: string) => {
    throw new Error(text);
  };
  const central = await openPostgresCentral({ url, name: 'hq', onProblem, now: () => clock.ms, graceMs: 0 });
  try {
    await pull(central.blocks, items, clock);
    const charts = async () => {
      const channels = (await central.telemetry.channels()).slice(0, CHARTS);
      const latest = await Promise.all(channels.map(({ id }) => central.telemetry.latest(id)));
      const newest = Math.max(...latest.map((sample) => sample?.time ?? 0));
      const chart = () =>
        Promise.all(
          channels.map(({ id }) => central.telemetry.envelope(id, newest - DAY_MS * 1e3, newest + 1, PIXELS)),
        );
      const pixels = pixelsOf(await chart());
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const began = performance.now();
        await chart();
        times.push(performance.now() - began);
      }
      return { ms: median(times), pixels };
    };
    const before = { ...(await sizesOf(url)), ...(await charts()) };
    progress(`merging ${before.packs} packs in PostgreSQL`);
    const steps: number[] = [];
    let cpuMs = 0;
    // The second look takes away what the first one left.
    for (let looks = 0; looks < 2; ) {
      const { user, system } = process.cpuUsage();
      if (await central.merger.step()) looks += 1;
      const since = process.cpuUsage({ user, system });
      steps.push((since.user + since.system) / 1e3);
      cpuMs += (since.user + since.system) / 1e3;
    }
    const after = { ...(await sizesOf(url)), ...(await charts()) };
    if (before.pixels !== after.pixels) throw new Error('a chart is another one once packs are merged');
    const figure = (name: string, value: number, unit: string, meaning: string) => ({ name, value, unit, meaning });
    return {
      figures: [
        figure(
          'pg_low_rate_bytes',
          before.bytes / samples,
          'B/sample',
          '500 channels, a sample a minute for a day, in PostgreSQL as it came; all tables and indexes',
        ),
        figure('pg_merged_bytes', after.bytes / samples, 'B/sample', 'the same once packs of the day are merged'),
        figure('pg_low_rate_charts_ms', before.ms, 'ms', `${CHARTS} charts of the day as it came`),
        figure('pg_merged_charts_ms', after.ms, 'ms', 'the same once packs are merged'),
        figure('pg_merge_step_ms', percentile(steps, 99), 'ms', 'CPU time of a step of merging, p99'),
      ],
      notes: [
        `merging in PostgreSQL: ${before.packs} packs became ${after.packs}, ${((cpuMs * 1e3) / samples).toFixed(2)} us of CPU a sample, the longest step ${Math.max(...steps).toFixed(0)} ms`,
      ],
    };
  } finally {
    await central.close();
  }
}

async function sizesOf(url: string): Promise<{ readonly bytes: number; readonly packs: number }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('VACUUM FULL');
    const sql = `SELECT (SELECT count(*) FROM packs)::int AS packs, sum(pg_total_relation_size(oid))::float8 AS bytes FROM pg_class
      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`;
    const { rows } = await client.query(sql);
    const [sizes] = rows as { packs: number; bytes: number }[];
    return sizes ?? { packs: 0, bytes: 0 };
  } finally {
    await client.end();
  }
}
