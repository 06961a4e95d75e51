import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { SqlStatement } from '../../../../gateway/query/sql/sql-statement.ts';
import type { SqlCell } from '../../../../gateway/query/sql/sql-value.ts';
import type { Samples } from '../../../../gateway/query/telemetry.ts';
import { BlockReader } from '../../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import { FilledStore } from '../../../sync/filled-store.ts';
import { MemoryTelemetry } from '../../../sync/memory-telemetry.ts';

/** Telemetry whose samples are the version that was asked for. */
class VersionedTelemetry extends MemoryTelemetry {
  readonly asked: (number | undefined)[] = [];

  override *raw(channel: number, from?: number, to?: number, version?: number): IterableIterator<Samples> {
    this.asked.push(version);
    const times = Float64Array.of(10, 20, 30).filter((time) => time >= (from ?? 0) && time < (to ?? 100));
    const late = times.map((time) => (time === 20 ? 1 : 0));
    yield { times, values: new Float64Array(times.length).fill(version ?? 2), late: Uint8Array.from(late) };
    if (channel < 0) yield* super.raw(channel);
  }
}

const dir = mkdtempSync(join(tmpdir(), 'caisson-sql-versions-'));
new FilledStore(dir, 'box', new Random(1)).close();
const blocks = BlockReader.openReadonly(storePaths(dir).blocks);
const telemetry = new VersionedTelemetry();
const channel = telemetry.add('car/rpm', () => [].values());
telemetry.pasts.push({
  id: 1,
  gateway: 'box',
  boot: 'aa',
  version: 1,
  made: 1_748_779_200_000_000,
  spans: { arrival: [], device: [] },
  channels: [channel.id],
  recipe: { kind: 'redecode' },
});
t.teardown(() => {
  blocks.close();
  rmSync(dir, { recursive: true });
});

function run(sql: string): SqlCell[][] {
  const statement = new SqlStatement({ telemetry, blocks }, sql, 1000);
  try {
    return [...statement.rows()];
  } finally {
    statement.close();
  }
}

t.test('samples are read as they were in a version of the past', async (t) => {
  t.same(run("select time, value, text, late from past('car/rpm', 15, 40, 0)"), [
    [20, 0, null, 1],
    [30, 0, null, 0],
  ]);
  t.same(run("select sum(value) from past('car/rpm', 0, 100, 1)"), [[3]]);
  t.same(run("select sum(value) from past('car/rpm')"), [[6]], 'the newest without a version');
  t.same(run("select max from stats('car/rpm', 0, 40, 40, 'box', 1)"), [[1]]);
  t.same(run("select max from stats('car/rpm', 0, 40)"), [[2]]);
  t.same(
    run(
      "select a.value, b.value from past('car/rpm', 0, 40, 0) a join past('car/rpm', 0, 40, 1) b using (time) limit 1",
    ),
    [[0, 1]],
  );
});

t.test('versions are listed, with how they were made', async (t) => {
  t.same(run("select version, iso(made), channels ->> 0, recipe ->> 'kind' from versions"), [
    [1, '2025-06-01T12:00:00.000000Z', 'car/rpm', 'redecode'],
  ]);
});

t.test('a version that cannot be is refused', async (t) => {
  for (const version of ["'first'", '-1', '1.5']) {
    t.throws(() => run(`select * from past('car/rpm', 0, 1, ${version})`), { code: 'query-invalid' }, version);
  }
  const missing = {
    code: 'query-invalid',
    message: 'there is no version 2 of the past of box, but 0, as it was taken in, to 1',
  };
  for (const table of [
    "past('car/rpm', 0, 1, 2)",
    "stats('car/rpm', 0, 40, 40, 'box', 2)",
    "envelope('car/rpm', 0, 40, 4, 'box', 2)",
  ]) {
    t.throws(() => run(`select * from ${table}`), missing, table);
  }
});
