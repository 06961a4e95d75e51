import { basename } from 'node:path';
import type { CanConfig } from '../../collectors/can/can-config.ts';
import type { FrameCensus } from '../../collectors/can/frame-census.ts';
import { matchInterfaces } from '../../collectors/can/match-interfaces.ts';
import { CaissonError } from '../errors.ts';

/** What is said of CAN frames of recordings that no source of a config describes. */
export interface CanDecodingSettings {
  readonly dbcs: readonly string[];
  readonly protocol: CanConfig['protocol'];
  readonly obd: boolean;
  readonly raw: boolean;
}

/**
 * How the frames of a recording are decoded. Which DBC file belongs to which bus is found from the identifiers met; frames that
 * nothing decodes are kept as they are.
 * @throws CaissonError `import-refused` where DBC files are given and none has any of the frames
 */
export function canRecordingDecoding(
  path: string,
  buses: ReadonlyMap<string, FrameCensus>,
  { dbcs, protocol, obd, raw }: CanDecodingSettings,
): Pick<CanConfig, 'interfaces' | 'raw' | 'protocol' | 'obd'> {
  // Messages of J1939 are known by their group, so that their identifiers say nothing of which file fits.
  const interfaces =
    protocol === 'j1939'
      ? Object.fromEntries([...buses.keys()].map((bus) => [bus, { dbc: [...dbcs] }]))
      : matchInterfaces(buses, dbcs);
  const isDecoded = obd || protocol === 'nmea2000' || Object.values(interfaces).some(({ dbc = [] }) => dbc.length > 0);
  if (dbcs.length > 0 && !isDecoded && buses.size > 0) {
    const files = dbcs.map((dbc) => basename(dbc)).join(', ');
    throw new CaissonError('import-refused', `${path}: none of its frames is in ${files}`, {
      hint: 'without --dbc its frames are kept as they are; --protocol j1939 looks for parameter groups',
    });
  }
  const keepsAll = raw || !isDecoded;
  return {
    interfaces,
    ...(keepsAll && { raw: true }),
    ...(protocol !== undefined && { protocol }),
    ...(obd && { obd }),
  };
}
