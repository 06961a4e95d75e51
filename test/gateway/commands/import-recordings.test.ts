import t from 'tap';
import type { ImportSettings } from '../../../gateway/commands/import-plan.ts';
import { recording } from '../../data-dir.ts';
import { rav4File, rav4Source, readWheelSpeeds } from '../../rav4-oracle.ts';
import { ImportRig } from './import-rig.ts';

const RAV4 = 'can/comma2k19-rav4/rav4_20180802_60s.candump.log.gz';
const GPS_DBC = recording('can/css-car-drive/canmod-gps.dbc') ?? '';
const AGX = 'race/scut-formula-student/AGX.csv';

/** Of each recording what its SOURCES.md says of it: format, units, and what is damaged or odd in it. */
const CASES: readonly (readonly [file: string, expected: object, settings?: Partial<ImportSettings>])[] = [
  [RAV4, { format: 'candump', received: 98_800 }],
  [
    'can/css-car-drive/drive_20210726_am_40min.candump.log.gz',
    { format: 'candump', received: 292_097 },
    { dbcs: [GPS_DBC] },
  ],
  ['can/css-car-drive/00000005-60FEB5A8.MF4', { format: 'MF4 bus log' }, { dbcs: [GPS_DBC], obd: true }],
  ['can/css-j1939-truck/j1939_20231130_401s.candump.log.gz', { received: 150_410 }],
  ['can/nmea2000/can0-1.pcap.gz', { format: 'pcap of CAN frames', received: 49_928 }],
  ['can/nmea2000/sample3_PCAN-View.trc', { format: 'PEAK TRC', received: 12_274 }],
  ['race/racechrono-tianma/session_20251231_111318_tianma_lap9_v3.csv', { received: 3850, samples: 3850 * 25 }],
  // 13:57 in Guangzhou, 8 hours ahead of UTC.
  [
    AGX,
    { received: 1780, samples: 1780 * 79, from: Date.UTC(2026, 0, 25, 5, 57) * 1e3, skipped: {} },
    { utcOffset: '+08:00' },
  ],
  ['serial/gpsd/bundg_zeus_9.log', { format: 'NMEA 0183', received: 4999 }],
  ['serial/gpsd/gpsdf.log', { received: 1501, skipped: { 'bad-checksum': 46 } }],
  ['serial/gpsd/firefly-II.log', { received: 69, skipped: { 'bad-checksum': 23 } }],
  ['serial/gpsd/ublox-zed-f9p_hpg1.11.log.gz', { format: 'NMEA 0183 and UBX' }],
  ['serial/gpsd/ublox-neo-m8t.log', { format: 'NMEA 0183 and UBX' }],
  [
    'industrial/okuma-mtconnect/okuma.txt',
    { format: 'MTConnect SHDR', to: Date.UTC(2022, 7, 8, 14, 30, 19, 672) * 1e3 + 764 },
  ],
];

for (const [name, expected, settings] of CASES) {
  const file = recording(name) ?? '';
  t.test(`${name} comes in whole`, { skip: file === '' && 'CAISSON_TEST_DATA names no folder with it' }, async (t) => {
    const rig = new ImportRig(t);
    const report = await rig.import(file, settings);
    t.match(report, expected);
    t.equal(rig.samples(), report.samples);
    rig.ask((telemetry) => {
      for (const { kept, lost } of telemetry.ledger()) if (lost > 0) t.fail(`${lost} lost of ${kept}`);
    });
    t.same(rig.faults(), []);
    t.match(await rig.import(file, settings), { state: 'known', samples: report.samples });
  });
}

const skip = rav4File('ref_wheel_speed_steer.csv') === '' && 'CAISSON_TEST_DATA names no folder with the recording';
t.test('wheels of an imported drive turn as its recorder decoded them', { skip }, async (t) => {
  const rig = new ImportRig(t);
  const { type, ...source } = rav4Source();
  rig.configure({ type, ...source });
  await rig.import(rav4File('rav4_20180802_60s.candump.log.gz'), 'car');
  rig.ask((telemetry) => {
    for (const { channel, times, steps } of readWheelSpeeds()) {
      const { id } = telemetry.channel(`car/${channel}`);
      const samples = [...telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)];
      const stored = samples.flatMap((part) => [...part.values].map((value) => Math.round(Number(value) * 100)));
      t.same(stored, steps, channel);
      const at = samples.flatMap((part) => [...part.times]);
      t.ok(
        at.every((time, i) => Math.abs(time - (times[i] ?? 0)) < 100_000),
        'at their times',
      );
    }
  });
});
