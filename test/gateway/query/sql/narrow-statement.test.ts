import t from 'tap';
import { narrowedStatements } from '../../../../gateway/query/sql/narrow-statement.ts';

const ALL = 'json_array()';
const EQUAL = (value: string) => `json_array('channel', '=', CAST((${value}) AS TEXT))`;
const narrowed = (names: string, from = '-9e999', to = '9e999') => `samples_narrowed(${names}, ${from}, ${to})`;

/** The statement that reads least, or `whole` where all of `samples` is read. */
const CASES: readonly { readonly sql: string; readonly expected: string }[] = [
  {
    sql: "select avg(value) from samples where channel = 'a' and time between 1 and 2",
    expected: `select avg(value) from ${narrowed(`json_array(${EQUAL("'a'")})`, '(1)', '(2)')} AS samples where channel = 'a' and time between 1 and 2`,
  },
  {
    sql: 'select * from samples s where s.time >= :a and :b > s.time and s.time < 9',
    expected: `select * from ${narrowed(ALL, '(:a)', 'min((:b), (9))')} s where s.time >= :a and :b > s.time and s.time < 9`,
  },
  {
    sql: "select 1 from main.samples as s where (s.channel in ('a', 'b')) and ((s.\"time\" = 5))",
    expected: `select 1 from ${narrowed("json_array(json_array('channel', 'in', json(json_array(CAST(('a') AS TEXT), CAST(('b') AS TEXT)))))", '(5)', '(5)')} as s where (s.channel in ('a', 'b')) and ((s."time" = 5))`,
  },
  {
    sql: "select 1 from samples where channel like 'car%' or gateway glob 'x*'",
    expected: `select 1 from ${narrowed("json_array(json_array('any', json(json_array('channel', 'like', CAST(('car%') AS TEXT))), json(json_array('gateway', 'glob', CAST(('x*') AS TEXT)))))")} AS samples where channel like 'car%' or gateway glob 'x*'`,
  },
  {
    sql: 'select 1 from channels c join samples s on s.channel = c.channel',
    expected: `select 1 from channels c join ${narrowed(`json_array(${EQUAL('c.channel')})`)} s on s.channel = c.channel`,
  },
  {
    sql: "select 1 from samples where time > (select max(time) from samples where channel = 'a')",
    expected: `select 1 from ${narrowed(ALL, `((select max(time) from ${narrowed(`json_array(${EQUAL("'a'")})`)} AS samples where channel = 'a'))`)} AS samples where time > (select max(time) from ${narrowed(`json_array(${EQUAL("'a'")})`)} AS samples where channel = 'a')`,
  },
  {
    sql: 'select 1 from samples a, samples b where a.time = b.time',
    expected: `select 1 from samples a, ${narrowed(ALL, '(a.time)', '(a.time)')} b where a.time = b.time`,
  },
  {
    sql: "select 1 from samples s left join channels c on s.channel = 'a' and c.channel = s.channel",
    expected: 'whole',
  },
  {
    sql: 'select 1 from channels c left join samples s on s.time < 5',
    expected: `select 1 from channels c left join ${narrowed(ALL, '-9e999', '(5)')} s on s.time < 5`,
  },
];

t.test('what conditions say of samples is passed to the table as arguments', async (t) => {
  for (const { sql, expected } of CASES) t.equal(narrowedStatements(sql)[0], expected === 'whole' ? sql : expected);
});

t.test('a condition that may let other rows through narrows nothing', async (t) => {
  const conditions = [
    "channel = 'a' or time = 1",
    "not channel = 'a'",
    "channel <> 'a'",
    "channel = 'a' collate nocase",
    "channel like 'a!%' escape '!'",
    "channel not in ('a')",
    "channel not like 'a'",
    'time not between 1 and 2',
    "channel = 'a' = 0",
    'time > 1 is not true',
    'time = ?',
    'time > random()',
    'time > samples.value',
    "case when channel = 'a' then 1 end",
    "channel = 'a' and time = 1 or 1",
    "(channel = 'a') = 0",
    'time is distinct from 5',
    "channel is 'a'",
    "channel || '' = 'a'",
    "samples.nothing.channel = 'a'",
    "other.channel = 'a'",
    'channel in samples',
  ];
  for (const condition of conditions) {
    const sql = `select 1 from samples where ${condition}`;
    t.same(narrowedStatements(sql), [sql], condition);
  }
});

t.test('a statement whose FROM is not what it seems is left as it is', async (t) => {
  const statements = [
    "with samples as (select 1 as channel) select 1 from samples where channel = 'a'",
    "with samples(channel) as materialized (select 1) select 1 from samples where channel = 'a'",
    "select 1 from channels right join samples on 1 where channel = 'a'",
    "select 1 from channels c full join samples s on s.channel = 'a'",
    "select 1 from channels natural join samples where channel = 'a'",
    "select 1 from channels join samples using (channel) where channel = 'a'",
    "select 1 from temp.samples where channel = 'a'",
    "select 1 from samples(1, 2) where channel = 'a'",
    "select 1 from (samples) where channel = 'a'",
    "select 1 from (select * from samples) where channel = 'a'",
    "select 1 from samples where channel = 'a",
    "select 1 from samples where (channel = 'a'",
    "select 'from samples where time > 1'",
    "select 1 /* from samples where channel = 'a' */ from samples -- where time > 1",
  ];
  for (const sql of statements) t.same(narrowedStatements(sql), [sql]);
});
