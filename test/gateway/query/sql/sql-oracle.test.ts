import fc from 'fast-check';
import t from 'tap';
import { FOUR_CHANNELS, fillFour, SqlRig } from './sql-rig.ts';

/** Statements over `samples`, as people and generators write them; times are 0 to 400. */
const name = fc.constantFrom(...FOUR_CHANNELS.map((each) => `'${each}'`), "'none'", 'NULL', '5', "'CAR7/RPM'");
const pattern = fc.constantFrom("'car7%'", "'%rpm'", "'CAR%'", "'*/rpm'", "'car[78]/s*'", "'%'", 'NULL', "'pit/text'");
const moment = fc.oneof(
  fc.integer({ min: -70, max: 450 }).map(String),
  fc.constantFrom('90.5', 'now() - 800', '(100 + 5) * 2', 'NULL', '1e300', '(SELECT max(x.time) - 40 FROM samples x)'),
  fc.constantFrom("(SELECT min(time) FROM samples WHERE channel = 'car8/rpm' AND time > 50)", 'abs(-120)'),
);
const comparison = fc.constantFrom('=', '==', '<', '<=', '>', '>=', '<>', 'IS', 'IS NOT');

function condition(alias: string): fc.Arbitrary<string> {
  const column = (of: string) => fc.constantFrom(`${alias}.${of}`, `${alias}."${of}"`);
  const leaf = fc.oneof(
    fc.tuple(column('channel'), comparison, name).map((parts) => parts.join(' ')),
    fc.tuple(name, fc.constantFrom('=', '<>'), column('channel')).map((parts) => parts.join(' ')),
    fc
      .tuple(column('channel'), fc.constantFrom('IN', 'NOT IN'), fc.array(name, { maxLength: 3 }))
      .map(([a, b, c]) => `${a} ${b} (${c.join(', ')})`),
    column('channel').map((each) => `${each} IN (SELECT c.channel FROM channels c WHERE c.channel LIKE '%rpm')`),
    fc.tuple(column('channel'), fc.constantFrom('LIKE', 'GLOB', 'NOT LIKE'), pattern).map((parts) => parts.join(' ')),
    fc.tuple(column('time'), comparison, moment).map((parts) => parts.join(' ')),
    fc.tuple(moment, comparison, column('time')).map((parts) => parts.join(' ')),
    fc
      .tuple(column('time'), fc.constantFrom('BETWEEN', 'NOT BETWEEN'), moment, moment)
      .map(([a, b, c, d]) => `${a} ${b} ${c} AND ${d}`),
    column('value').map((each) => `${each} % 3 = 1`),
    column('time').map((each) => `CASE WHEN ${each} > 100 AND ${each} < 200 THEN 1 ELSE 0 END`),
  );
  return fc.letrec<{ all: string }>((tie) => ({
    all: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.tuple(tie('all'), fc.constantFrom('AND', 'AND', 'OR'), tie('all')).map((parts) => parts.join(' ')),
      tie('all').map((each) => `(${each})`),
      tie('all').map((each) => `NOT (${each})`),
    ),
  })).all;
}

const selected = fc.oneof(
  condition('samples').map((where) => `SELECT * FROM samples WHERE ${where}`),
  condition('s').map(
    (where) => `SELECT channel, count(*), sum(value), min(time) FROM samples s WHERE ${where} GROUP BY channel`,
  ),
  fc
    .tuple(
      condition('s'),
      condition('s'),
      fc.constantFrom('JOIN', 'LEFT JOIN', 'CROSS JOIN', 'INNER JOIN', 'RIGHT JOIN', 'FULL JOIN'),
    )
    .map(
      ([on, where, join]) =>
        `SELECT c.channel, s.time FROM channels c ${join} samples s ON s.channel = c.channel AND (${on}) WHERE ${where}`,
    ),
  fc
    .tuple(condition('a'), condition('b'), fc.constantFrom('JOIN', 'LEFT JOIN'))
    .map(
      ([on, where, join]) =>
        `SELECT a.time, b.value FROM samples a ${join} samples b ON a.time = b.time - 1 AND ${on} WHERE ${where}`,
    ),
  fc
    .tuple(condition('s'), condition('s'))
    .map(([a, b]) => `SELECT time FROM samples s WHERE ${a} UNION ALL SELECT value FROM samples s WHERE ${b}`),
  fc
    .tuple(condition('s'), condition('q'))
    .map(([a, b]) => `WITH q AS (SELECT * FROM samples s WHERE ${a}) SELECT q.channel, q.time FROM q WHERE ${b}`),
  fc
    .tuple(condition('s'), condition('t'))
    .map(
      ([a, b]) =>
        `SELECT c.channel, (SELECT count(*) FROM samples s WHERE s.channel = c.channel AND ${a}) FROM channels c WHERE EXISTS (SELECT 1 FROM samples t WHERE t.channel >= c.channel AND ${b})`,
    ),
  condition('s').map(
    (where) => `SELECT s.channel, c.unit FROM channels c, samples s WHERE c.channel = s.channel AND ${where}`,
  ),
);

t.test('every statement gives what SQLite gives over a table of its own with the same samples', async (t) => {
  const rig = new SqlRig(FOUR_CHANNELS, fillFour);
  const oracle = rig.oracle();
  const total = rig.run('SELECT count(*) FROM samples').read.samples;
  let narrowed = 0;
  fc.assert(
    fc.property(selected, (sql) => {
      const expected = (oracle.prepare(sql).raw(true).all() as unknown[][]).map((row) => JSON.stringify(row)).sort();
      const { rows, read } = rig.run(sql);
      t.same(rows.map((row) => JSON.stringify(row)).sort(), expected, sql);
      if (read.samples < total) narrowed += 1;
    }),
    { numRuns: 200 },
  );
  t.ok(narrowed > 25, `${narrowed} of 200 statements read less than everything`);
  oracle.close();
  rig.dispose();
});
