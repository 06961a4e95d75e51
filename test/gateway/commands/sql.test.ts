import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { SqlText } from '../../../gateway/commands/sql-text.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { MAIN } from '../../main-script.ts';
import { FilledStore } from '../../sync/filled-store.ts';

const dir = mkdtempSync(join(tmpdir(), 'caisson-sql-'));
const store = new FilledStore(dir, 'box', new Random(7));
store.seal('car7/speed', 'number', 300);
store.seal('car7/words', 'text', 5);
store.lose('car7/speed', 10);
store.seal('car7/speed', 'number', 200);
t.teardown(() => {
  store.close();
  rmSync(dir, { recursive: true });
});

function sql(args: readonly string[], input = ''): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'sql', ...args, '--store', dir], {
    input,
    encoding: 'utf8',
    timeout: 300_000,
  });
  return { code: status, stdout, stderr };
}

t.test('a statement is printed as a table, as CSV and as JSON', async (t) => {
  const statement = 'select channel, count(*) as samples, sum(value) is null as "no sum" from samples group by channel';
  t.same(sql([statement]), {
    code: 0,
    stderr: '',
    stdout: 'CHANNEL     SAMPLES  NO SUM\ncar7/speed      500       0\ncar7/words        5       1\n',
  });
  t.equal(sql([statement, '--csv']).stdout, 'channel,samples,no sum\ncar7/speed,500,0\ncar7/words,5,1\n');
  const [line = ''] = sql([statement, '--format', 'json']).stdout.split('\n');
  t.same(JSON.parse(line), { channel: 'car7/speed', samples: 500, 'no sum': 0 });
});

t.test('a statement comes from stdin, with parameters', async (t) => {
  const statement = 'select count(*) as n\nfrom samples\nwhere channel = :name';
  t.equal(sql(['--param', 'name=car7/words', '--csv'], statement).stdout, 'n\n5\n');
  t.match(sql(['select cause, count from gaps']).stdout, /^CAUSE +COUNT\nring-full +10\n$/);
});

t.test('a wrong call ends with 2, a failed statement with 1, and both say why', async (t) => {
  const cases = [
    { args: ['select 1', '--json', '--csv'], code: 2, says: /give one of/ },
    { args: ['select 1', '--rows', 'all'], code: 2, says: /--rows is 'all'/ },
    { args: ['select 1', '--param', 'x'], code: 2, says: /--param is 'x'/ },
    { args: ['select * from sampels'], code: 1, says: /1:15: no such table: sampels\n {2}did you mean samples\?/ },
    { args: ['select * from samples', '--rows', '10', '--csv'], code: 1, says: /limit of 10 rows/ },
    { args: ['select 1', '--store', '/nowhere'], code: 1, says: /no store in \/nowhere\n {2}.*--store/ },
  ];
  for (const { args, code, says } of cases) {
    // Of an option that is given twice, the last counts.
    const asked = args.includes('--store') ? [...args.slice(0, 1), '--store', dir, ...args.slice(1)] : args;
    const { status, stderr } = args.includes('--store')
      ? spawnSync(process.execPath, [MAIN, 'sql', ...asked], { encoding: 'utf8' })
      : { ...sql(args), status: sql(args).code };
    t.equal(status, code, args.join(' '));
    t.match(stderr, says);
  }
});

t.test('help lists tables, functions and examples', async (t) => {
  const { stdout } = spawnSync(process.execPath, [MAIN, 'sql', '--help'], { encoding: 'utf8' });
  for (const word of ['samples', 'stats(channel, since, until, step, gateway, version)', "ago('5m')", 'Examples:'])
    t.match(stdout, word);
});

t.test('cells are exact in CSV and JSON, and fit a line in a table', async (t) => {
  const columns = ['time', 'x', 'x'].map((name) => ({ name, isTime: name === 'time' }));
  const row = [1_748_772_000_250_000, 2n ** 60n, 'a "b"\nc'];
  t.equal(
    new SqlText('csv', columns).lines([row, [null, '', -0]]),
    'time,x,x\n1748772000250000,1152921504606846976,"a ""b""\nc"\n,"",-0\n',
  );
  t.equal(
    new SqlText('json', columns).lines([row, [null, Number.POSITIVE_INFINITY, Uint8Array.of(10, 255)]]),
    '{"time":1748772000250000,"x":1152921504606846976,"x_2":"a \\"b\\"\\nc"}\n{"time":null,"x":"Infinity","x_2":"0aff"}\n',
  );
  t.equal(
    new SqlText('table', columns).lines([row, [null, 1, null]]),
    'TIME                                           X  X\n2025-06-01T10:00:00.250000Z  1152921504606846976  a "b" c\nNULL                                           1  NULL\n',
  );
});
