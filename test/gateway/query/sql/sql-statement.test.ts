import t from 'tap';
import { CaissonError } from '../../../../gateway/errors.ts';
import { SQL_FUNCTIONS } from '../../../../gateway/query/sql/sql-functions.ts';
import { SQL_TABLES } from '../../../../gateway/query/sql/store-tables.ts';
import { FOUR_CHANNELS, fillFour, NOW, SqlRig } from './sql-rig.ts';

/** Runs a statement over four channels of 80 samples each. */
const rig = new SqlRig(FOUR_CHANNELS, fillFour);
t.teardown(() => rig.dispose());

t.test('an aggregate over a channel and a range reads only its blocks', async (t) => {
  const everything = rig.run('select count(*) from samples');
  t.same(everything.rows, [[320]]);
  t.same(everything.read, { samples: 320, channels: 4 });
  const { rows, read } = rig.run(
    "select count(*), avg(value) from samples where channel = 'car7/rpm' and time between 310 and 1000",
  );
  t.same(rows, [[16, 170.625]]);
  t.equal(read.channels, 1);
  t.ok(read.samples < 40, `${read.samples} samples read`);
  t.equal(rig.run("select count(*) from samples where channel like 'car7/%'").read.channels, 2);
  t.equal(rig.run("select 1 from samples where gateway = 'elsewhere'").read.channels, 0);
});

t.test('a join reads what it joins', async (t) => {
  const sql =
    "select c.unit, count(s.time) from channels c left join samples s on s.channel = c.channel where c.channel like '%rpm' group by c.channel";
  const { rows, read } = rig.run(sql);
  t.same(rows, [
    ['', 80],
    ['', 80],
  ]);
  t.equal(read.samples, 160);
});

t.test('parameters narrow as literals do', async (t) => {
  const byName = rig.run('select count(*) from samples where channel = :name and time < :end', {
    name: 'car7/speed',
    end: 100,
  });
  t.equal(byName.read.channels, 1);
  const byNumber = rig.run('select count(*) from samples where channel = ?1 and time < ?2', {
    1: 'car7/speed',
    2: 100,
  });
  t.same(byNumber.rows, byName.rows);
  t.equal(byNumber.read.channels, 1);
});

