import { readFileSync } from 'node:fs';
import { recording } from './data-dir.ts';

/** A minute of a real car on two buses, with the recorder's own decoding of its wheel speeds. */
export const RAV4 = 'can/comma2k19-rav4';

/** Path of a file of the recording; empty where this machine does not have it. */
export function rav4File(name: string): string {
  return recording(`${RAV4}/${name}`) ?? '';
}

/** A CAN source that plays the whole recording at once, with its own times. */
export function rav4Source() {
  return {
    type: 'can',
    bus: { log: rav4File('rav4_20180802_60s.candump.log.gz'), speed: 'max', bitrate: 500_000 },
    timestamp: 'device',
    interfaces: {
      can0: { name: 'powertrain', dbc: ['toyota_nodsu_pt_concat.dbc', 'toyota_2017_ref_pt.dbc'].map(rav4File) },
      can1: { dbc: [rav4File('toyota_adas.dbc')] },
    },
  } as const;
}

/** Wheels as the oracle's columns name them, and the signals of the DBC. */
const WHEELS = [
  ['fl_mps', 'WHEEL_SPEED_FL'],
  ['fr_mps', 'WHEEL_SPEED_FR'],
  ['rl_mps', 'WHEEL_SPEED_RL'],
  ['rr_mps', 'WHEEL_SPEED_RR'],
] as const;

/** What a wheel turned like: times UTC in microseconds, speeds in steps of the DBC, 0.01 km/h. */
export interface WheelSpeeds {
  /** Channel behind the source's prefix. */
  readonly channel: string;
  readonly times: readonly number[];
  readonly steps: readonly number[];
}

/** The recorder's own decoding of all four wheels. */
export function readWheelSpeeds(): WheelSpeeds[] {
  const [head = '', ...rows] = readFileSync(rav4File('ref_wheel_speed_steer.csv'), 'utf8').trim().split('\n');
  const names = head.split(',');
  const cells = rows.map((row) => row.split(',').map(Number));
  return WHEELS.map(([column, signal]) => ({
    channel: `powertrain/WHEEL_SPEEDS/${signal}`,
    times: cells.map(([seconds = 0]) => Math.round(seconds * 1e6)),
    // m/s with five digits; 1 m/s are 360 steps.
    steps: cells.map((row) => Math.round((row[names.indexOf(column)] ?? Number.NaN) * 360)),
  }));
}
