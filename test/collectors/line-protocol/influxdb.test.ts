import fc from 'fast-check';
import t, { type Test } from 'tap';
import { requireTools } from '../../debian.ts';
import { type InfluxDb, type InfluxSeries, startInfluxDb } from '../../influxdb.ts';
import { LINE_CASES } from './cases.ts';
import { lineOf, points } from './points.ts';
import { plainName, type ReadSample, readLines } from './read-lines.ts';

const BATCHES = 400;

/** What InfluxDB shows of a series, as our samples. */
function samplesOf({ name, tags = {}, columns, values }: InfluxSeries): ReadSample[] {
  // A tag that the series does not have is there, without a value.
  const pairs = Object.keys(tags)
    .filter((key) => tags[key] !== '')
    .sort()
    .map((key) => `${key}=${tags[key]}/`);
  return values.flatMap((row) =>
    columns.flatMap((column, at): ReadSample[] => {
      const value = row[at];
      if (at === 0 || value === null || value === undefined) return [];
      return [[plainName(`${name}/${pairs.join('')}${column}`), Number(row[0]), value]];
    }),
  );
}

function sorted(samples: readonly ReadSample[]): string[] {
  return samples.map((sample) => JSON.stringify(sample)).sort();
}

async function testCases(t: Test, influx: InfluxDb): Promise<void> {
  for (const [index, { line, gives, influxdbDiffers }] of LINE_CASES.entries()) {
    const database = `case${index}`;
    await influx.createDatabase(database);
    const { status, text } = await influx.write(database, line);
    const isGood = typeof gives !== 'string';
    const seen = (await influx.all(database)).flatMap(samplesOf);
    const values = sorted(seen.map(([channel, , value]) => [channel, undefined, value]));
    const ours = sorted(isGood ? gives.map(([channel, , value]) => [channel, undefined, value]) : []);
    const same = (status === 204) === isGood && JSON.stringify(values) === JSON.stringify(ours);
    const what = `${JSON.stringify(line)}: ${status} ${text.trim()}`;
    if (influxdbDiffers === undefined) t.ok(same, what, { found: values, wanted: ours });
    else t.notOk(same, `${what}, which ${influxdbDiffers}`);
  }
}

async function testPoints(t: Test, influx: InfluxDb): Promise<void> {
  const met = fc.sample(points(3, 'each'), { numRuns: BATCHES, seed: 4 }).flat();
  // InfluxDB keeps one point a series and time.
  const distinct = met.map((point, time) => ({ ...point, time: time * 1001 }));
  const body = distinct.map(lineOf).join('\n');
  await influx.createDatabase('points');
  t.strictSame(await influx.write('points', body, 'u'), { status: 204, text: '' });
  const theirs = (await influx.all('points')).flatMap(samplesOf);
  t.ok(distinct.length > BATCHES, `${distinct.length} points`);
  const ours = sorted(readLines(body, { precision: 'us' }).samples);
  const others = new Set(sorted(theirs));
  t.equal(others.size, new Set(ours).size);
  t.strictSame(ours.filter((sample) => !others.has(sample)).slice(0, 3), []);
}

t.test('InfluxDB', async (t) => {
  if (!requireTools(t, 'influxdb')) return;
  const influx = await startInfluxDb();
  t.teardown(() => influx.stop());
  await t.test('takes and refuses the same lines, and reads the same values', (t) => testCases(t, influx));
  await t.test('reads the same values of many points with every kind of name and text', (t) => testPoints(t, influx));
});
