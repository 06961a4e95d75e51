import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import t, { type Test } from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { FolderDestination } from '../../../sync/export/folder-destination.ts';
import { S3Destination } from '../../../sync/export/s3-destination.ts';
import { type ExportOptions, type ExportReport, exportStore } from '../../../sync/export/store-export.ts';
import { bitsOf } from '../../gateway/table/example-table.ts';
import { waitFor } from '../../wait-for.ts';
import { CaissonProcess } from '../caisson-process.ts';
import { FilledStore } from '../filled-store.ts';
import { ACCESS_KEY, REGION, S3Server, SECRET_KEY } from './s3-server.ts';

/** The first sample of a store here, about. */
const FIRST = 1_700_000_000_000_000;
const DAY_US = 86_400e6;

function folder(t: Test, name: string): string {
  const path = mkdtempSync(join(tmpdir(), `caisson-export-${name}-`));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A store of several boots, with numbers, text, gaps and redefinitions. */
function filled(t: Test, steps: number): { dir: string; store: FilledStore } {
  const dir = folder(t, 'store');
  const store = new FilledStore(dir, 'pit-12', new Random(5));
  t.teardown(() => store.close());
  store.steps(steps);
  return { dir, store };
}

function run(dir: string, place: string, more: Partial<ExportOptions> = {}): Promise<ExportReport> {
  const options = { dir, destination: new FolderDestination(place), now: () => FIRST + DAY_US, ...more };
  return exportStore(options, new AbortController().signal);
}

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Every file of an export, with what tells its content. */
function tree(place: string): Map<string, string> {
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [relative(place, path), hashOf(readFileSync(path))]));
}

interface Row {
  readonly channel: string;
  readonly time: number;
  readonly value: bigint | string;
  readonly late: boolean;
}

const key = ({ channel, time, value, late }: Row) => `${channel} ${time} ${value} ${late}`;

/** What DuckDB reads of an export, sorted. */
async function exported(place: string): Promise<string[]> {
  const connection = await (await DuckDBInstance.create()).connect();
  const sql = `select channel, epoch_us(time)::bigint as time, value, text, late, version from read_parquet('${place}/**/*.parquet', hive_partitioning = true)
    where source = 'pit-12' and date is not null and session is not null`;
  const rows = (await connection.runAndReadAll(sql)).getRowObjects();
  return rows
    .map(({ channel, time, value, text, late }) => {
      const bits = value === null ? String(text) : (bitsOf([Number(value)])[0] ?? 0n);
      return key({ channel: String(channel), time: Number(time), value: bits, late: late === true });
    })
    .sort();
}

