/**
 * What gpsd reports of its recordings beside the fix: the dimensions of the fix, the satellites in view and used, each of them, and the
 * raw measurements. Of all recordings that have such; those that have none are listed as well.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { unescapeBytes } from '../../../collectors/serial/raw-lines.ts';
import { play, serialRecording, skipWithout } from './play.ts';
import type { RecordedIntake } from './recorded-intake.ts';

interface Satellite {
  readonly gnssid: number;
  readonly svid: number;
  readonly el?: number;
  readonly az?: number;
  readonly ss?: number;
  readonly used: boolean;
}

interface Measurement {
  readonly gnssid: number;
  readonly svid: number;
  readonly snr: number;
  readonly locktime: number;
  readonly pseudorange: number;
  readonly carrierphase: number;
  readonly doppler: number;
}

interface Report {
  readonly class: string;
  readonly mode?: number;
  readonly satellites?: readonly Satellite[];
  readonly rawdata?: readonly Partial<Measurement>[];
}

/** Systems by gpsd's `gnssid`. */
const SYSTEMS = ['gps', 'sbas', 'galileo', 'beidou', 'imes', 'qzss', 'glonass', 'navic'];

interface Case {
  readonly log: string;
  readonly protocol: 'nmea' | 'ubx' | 'mixed';
  /** Modes as they change, of gpsd and in the channel; empty where no message tells one. */
  readonly mode: readonly [gpsd: string, channel: string];
  /** Systems of which the number in view, and of which the number used, changes as gpsd reports it. */
  readonly view: readonly string[];
  readonly used: readonly string[];
  /** Values of satellites that change as gpsd reports them, and those that change otherwise. */
  readonly equal: number;
  readonly different: readonly string[];
}

/**
 * Where gpsd differs:
 * - Its mode is 2 after an RMC until more comes, and it makes modes of GGA and RMC where no message tells one.
 * - GPGSV counts GPS and SBAS together, gpsd each; in bundg_zeus_9 also GLONASS.
 * - It keeps satellites of which elevation and azimuth are 0 out of its list (telit-he910), and reports groups of GSV that came
 *   whole only (gp-320fw, at the end of bundg_zeus_9); before the first GSA it has none as used.
 * - An azimuth that is empty, or that u-blox calls unknown, it reports as 0.
 * - gpsd 3.22 takes Galileo 36 and BeiDou 33 for SBAS (ublox-neo-m9n-nmea), of which no satellite stands where these do.
 * - Who is used it reports of NMEA too; the channels of each satellite have it of UBX.
 */
const CASES: readonly Case[] = [
  {
    log: 'ais-nmea.log',
    protocol: 'nmea',
    ...{ mode: ['3', '3'], view: ['gps'], used: ['gps'], equal: 31, different: ['gps/1 az', 'gps/1 el'] },
  },
  {
    log: 'bundg_zeus_9.log',
    protocol: 'nmea',
    ...{ mode: ['3', '3'], view: [], used: ['gps'], equal: 35, different: ['gps/7 ss'] },
  },
  {
    log: 'gp-320fw-2019-04-07-coldboot.log',
    protocol: 'nmea',
    ...{ mode: ['31', '31'], view: ['gps'], used: [], equal: 25 },
    different: [4, 6, 13, 20, 31].flatMap((n) => ['az', 'el', ...(n === 13 ? ['ss'] : [])].map((f) => `gps/${n} ${f}`)),
  },
  {
    log: 'gpsdf.log',
    protocol: 'nmea',
    ...{ mode: ['3', '3'], view: ['gps', 'glonass'], used: [], equal: 54, different: [] },
  },
  {
    log: 'telit-he910.log',
    protocol: 'nmea',
    ...{ mode: ['13', '13'], view: [], used: [], equal: 8 },
    different: [15, 17, 24, 28].flatMap((n) => ['az', 'el', 'ss'].map((f) => `gps/${n} ${f}`)).concat('gps/13 ss'),
  },
  {
    log: 'ublox-8-time.log',
    protocol: 'ubx',
    ...{ mode: ['2', '2'], view: ['gps', 'sbas', 'qzss', 'glonass'], used: ['gps', 'sbas', 'qzss', 'glonass'] },
    ...{ equal: 107, different: [1, 2, 3, 4, 5].map((n) => `qzss/${n} az`) },
  },
  {
    log: 'ublox-8.log',
    protocol: 'nmea',
    ...{ mode: ['23', '3'], view: ['glonass'], used: ['gps', 'glonass'], equal: 75, different: [] },
  },
  {
    log: 'ublox-neo-m8t.log',
    protocol: 'ubx',
    ...{ mode: ['3', '3'], view: ['gps', 'sbas', 'qzss'], used: ['gps', 'sbas', 'qzss'] },
    ...{ equal: 78, different: ['gps/4 az', 'qzss/4 az'] },
  },
  {
    log: 'ublox-neo-m9n-nmea.log',
    protocol: 'nmea',
    ...{ mode: ['23', '3'], view: ['glonass'], used: ['gps', 'glonass'], equal: 123 },
    different: [120, 123].flatMap((n) => ['az', 'el', 'ss'].map((f) => `sbas/${n} ${f}`)),
  },
];

