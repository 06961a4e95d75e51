import { setTimeout as wait } from 'node:timers/promises';
import { createCanCollector } from '../../collectors/can/can-collector.ts';
import type { Clock } from '../../gateway/clock.ts';
import { DATA_DIR, recording } from '../data-dir.ts';
import { ColumnIntake } from './column-intake.ts';
import type { Drive } from './drive.ts';

type Interfaces = Readonly<Record<string, readonly string[]>>;

/** A minute of a Toyota RAV4: 250 signals and more of three buses, most of them at 10 to 80 Hz. */
export function decodeRav4(): Promise<Drive> {
  return decodeDrive('rav4', 'can/comma2k19-rav4', 'rav4_20180802_60s.candump.log.gz', {
    can0: ['toyota_nodsu_pt_concat.dbc', 'toyota_2017_ref_pt.dbc'],
    can1: ['toyota_adas.dbc'],
  });
}

/** Forty minutes of a car with a CANmod.gps: position, speed, attitude and acceleration. */
export function decodeCssCar(): Promise<Drive> {
  return decodeDrive('css', 'can/css-car-drive', 'drive_20210726_am_40min.candump.log.gz', {
    can2: ['canmod-gps.dbc'],
  });
}

async function decodeDrive(name: string, folder: string, log: string, dbcs: Interfaces): Promise<Drive> {
  const path = recording(folder);
  if (path === undefined)
    throw new Error(`no recording ${folder} in ${DATA_DIR}; CAISSON_TEST_DATA tells where they are`);
  const intake = new ColumnIntake();
  const collector = createCanCollector(
    {
      bus: { log: `${path}/${log}`, speed: 'max' },
      timestamp: 'device',
      // Its signals, without the frames that no file tells of.
      raw: false,
      interfaces: Object.fromEntries(
        Object.entries(dbcs).map(([bus, files]) => [bus, { dbc: files.map((file) => `${path}/${file}`) }]),
      ),
    },
    { source: name, intake, clock: STOPPED_CLOCK },
  );
  await collector.start();
  while (collector.health().state !== 'stopped') await wait(20);
  await collector.stop();
  return intake.drive(name);
}

const STOPPED_CLOCK: Clock = { now: () => 1e15, observe: () => {} };
