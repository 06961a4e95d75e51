import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { requireTools } from '../../debian.ts';
import { startInfluxDb } from '../../influxdb.ts';
import { LINE_CASES } from '../line-protocol/cases.ts';
import { lineOf, points } from '../line-protocol/points.ts';
import { runServer } from './running-server.ts';

const run = promisify(execFile);

t.test('curl writes plain and packed, and reads what is wrong', async (t) => {
  if (!requireTools(t, 'curl')) return;
  const { intake, url } = await runServer(t);
  const folder = t.testdir();
  writeFileSync(join(folder, 'lines'), 'a x=1 1\na x=2 2\n');
  writeFileSync(join(folder, 'lines.gz'), gzipSync('a x=3 3\na x=\n'));
  const curl = async (...args: string[]) => (await run('curl', ['-s', '-w', '%{http_code}', ...args])).stdout;
  t.equal(await curl(`${url}/write`, '--data-binary', `@${join(folder, 'lines')}`), '204');
  const packed = ['-H', 'Content-Encoding: gzip', '--data-binary', `@${join(folder, 'lines.gz')}`];
  t.match(await curl(`${url}/api/v2/write?precision=s`, ...packed), /"line":2\}400$/);
  t.equal(await curl('-I', '-o', '/dev/null', `${url}/ping`), '204');
  t.strictSame(intake.values('a/x'), [1, 2, 3]);
});

t.test('answers a body as InfluxDB does: the same status, and the same lines kept', async (t) => {
  if (!requireTools(t, 'influxdb')) return;
  const influx = await startInfluxDb();
  t.teardown(() => influx.stop());
  const same = LINE_CASES.filter(({ influxdbDiffers }) => influxdbDiffers === undefined).map(({ line }) => line);
  // A quote that is never closed costs InfluxDB what stands behind it.
  const closed = same.filter((line) => !line.includes('open'));
  // InfluxDB gives a field of a measurement one type.
  const lines = closed.map((line, index) => line.replace(/^cpu/, `cpu${index}`));
  const good = fc.sample(points(3, 'each'), { numRuns: 50, seed: 5 }).flat().map(lineOf);
  const bodies = [
    good.join('\n'),
    lines.join('\n'),
    lines
      .filter((line) => line !== '')
      .slice(0, 1)
      .join('\n'),
    'bad',
    '',
  ];
  for (const [index, body] of bodies.entries()) {
    const { intake, send } = await runServer(t);
    await influx.createDatabase(`body${index}`);
    const theirs = await influx.write(`body${index}`, body, 'u');
    const ours = await send('/write?precision=u', body);
    t.equal(ours.status, theirs.status, `body ${index}: ${ours.status}`);
    if (ours.status === 400) {
      const dropped = (text: string) => text.match(/unable to parse '/g)?.length;
      t.equal(dropped(ours.text), dropped(theirs.text), `body ${index}: as many lines are named`);
      t.equal(/partial write/.test(ours.text), /partial write/.test(theirs.text));
    }
    const series = await influx.all(`body${index}`);
    t.equal(intake.samples.length === 0, series.length === 0);
  }
});