/** Recordings that tell of no satellites but how many are used, and of no mode. */
const WITHOUT = ['firefly-II.log', 'humminbird-M37.log', 'nmea-fuzzy-cases.log', 'ublox-zed-f9p_hpg1.11.log.gz'];

function reportsOf(log: string): Report[] {
  const name = log.endsWith('.gz') ? log.replace(/\.gz$/, '.chk.gz') : `${log}.chk`;
  const bytes = readFileSync(serialRecording(`gpsd/${name}`));
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
  return text.split(/\r?\n/).flatMap((line) => (line.startsWith('{"class":') ? [JSON.parse(line) as Report] : []));
}

function chkOf(log: string): string {
  return `gpsd/${log.replace(/(\.gz)?$/, '.chk$1')}`;
}

const changes = (values: readonly unknown[]) => values.filter((value, index) => value !== values[index - 1]).join(' ');

/** Changes of a number of satellites of one system, as gpsd lists them. */
function counts(lists: readonly (readonly Satellite[])[], system: string, isCounted: (one: Satellite) => boolean) {
  const ofSystem = lists.map((list) => list.filter(({ gnssid }) => SYSTEMS[gnssid] === system));
  return changes(ofSystem.filter((list) => list.length > 0).map((list) => list.filter(isCounted).length));
}

const FIELDS = { el: 'elevation', az: 'azimuth', ss: 'snr', used: 'used' } as const;

/** Changes of every value of every satellite, by its name. */
function seriesOf(lists: readonly (readonly Satellite[])[], fields: readonly (keyof typeof FIELDS)[]) {
  const series = new Map<string, number[]>();
  for (const one of lists.flat()) {
    for (const field of fields) {
      const key = `${SYSTEMS[one.gnssid]}/${one.svid} ${field}`;
      const values = series.get(key) ?? [];
      series.set(key, values);
      if (one[field] !== undefined) values.push(Number(one[field]));
    }
  }
  return series;
}

function channelOf(intake: RecordedIntake, key: string): string {
  const [satellite, field = 'el'] = key.split(' ');
  return changes(intake.values(`gps/satellites/${satellite}/${FIELDS[field as keyof typeof FIELDS]}`));
}