t.test('times and counts are INTEGER, values REAL, so that a minute can be counted by division', async (t) => {
  const types = 'typeof(time), typeof(value), typeof(text), typeof(channel)';
  t.same(rig.run(`select distinct ${types} from samples where channel <> 'pit/text'`).rows, [
    ['integer', 'real', 'null', 'text'],
  ]);
  t.same(rig.run(`select distinct ${types} from samples where channel = 'pit/text'`).rows, [
    ['integer', 'null', 'text', 'text'],
  ]);
  t.same(rig.run("select time / 100, count(*) from stats('car7/rpm', 0, 400, 100) group by 1").rows, [
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
});

t.test('stats gives for each step what the samples give', async (t) => {
  const steps = rig.run("select time, count, min, max, sum, mean from stats('car7/rpm', 50, 350, 100)");
  const samples = rig.run(
    `select time / 100 * 100, count(*), min(value), max(value), sum(value), avg(value) from samples
     where channel = 'car7/rpm' and time >= 50 and time < 350 group by 1`,
  );
  t.same(steps.rows, samples.rows);
  t.same(rig.run("select count, first, last from stats('car7/rpm')").rows, [[80, 106, 179]]);
  t.same(
    rig.run("select c.channel, s.count from channels c, stats(c.channel) s where c.type = 'number'").rows.length,
    3,
  );
});

t.test('envelope gives what telemetry does', async (t) => {
  const { rows, read } = rig.run("select pixel, time, count, min, max from envelope('car7/rpm', 0, 400, 4)");
  t.equal(rows.length, 4);
  t.same(
    rows.map(([, time]) => time),
    [0, 100, 200, 300],
  );
  t.equal(read.samples, 0);
  const named = "select count(*) from envelope where channel = 'car7/rpm' and since = 0 and until = 400 and pixels = 4";
  t.same(rig.run(named).rows, [[4]]);
});

t.test('every table that is listed can be read, and has the columns that are listed', async (t) => {
  for (const [name, table] of Object.entries(SQL_TABLES)) {
    // `past` has the version of the past where others have a step.
    const given = ["'car7/rpm'", '0', '400', name === 'past' ? '0' : '4'];
    const call = 'parameters' in table ? `${name}(${given.slice(0, table.parameters.length).join(', ')})` : name;
    t.doesNotThrow(
      () => rig.run(`select ${table.columns.map((column) => `"${column}"`).join(', ')} from ${call}`),
      name,
    );
  }
  t.same(rig.run("select channel, type from channels where channel like 'pit%'").rows, [['pit/text', 'text']]);
  t.same(rig.run('select sum(taken), sum(kept), sum(lost) from ledger').rows, [[320, 320, 0]]);
  t.same(rig.run("select time, text from latest where channel = 'pit/text'").rows, [[395, 'lap 3']]);
  t.equal(rig.run('select count(*) from boots').rows[0]?.[0], 1);
});

t.test('functions for times', async (t) => {
  const cases: [string, unknown][] = [
    ["utc('1970-01-01')", 0],
    ["utc('2025-06-01 12:00:00.25+02:00')", 1_748_772_000_250_000],
    ['utc(NULL)', null],
    ["ago('1ms')", NOW - 1000],
    ['now()', NOW],
    ['iso(1748772000250000)', '2025-06-01T10:00:00.250000Z'],
    ['iso(1e300)', null],
  ];
  for (const [call, expected] of cases) t.same(rig.run(`select ${call}`).rows, [[expected]], call);
  for (const call of Object.keys(SQL_FUNCTIONS))
    t.equal(rig.run(`select ${call.replace('time', '0')}`).rows.length, 1, call);
});

t.test('what cannot be run is refused, naming place and what was meant', async (t) => {
  const cases: { sql: string; message: RegExp; hint?: RegExp }[] = [
    { sql: 'select * from sample', message: /^1:15: no such table: sample$/, hint: /did you mean samples\?/ },
    { sql: 'select\n  chanel from samples', message: /^2:3: no such column: chanel$/, hint: /did you mean channel\?/ },
    { sql: 'select upper(x) frm samples', message: /^1:21: near "samples": syntax error$/ },
    { sql: 'select ustc(1)', message: /^1:8: no such function: ustc$/, hint: /did you mean utc\?/ },
    { sql: 'select * from nowhere_at_all', message: /no such table/, hint: /tables are samples, stats/ },
    { sql: '', message: /the statement is empty/ },
    { sql: 'select 1; select 2', message: /more than one statement/ },
    {
      sql: "select * from samples where time > '2025-06-01'",
      message: /time is compared with the text "2025-06-01"/,
      hint: /utc\(/,
    },
    { sql: "select utc('yesterday')", message: /utc\('yesterday'\) is no time/ },
    {
      sql: "select * from stats('car7/rmp')",
      message: /no channel is named car7\/rmp/,
      hint: /did you mean car7\/rpm/,
    },
    { sql: 'select * from stats', message: /stats needs a channel/ },
    { sql: "select * from envelope('car7/rpm', 0, 400, 0)", message: /0 pixels, expected 1 to/ },
    { sql: "select * from envelope('car7/rpm', '2025', 400, 5)", message: /since is "2025", expected UTC/ },
    ...[
      "attach database 'x.db' as x",
      'pragma query_only = off',
      'create table t (x)',
      'insert into samples values (1)',
      "vacuum into 'x.db'",
      'begin',
      'drop table samples',
    ].map((sql) => ({ sql, message: /a statement that begins with/, hint: /only SELECT/ })),
    { sql: 'with x as (select 1) delete from sqlite_master', message: /would write|may not be modified/ },
    { sql: "select load_extension('x.so')", message: /not authorized|no such function/ },
  ];
  for (const { sql, message, hint } of cases) {
    try {
      rig.run(sql);
      t.fail(sql);
    } catch (error) {
      t.ok(error instanceof CaissonError, sql);
      t.match((error as CaissonError).message, message, sql);
      if (hint !== undefined) t.match((error as CaissonError).hint, hint, sql);
    }
  }
});

t.test('a name that no channel has is told, because an empty result does not say why', async (t) => {
  const { rows, notices } = rig.run("select * from samples where channel = 'car7/rmp'");
  t.same({ rows, notices }, { rows: [], notices: ['no channel is named car7/rmp; did you mean car7/rpm, car8/rpm?'] });
});
