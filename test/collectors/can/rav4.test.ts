import { readFileSync } from 'node:fs';
import t from 'tap';
import { createCanCollector } from '../../../collectors/can/can-collector.ts';
import { recording } from '../../data-dir.ts';
import { waitFor } from '../../hardware/serial/wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';

const RAV4 = 'can/comma2k19-rav4';
const at = (name: string): string => recording(`${RAV4}/${name}`) ?? '';

/** Wheels as the oracle's columns name them. */
const WHEELS = [
  ['fl_mps', 'WHEEL_SPEED_FL'],
  ['fr_mps', 'WHEEL_SPEED_FR'],
  ['rl_mps', 'WHEEL_SPEED_RL'],
  ['rr_mps', 'WHEEL_SPEED_RR'],
] as const;

/** The recorder's own decoding: time in microseconds UTC and wheel speeds in m/s. */
function readOracle(path: string): { time: number; row: Record<string, number> }[] {
  const [head = '', ...rows] = readFileSync(path, 'utf8').trim().split('\n');
  const names = head.split(',');
  return rows.map((row) => {
    const cells = row.split(',');
    const time = Math.round(Number(cells[0]) * 1e6);
    return { time, row: Object.fromEntries(names.map((name, index) => [name, Number(cells[index])])) };
  });
}

t.test(
  "a real drive through the collector: wheel speeds equal the recorder's own at every sample, and all frames are accounted for",
  { skip: recording(RAV4) === undefined ? `no recording ${RAV4}` : false },
  async (t) => {
    const intake = new RecordedIntake();
    const collector = createCanCollector(
      {
        bus: { log: at('rav4_20180802_60s.candump.log.gz'), speed: 'max', bitrate: 500_000 },
        timestamp: 'device',
        interfaces: {
          can0: { name: 'powertrain', dbc: [at('toyota_nodsu_pt_concat.dbc'), at('toyota_2017_ref_pt.dbc')] },
          can1: { dbc: [at('toyota_adas.dbc')] },
        },
      },
      { source: 'rav4', intake, clock: new SetClock() },
    );
    await collector.start();
    await waitFor('the end of the recording', () => collector.health().state === 'stopped');
    await collector.stop();

    const oracle = readOracle(at('ref_wheel_speed_steer.csv'));
    t.ok(oracle.length > 4900, `${oracle.length} samples of the oracle`);
    for (const [column, signal] of WHEELS) {
      const name = `rav4/powertrain/WHEEL_SPEEDS/${signal}`;
      const samples = intake.samples(name);
      t.equal(samples.length, oracle.length, `${signal}: as many samples`);
      // The oracle has five digits of m/s, and the DBC steps of 0.01 km/h.
      const differing = oracle.filter(({ time, row }, index) => {
        const sample = samples[index];
        return sample?.time !== time || Math.round(sample.value * 100) !== Math.round((row[column] ?? 0) * 360);
      });
      t.same(differing.slice(0, 3), [], `${signal}: the same times and speeds`);
      t.match(intake.channels.get(name), { unit: 'km/h', stamp: 'device', decimals: 2, scale: { gain: 0.01 } });
    }

    const { received, samples, errors, dropped } = collector.health();
    t.equal(received, 98_800);
    t.equal(dropped, 0);
    t.same(errors, { 'no-definition': 12_269 });
    t.equal(
      samples,
      [...intake.channels.keys()].reduce((sum, name) => sum + intake.samples(name).length, 0),
    );
    const [rates, loads] = ['frame_rate', 'load'].map((name) => intake.values(`rav4/powertrain/bus/${name}`));
    t.ok((rates?.length ?? 0) >= 59, 'a frame rate every second');
    t.ok(
      rates?.slice(1).every((rate) => rate > 800 && rate < 1000),
      'about 897 frames a second',
    );
    t.ok(
      loads?.slice(1).every((load) => load > 15 && load < 25),
      'about a fifth of the bus',
    );
  },
);