/** What the store shows, sorted. */
function stored(dir: string): string[] {
  const telemetry = StoreTelemetry.open(dir);
  const rows: string[] = [];
  for (const { id, name } of telemetry.channels()) {
    for (const { times, values, late } of telemetry.raw(id, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
      const bits = values instanceof Float64Array ? bitsOf(values) : values;
      for (const [i, time] of times.entries()) {
        rows.push(key({ channel: name, time, value: bits[i] ?? '', late: late?.[i] === 1 }));
      }
    }
  }
  telemetry.close();
  return rows.sort();
}

t.test('DuckDB reads from an export every sample that the store has, bit for bit', async (t) => {
  const { dir } = filled(t, 120);
  const place = folder(t, 'lake');
  const report = await run(dir, place);
  const rows = stored(dir);
  t.equal(report.samples, rows.length);
  t.same(await exported(place), rows);
  const paths = [...tree(place).keys()];
  t.ok(paths.length > 3, `${paths.length} files`);
  for (const path of paths)
    t.match(path, /^(source=pit-12\/date=2023-11-\d\d\/session=\w{16}\/\d\d\.parquet|_caisson\/export\.json)$/);
});

t.test('what is new is added, and what did not change is not written again', async (t) => {
  const { dir, store } = filled(t, 60);
  const place = folder(t, 'lake');
  await run(dir, place);
  // The number of a file that went may be given out again.
  const written = (path: string) => {
    const { ino, mtimeNs } = statSync(join(place, path), { bigint: true });
    return `${ino} ${mtimeNs}`;
  };
  const before = new Map([...tree(place).keys()].map((path) => [path, written(path)]));
  t.same(await run(dir, place), { files: 0, samples: 0, bytes: 0, removed: 0 }, 'nothing is new');
  store.startBoot();
  store.seal('pit-12/new', 'number', 100);
  const report = await run(dir, place);
  t.same([report.files, report.samples], [1, 100]);
  const touched = [...before].filter(([path, at]) => written(path) !== at);
  t.same(
    touched.map(([path]) => path),
    ['_caisson/export.json'],
  );
  store.steps(60);
  await run(dir, place);
  t.same(await exported(place), stored(dir));
  const anew = folder(t, 'anew');
  await run(dir, anew);
  t.same(dataOf(tree(place)), dataOf(tree(anew)), 'step by step or at once: the same bytes');
});

t.test('a better clock moves samples to where they belong', async (t) => {
  const { dir, store } = filled(t, 40);
  const place = folder(t, 'lake');
  await run(dir, place);
  const [boot] = store.db.boots().slice(-1);
  store.db.transaction(() =>
    store.db.keepClock(boot?.id ?? 0, { time: FIRST, offset: 7_200_000_000, error: 5, source: 'ptp' }),
  );
  await run(dir, place);
  t.same(await exported(place), stored(dir));
  const anew = folder(t, 'anew');
  await run(dir, anew);
  t.same(dataOf(tree(place)), dataOf(tree(anew)));
});

t.test('days that are older than they are kept go, and do not come again', async (t) => {
  const { dir, store } = filled(t, 40);
  const place = folder(t, 'lake');
  await run(dir, place);
  t.ok((await exported(place)).length > 0);
  const late = { keepUs: 2 * DAY_US, now: () => FIRST + 30 * DAY_US };
  t.ok((await run(dir, place, late)).removed > 0);
  store.seal('pit-12/channel1', 'number', 10);
  t.equal((await run(dir, place, late)).files, 0);
  t.same([...tree(place).keys()], ['_caisson/export.json']);
  t.notOk(
    readdirSync(place).some((name) => name.startsWith('source=')),
    'empty folders go as well',
  );
});

t.test('one folder takes one store', async (t) => {
  const place = folder(t, 'lake');
  await run(filled(t, 3).dir, place);
  const other = folder(t, 'other');
  const store = new FilledStore(other, 'pit-13', new Random(6));
  store.db.transaction(() => store.db.keepMeta('gateway', 'another'));
  store.seal('x');
  store.close();
  await t.rejects(run(other, place), { code: 'export-failed' });
});

t.test('a bucket has the same files as a folder, and every request is signed', async (t) => {
  const server = await S3Server.start();
  t.teardown(() => server.stop());
  const { dir, store } = filled(t, 150);
  const options = { endpoint: server.endpoint, region: REGION, bucket: 'telemetry', prefix: 'pit & co/a' };
  const keys = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
  const inBucket = (more: Partial<ExportOptions> = {}) =>
    run(dir, '', { destination: new S3Destination({ ...options, ...keys }), ...more });
  const objects = () => {
    const prefix = 'telemetry/pit & co/a/';
    return new Map([...server.objects].map(([key, body]) => [key.slice(prefix.length), hashOf(body)]));
  };
  await inBucket();
  const place = folder(t, 'lake');
  await run(dir, place);
  t.same(dataOf(objects()), dataOf(tree(place)));
  t.ok(server.objects.size > 2, 'lists have more than a page');
  store.seal('pit-12/channel1', 'number', 50);
  server.refusing = 503;
  await t.rejects(inBucket(), { code: 'export-failed', retryable: true, message: /503 SlowDown/ });
  server.refusing = undefined;
  await inBucket();
  await run(dir, place);
  t.same(dataOf(objects()), dataOf(tree(place)));
  t.ok((await inBucket({ keepUs: DAY_US, now: () => FIRST + 30 * DAY_US })).removed > 0);
  t.same([...objects().keys()], ['_caisson/export.json']);
  const wrong = { ...keys, secretAccessKey: 'another' };
  const refused = run(dir, '', { destination: new S3Destination({ ...options, ...wrong }) });
  await t.rejects(refused, { code: 'export-failed', retryable: false, message: /403 SignatureDoesNotMatch/ });
});

t.test('a run that is killed anywhere and run again ends with the same files, never half of one', async (t) => {
  const { dir } = filled(t, 200);
  const place = folder(t, 'lake');
  const random = new Random(9);
  const args = ['export', '--store', dir, '--into', place];
  for (let kill = 0; kill < 5; kill += 1) {
    const child = new CaissonProcess(args);
    const isWriting = () => existsSync(join(place, '_writing', 'hour')) || child.child.exitCode !== null;
    await waitFor('a file is being written', isWriting);
    await delay(random.below(60));
    await child.kill('SIGKILL');
    const whole = [...tree(place).keys()].filter((path) => path.startsWith('source='));
    for (const path of whole) t.equal(readFileSync(join(place, path)).subarray(-4).toString(), 'PAR1', path);
  }
  const { code, stderr } = await new CaissonProcess(args).ended;
  t.equal(code, 0, stderr);
  t.same(await exported(place), stored(dir));
  const anew = folder(t, 'anew');
  await run(dir, anew);
  t.same(dataOf(tree(place)), dataOf(tree(anew)));
});

function dataOf(files: ReadonlyMap<string, string>): [string, string][] {
  return [...files].filter(([path]) => path.endsWith('.parquet')).sort(([a], [b]) => (a < b ? -1 : 1));
}
