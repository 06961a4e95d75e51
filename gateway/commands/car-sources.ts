import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAN_BITRATE } from '../../hardware/simulated/dbc.ts';
import { GNSS_BAUD_RATE } from '../../hardware/simulated/gnss.ts';
import type { Rig } from '../../hardware/simulated/rig.ts';
import type { CyclesConfig } from '../analysis/cycles/cycles-config.ts';
import type { SourceConfig } from './source-kinds.ts';

/**
 * The sources that take in simulated cars as they would real ones: two SLCAN adapters and a GNSS receiver each, and one
 * broker for all.
 *
 * @param folder where the DBC files of the buses are written
 */
export function carSources(rig: Rig, folder: string, mqttPort: number): Record<string, SourceConfig> {
  const sources: Record<string, SourceConfig> = {
    // A tyre camera's frames are bare numbers.
    mqtt: { type: 'mqtt', port: mqttPort, topics: [{ filter: '+/tyres/+', unit: 'degC' }] },
  };
  const dbc = { powertrain: join(folder, 'powertrain.dbc'), chassis: join(folder, 'chassis.dbc') };
  for (const bus of ['powertrain', 'chassis'] as const) {
    writeFileSync(dbc[bus], rig.dbc[bus]);
    for (const { name, ports } of rig.cars) {
      sources[`${name}-${bus}`] = {
        type: 'can',
        bus: { slcan: ports[bus], bitrate: CAN_BITRATE },
        dbc: [dbc[bus]],
        prefix: `${name}/${bus}`,
      };
    }
  }
  for (const { name, ports } of rig.cars) {
    sources[`${name}-gnss`] = {
      type: 'serial',
      port: { path: ports.gnss, baudRate: GNSS_BAUD_RATE },
      prefix: `${name}/gnss`,
    };
  }
  return sources;
}

/** Laps of simulated cars, by the counter of each. */
export function carCycles({ cars }: Rig): CyclesConfig {
  return Object.fromEntries(
    cars.map(({ name }) => [
      cars.length === 1 ? 'lap' : `${name}-lap`,
      { trigger: 'value', channel: `${name}/chassis/LapInfo/LapNumber`, summary: [`${name}/**`] },
    ]),
  );
}
