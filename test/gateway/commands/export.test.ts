import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { tableFromIPC } from 'apache-arrow';
import t from 'tap';
import { Random } from '../../../hardware/simulated/random.ts';
import { caisson } from '../../sync/caisson-process.ts';
import { FilledStore } from '../../sync/filled-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-export-command-'));
t.teardown(() => rmSync(folder, { recursive: true }));
t.before(() => {
  const store = new FilledStore(folder, 'pit-12', new Random(4));
  store.seal('car/speed', 'number', 500);
  store.seal('car/words', 'text', 20);
  store.close();
});

const run = (...args: string[]) => caisson('export', '--store', folder, ...args);

t.test('samples become one file, in the format that its name says', async (t) => {
  const place = (name: string) => join(folder, name);
  const report = await run('--output', place('all.parquet'), '--json');
  t.equal(report.code, 0, report.stderr);
  t.match(JSON.parse(report.stdout), { files: 1, samples: 520, removed: 0 });
  const connection = await (await DuckDBInstance.create()).connect();
  const counts = await connection.runAndReadAll(
    `select channel, count(*)::int as n from '${place('all.parquet')}' group by channel order by channel`,
  );
  t.same(counts.getRowObjects(), [
    { channel: 'car/speed', n: 500 },
    { channel: 'car/words', n: 20 },
  ]);
  t.match((await run('car/speed', '--output', place('speed.arrows'))).stdout, /^1 file written, 500 rows, /);
  t.equal(tableFromIPC(readFileSync(place('speed.arrows'))).numRows, 500);
  const csv = await run('car/words', '--output', '-', '--format', 'csv');
  t.equal(csv.stdout.trimEnd().split('\n').length, 21);
  t.match(csv.stdout, 'gateway,channel,time,text,late\npit-12,car/words,');
  t.notOk(readdirSync(folder).some((name) => name.endsWith('.part')));
});

t.test('what cannot be exported is refused, and leaves no file', async (t) => {
  const output = join(folder, 'never.parquet');
  for (const [args, code, message] of [
    [['--output', output, '--from', '2025-01-02', '--to', '2025-01-01'], 2, 'is not before'],
    [['car/sped', '--output', output], 1, 'no channel is named car/sped'],
    [['car/words', '--output', output, '--pixels', '5', '--from', '2023-01-01', '--to', '2024-01-01'], 1, 'is text'],
    [['--output', join(folder, 'file.xls')], 2, 'does not say its format'],
    [['--output', join(folder, 'none', 'file.csv')], 1, 'ENOENT'],
    [[], 2, 'give --output or --into'],
    [['--output', output, '--into', folder], 2, 'give --output or --into'],
    [['car/speed', '--into', join(folder, 'lake')], 2, 'channels cannot be chosen with --into'],
    [['--into', 's3://bucket/prefix'], 2, 'AWS_ACCESS_KEY_ID'],
  ] as const) {
    const outcome = await run(...args);
    t.equal(outcome.code, code, args.join(' '));
    t.match(outcome.stderr, message);
  }
  t.notOk(existsSync(output));
  t.notOk(readdirSync(folder).some((name) => name.endsWith('.part')));
});

t.test('a folder gets what is new', async (t) => {
  const lake = join(folder, 'lake');
  t.match((await run('--into', lake)).stdout, /^\d files? written, 520 rows, /);
  t.equal((await run('--into', lake)).stdout, '0 files written, 0 rows, 0 B\n');
});
