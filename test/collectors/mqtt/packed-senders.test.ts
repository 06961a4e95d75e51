import { Buffer } from 'node:buffer';
import { exec, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { decodePackedFrame, encodePackedFrame } from '../../../collectors/mqtt/packed-frame.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { requireTools } from '../../debian.ts';
import { waitFor } from '../../wait-for.ts';
import { runBroker } from './running-broker.ts';

const EXAMPLES = join(PROJECT_ROOT, 'collectors/mqtt/examples');
const BASE_TIME_US = 1_700_000_000_000_000;

const pressure = Int16Array.from({ length: 100 }, (_, at) => (at === 50 ? -32_768 : 2000 + at));
const temperature = Float32Array.from({ length: 10 }, (_, at) => 80 + 0.25 * at);

/** What both examples say they send. */
const expected = (baseTimeUs: number) =>
  ({
    baseTimeUs,
    channels: [
      { type: 'i16', name: 'fl/pressure', firstUs: 0, intervalUs: 10_000, values: pressure, gain: 0.001, offset: 0 },
      { type: 'f32', name: 'fl/temperature', firstUs: 5000, intervalUs: 100_000, values: temperature },
    ],
  }) as const;

function buildC(folder: string): string {
  const program = join(folder, 'packed_sender');
  const strict = ['-std=c99', '-Wall', '-Wextra', '-Wconversion', '-Werror', '-pedantic'];
  execFileSync('cc', [...strict, '-o', program, join(EXAMPLES, 'packed_sender.c')], { timeout: 300_000 });
  return program;
}

t.test('the example in C sends the frame that it describes, with and without a time', async (t) => {
  if (!requireTools(t, 'cc')) return;
  const program = buildC(t.testdir());
  for (const time of [BASE_TIME_US, 0]) {
    const bytes = execFileSync(program, time === 0 ? [] : [String(time)]);
    t.same(decodePackedFrame(bytes), expected(time));
    t.same(bytes, Buffer.from(encodePackedFrame(expected(time))), 'byte for byte what our own encoder writes');
  }
});

t.test('the example in Python sends the same bytes', async (t) => {
  if (!requireTools(t, 'python3')) return;
  for (const time of [BASE_TIME_US, 0]) {
    const args = [join(EXAMPLES, 'packed_sender.py'), ...(time === 0 ? [] : [String(time)])];
    t.same(execFileSync('/usr/bin/python3', args), Buffer.from(encodePackedFrame(expected(time))));
  }
});

t.test('a frame of the example arrives through mosquitto_pub as its head says', async (t) => {
  if (!requireTools(t, 'cc', 'mosquitto')) return;
  const program = buildC(t.testdir());
  const { intake, port } = await runBroker(t);
  const publish = `${program} ${BASE_TIME_US} | mosquitto_pub -h 127.0.0.1 -p ${port} -t car7/tyres -q 0 -s`;
  await new Promise<void>((resolve, reject) => exec(publish, (error) => (error ? reject(error) : resolve())));
  await waitFor('the frame is taken', () => intake.values('car7/tyres/fl/temperature').length === 10);
  const values = intake.values('car7/tyres/fl/pressure');
  t.equal(values.length, 99, 'the sample that was not taken is none');
  t.equal(values[0], 2);
  t.match(intake.samples[0], { channel: 'car7/tyres/fl/pressure', time: BASE_TIME_US });
});