for (const { log, protocol, mode, view, used, equal, different } of CASES) {
  t.test(`mode and satellites of ${log} are those of gpsd`, skipWithout(`gpsd/${log}`, chkOf(log)), async (t) => {
    const { intake } = await play(serialRecording(`gpsd/${log}`), { protocol, satellites: true });
    const reports = reportsOf(log);
    const modes = reports.flatMap((report) => report.mode ?? []);
    const channel = intake.values('gps/fix/mode').concat(intake.values('gps/fix/type'));
    t.same(
      [changes(modes), changes(channel)].map((text) => text.replaceAll(' ', '')),
      mode,
      'mode',
    );

    const lists = reports.flatMap(({ satellites = [] }) => (satellites.length > 0 ? [satellites] : []));
    for (const system of view) {
      t.equal(
        changes(intake.values(`gps/satellites/view/${system}`)),
        counts(lists, system, () => true),
        `${system} in view`,
      );
    }
    for (const system of used) {
      const expected = counts(lists, system, (one) => one.used);
      t.equal(changes(intake.values(`gps/satellites/used/${system}`)), expected, `${system} used`);
    }

    const fields = protocol === 'nmea' ? (['el', 'az', 'ss'] as const) : (['el', 'az', 'ss', 'used'] as const);
    const series = [...seriesOf(lists, fields)];
    const others = series.filter(([key, values]) => channelOf(intake, key) !== changes(values)).map(([key]) => key);
    t.same(others.sort(), [...different].sort());
    t.equal(series.length - others.length, equal);
  });
}

for (const log of WITHOUT) {
  t.test(`${log} tells of no satellite`, skipWithout(`gpsd/${log}`, chkOf(log)), async (t) => {
    const { intake } = await play(serialRecording(`gpsd/${log}`), { protocol: 'mixed', satellites: true });
    t.same(
      reportsOf(log).filter(({ satellites = [] }) => satellites.length > 0),
      [],
    );
    t.same(
      [...intake.channels.keys()].filter((name) => /satellites\/|fix\/mode/.test(name)),
      [],
    );
  });
}

/** What a kept frame of RXM-RAWX says, in gpsd's words; by the interface description of u-blox. */
function measurementsOf(text: string): Measurement[] {
  const frame = unescapeBytes(text);
  if (frame === undefined) throw new Error(`not escaped: ${text}`);
  const view = new DataView(frame.buffer, frame.byteOffset + 6, frame.length - 8);
  return Array.from({ length: view.getUint8(11) }, (_, n) => {
    const at = 16 + 32 * n;
    return {
      pseudorange: view.getFloat64(at, true),
      carrierphase: view.getFloat64(at + 8, true),
      doppler: view.getFloat32(at + 16, true),
      gnssid: view.getUint8(at + 20),
      svid: view.getUint8(at + 21),
      locktime: view.getUint16(at + 24, true),
      snr: view.getUint8(at + 26),
    };
  });
}

/**
 * Whether a measurement is what gpsd reports of it, which has six decimals, leaves zeros and doubtful carrier phases out, and counts
 * SBAS from 100.
 */
function isAs(reported: Partial<Measurement>, one: Measurement): boolean {
  const svid = SYSTEMS[one.gnssid] === 'sbas' ? one.svid - 100 : one.svid;
  return Object.entries({ ...one, svid }).every(([field, value]) => {
    const told = reported[field as keyof Measurement] ?? (field === 'carrierphase' ? value : 0);
    return Math.abs(told - value) <= 6e-7;
  });
}

for (const [log, epochs] of [
  ['ublox-neo-m8t.log', 39],
  ['ublox-zed-f9p_hpg1.11.log.gz', 654],
] as const) {
  t.test(
    `frames of RXM-RAWX of ${log} hold what gpsd reads of them`,
    skipWithout(`gpsd/${log}`, chkOf(log)),
    async (t) => {
      const { intake, health } = await play(serialRecording(`gpsd/${log}`), {
        ...{ protocol: 'mixed', messages: ['RXM-RAWX'] },
      });
      const kept = intake.texts('gps/messages/RXM-RAWX').map(({ text }) => measurementsOf(text));
      const reported = reportsOf(log).flatMap(({ rawdata = [] }) => (rawdata.length > 0 ? [rawdata] : []));
      t.equal(kept.length, epochs);
      t.same(
        kept.map(({ length }) => length),
        reported.map(({ length }) => length),
      );
      const others = kept.flatMap((epoch, n) => epoch.filter((one, k) => !isAs(reported[n]?.[k] ?? {}, one)));
      t.same(others, []);
      t.equal(health.errors['unknown UBX-RXM-RAWX'], undefined);
    },
  );
}
