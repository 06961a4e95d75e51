/**
 * gpsd's own test recordings through the collector, against what gpsd makes of them. The reports hold positions to
 * 1e-9 degrees, speeds to a millimetre a second, courses and altitudes to 1e-4.
 */
import t from 'tap';
import { momentOf, type Oracle, type OracleFix, readOracle } from './gpsd-oracle.ts';
import { play, serialRecording, skipWithout } from './play.ts';
import type { RecordedSample } from './recorded-intake.ts';

const QUANTITIES: Record<keyof OracleFix, { channel: string; tolerance: number }> = {
  latitude: { channel: 'gps/position/latitude', tolerance: 6e-10 },
  longitude: { channel: 'gps/position/longitude', tolerance: 6e-10 },
  altitude: { channel: 'gps/altitude', tolerance: 6e-5 },
  speed: { channel: 'gps/speed', tolerance: 6e-4 },
  course: { channel: 'gps/course', tolerance: 6e-5 },
};

/** How samples compare with reports: equal, different, without a report; and reports without a sample. */
type Tally = readonly [equal: number, different: number, unreported: number, missing: number];

interface Case {
  readonly log: string;
  readonly chk?: string;
  readonly by: keyof Oracle;
  readonly protocol?: 'mixed';
  readonly expected: Partial<Record<keyof OracleFix, Tally>>;
}

/**
 * Where a report is missing a sample, the first sentence of the recording came before any date. Two recordings need a
 * word. bundg_zeus_9 is a plotter that gives one time to two fixes of a second: the collector keeps the first, gpsd the
 * last. humminbird-M37 sends VTG without RMC every fourth second, when gpsd computes a speed from positions instead.
 */
const CASES: readonly Case[] = [
  { log: 'ais-nmea.log', by: 'byMoment', expected: all(164, { course: [0, 0, 0, 0] }) },
  { log: 'firefly-II.log', by: 'byMoment', expected: all(23, { altitude: [0, 0, 0, 0] }) },
  { log: 'gp-320fw-2019-04-07-coldboot.log', by: 'byMoment', expected: all(1) },
  { log: 'gpsdf.log', by: 'byMoment', expected: all(51, { altitude: [50, 0, 0, 1], course: [0, 0, 0, 0] }) },
  { log: 'nmea-fuzzy-cases.log', by: 'byMoment', expected: all(14, { altitude: [13, 0, 0, 1] }) },
  { log: 'telit-he910.log', by: 'byMoment', expected: all(187, { altitude: [186, 0, 0, 1] }) },
  { log: 'ublox-8.log', by: 'byMoment', expected: all(72, { course: [0, 0, 0, 0] }) },
  { log: 'ublox-neo-m9n-nmea.log', by: 'byMoment', expected: all(61, { course: [0, 0, 0, 0] }) },
  {
    log: 'ublox-zed-f9p_hpg1.11.log.gz',
    chk: 'ublox-zed-f9p_hpg1.11.log.chk.gz',
    by: 'byMoment',
    expected: { ...all([654, 0, 1, 0]), course: [0, 0, 0, 0] },
  },
  {
    log: 'ublox-zed-f9p_hpg1.11.log.gz',
    chk: 'ublox-zed-f9p_hpg1.11.log.chk.gz',
    by: 'byMoment',
    protocol: 'mixed',
    expected: { ...all([654, 0, 1, 0]), course: [0, 0, 0, 0] },
  },
  {
    log: 'humminbird-M37.log',
    by: 'byTimeOfDay',
    expected: {
      latitude: [31, 0, 2, 0],
      longitude: [31, 0, 2, 0],
      altitude: [7, 0, 1, 0],
      speed: [17, 0, 8, 0],
      course: [17, 0, 8, 0],
    },
  },
  {
    log: 'bundg_zeus_9.log',
    by: 'byTimeOfDay',
    expected: {
      latitude: [139, 9, 0, 1],
      longitude: [139, 9, 0, 1],
      altitude: [112, 0, 25, 1],
      speed: [129, 16, 1, 0],
      course: [127, 18, 1, 0],
    },
  },
];

function all(equal: number | Tally, others: Case['expected'] = {}): Case['expected'] {
  const tally: Tally = typeof equal === 'number' ? [equal, 0, 0, 0] : equal;
  return { latitude: tally, longitude: tally, altitude: tally, speed: tally, course: tally, ...others };
}

const DAY_US = 86_400_000_000;

function compare(
  samples: readonly RecordedSample[],
  reports: ReadonlyMap<number, OracleFix>,
  quantity: keyof OracleFix,
  keyOf: (utcUs: number) => number,
): Tally {
  const { tolerance } = QUANTITIES[quantity];
  const seen = new Set(samples.map((sample) => keyOf(sample.time)));
  let equal = 0;
  let unreported = 0;
  for (const { time, value } of samples) {
    const values = reports.get(keyOf(time))?.[quantity] ?? [];
    if (values.length === 0) unreported += 1;
    else if (values.some((reported) => Math.abs(reported - value) <= tolerance)) equal += 1;
  }
  const missing = [...reports].filter(([key, fix]) => fix[quantity].length > 0 && !seen.has(key)).length;
  return [equal, samples.length - equal - unreported, unreported, missing];
}

for (const { log, chk, by, protocol, expected } of CASES) {
  const path = `gpsd/${log}`;
  const oraclePath = `gpsd/${chk ?? `${log}.chk`}`;
  t.test(
    `agrees with gpsd on ${log}${protocol === undefined ? '' : ` as ${protocol}`}`,
    skipWithout(path, oraclePath),
    async (t) => {
      const { intake } = await play(serialRecording(path), {
        timestamp: 'device',
        ...(protocol === undefined ? {} : { protocol }),
      });
      const oracle = readOracle(serialRecording(oraclePath));
      for (const quantity of Object.keys(expected) as (keyof OracleFix)[]) {
        const keyOf = by === 'byMoment' ? momentOf : (utcUs: number) => utcUs % DAY_US;
        const tally = compare(intake.samples(QUANTITIES[quantity].channel), oracle[by], quantity, keyOf);
        t.same(tally, expected[quantity], quantity);
      }
    },
  );
}
