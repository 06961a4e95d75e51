import t from 'tap';
import {
  encodeBegin,
  encodeEnd,
  encodeSummed,
  recordsName,
  sumsName,
} from '../../../../gateway/analysis/cycles/cycle-channels.ts';
import { narrowedStatements } from '../../../../gateway/query/sql/narrow-statement.ts';
import { SqlStatement } from '../../../../gateway/query/sql/sql-statement.ts';
import type { SqlCell } from '../../../../gateway/query/sql/sql-value.ts';
import type { Samples, StoredChannel } from '../../../../gateway/query/telemetry.ts';
import { MemoryTelemetry } from '../../../sync/memory-telemetry.ts';

const CYCLES = 40;

/** Telemetry that counts how often its samples are asked for. */
class CountedTelemetry extends MemoryTelemetry {
  asked = 0;

  override *raw(channel: number): IterableIterator<Samples> {
    this.asked += 1;
    yield* super.raw(channel);
  }
}

const telemetry = new CountedTelemetry();

function add(
  name: string,
  gateway: string,
  type: StoredChannel['type'],
  samples: readonly [number, string | number][],
) {
  const times = Float64Array.from(samples, ([time]) => time);
  const given = samples.map(([, value]) => value);
  const values = type === 'text' ? given.map(String) : Float64Array.from(given, Number);
  telemetry.add(name, () => [{ times, values }].values(), gateway, type);
}

/** Cycles of 10 us, `number` from 1, with sums of two channels, of which `max` tells whose they are. */
function addCycles(gateway: string, kind: string, most: number): void {
  const begun = Array.from({ length: CYCLES }, (_, i) => ({ number: i + 1, label: '', from: i * 10, isSeen: true }));
  const records = begun.flatMap((each): [number, string][] => [
    [each.from, encodeBegin(each, 'car/lap')],
    [each.from + 10, encodeEnd({ ...each, state: 'complete', to: each.from + 10, cause: undefined })],
    [each.from + 15, encodeSummed(each.from)],
  ]);
  add(recordsName(kind), gateway, 'text', records);
  for (const [i, channel] of ['rpm', 'speed'].entries()) {
    const sums = begun.map(({ from, number }): [number, string] => {
      const max = most + i * 100 + number;
      return [from + 15, JSON.stringify({ count: 2, min: 0, max, mean: 1, first: 0, last: 1 })];
    });
    add(sumsName(kind, channel), gateway, 'text', sums);
  }
}

addCycles('box', 'lap', 1000);
addCycles('box', 'stint', 2000);
addCycles('rig', 'lap', 3000);
add(
  'car/rpm',
  'box',
  'number',
  Array.from({ length: CYCLES }, (_, i) => [i * 10, i]),
);

function prepare(sql: string): SqlStatement {
  const blocks = { boots: () => [], clockAfter: () => ({ rows: [], position: 0 }) };
  return new SqlStatement({ telemetry, blocks }, sql, 1000);
}

function run(sql: string): { rows: SqlCell[][]; asked: number } {
  telemetry.asked = 0;
  const statement = prepare(sql);
  try {
    return { rows: [...statement.rows()], asked: telemetry.asked };
  } finally {
    statement.close();
  }
}

const reads = (...tables: readonly string[]) =>
  tables.reduce((sum, table) => sum + run(`select 1 from ${table}`).asked, 0);

t.test('tables that are joined are read once each', async (t) => {
  const laps = "cycle_sums('lap', 'box')";
  const cases: { sql: string; rows: SqlCell[][]; tables: readonly string[] }[] = [
    {
      sql: `select count(*), sum(s.max) from cycles c join ${laps} s on s.begins = c.begins where c.gateway = 'box' and c.cycle = 'lap'`,
      rows: [[2 * CYCLES, CYCLES * (1000 + 1100 + CYCLES + 1)]],
      tables: ['cycles', laps],
    },
    {
      sql: `select count(*) from cycles left join ${laps} using (number)`,
      rows: [[3 * 2 * CYCLES]],
      tables: ['cycles', laps],
    },
    {
      sql: `select count(*), min(b.max - a.max) from ${laps} a join ${laps} b on a.begins = b.begins
            where a.channel = 'rpm' and b.channel = 'speed'`,
      rows: [[CYCLES, 100]],
      tables: [laps, laps],
    },
    {
      sql: `select count(*) from cycles c
            where (select max(max) from ${laps} where number = c.number) = 1100 + c.number`,
      rows: [[3 * CYCLES]],
      tables: ['cycles', laps],
    },
    {
      sql: `select count(*) from stats('car/rpm', 0, utc('2025-01-01'), 10) a join stats('car/rpm', 0, now(), 10) b using (time)`,
      rows: [[CYCLES]],
      tables: ["stats('car/rpm')", "stats('car/rpm')"],
    },
    {
      sql: 'select count(*) from cycles c join samples s on s.time = c.begins and s.channel = c.cycle',
      rows: [[0]],
      tables: ['cycles'],
    },
  ];
  for (const { sql, rows, tables } of cases) {
    const met = run(sql);
    t.same(met.rows, rows, sql);
    t.equal(met.asked, reads(...tables), sql);
  }
});

t.test('the kind of a column is known through a join', async (t) => {
  const sql = "select c.begins, s.channel, s.max from cycles c join cycle_sums('lap') s using (number)";
  const statement = prepare(sql);
  t.same(
    statement.columns.map(({ kind }) => kind),
    ['time', 'text', 'real'],
  );
  statement.close();
});

t.test('sums are of all cycles, of those of a kind, or of a gateway', async (t) => {
  const all = 'select gateway, cycle, count(*), min(max) from cycle_sums';
  const [lap, stint, other] = [
    ['box', 'lap', 2 * CYCLES, 1001],
    ['box', 'stint', 2 * CYCLES, 2001],
    ['rig', 'lap', 2 * CYCLES, 3001],
  ];
  t.same(run(`${all} group by 1, 2`).rows, [lap, stint, other]);
  t.same(run(`${all}('lap') group by 1, 2`).rows, [lap, other]);
  t.same(run(`${all} where of_gateway = 'box' group by 1, 2`).rows, [lap, stint]);
  t.same(run(`${all}('lap', 'rig') group by 1, 2`).rows, [other]);
  t.ok(run(`${all}('lap', 'rig')`).asked < run(all).asked);
  const joined = `select count(*), count(distinct s.max) from cycles join cycle_sums s using (gateway, cycle, begins)`;
  t.same(run(joined).rows, [[3 * 2 * CYCLES, 3 * 2 * CYCLES]]);
});

t.test(
  'a table of which another has an argument, and one that a statement makes itself, are as they are written',
  async (t) => {
    t.same(
      run('select count(*) from cycles c, cycle_sums(c.cycle, c.gateway) s where s.begins = c.begins and c.number < 3')
        .rows,
      [[12]],
    );
    t.same(
      run('with recursive gaps(n) as (select 1 union all select n + 1 from gaps where n < 5) select sum(n) from gaps')
        .rows,
      [[15]],
    );
    t.same(run("select min(s.of_cycle) from cycles join cycle_sums('lap') s using (number)").rows, [['lap']]);
    const alone = "select count(*) from cycle_sums('lap')";
    t.same(narrowedStatements(alone, new Set(['cycle_sums'])), [alone], 'nothing is held for a table alone');
  },
);
