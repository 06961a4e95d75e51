import { readdirSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { matchInterfaces } from '../../collectors/can/match-interfaces.ts';
import { censusOfRecording } from '../../collectors/can/recording-census.ts';
import { isReplayable } from '../../collectors/replay/recording-file.ts';
import { NoRecordingError } from '../../hardware/can/recording/can-recording.ts';
import { CaissonError, messageOf } from '../errors.ts';
import type { SourceConfig } from './source-kinds.ts';

/** What recordings of CAN frames are called; what they are is told by their content. */
const CAN_RECORDING = /((\.candump|candump.*)\.(log|txt)|\.(asc|blf|trc|pcap|pcapng|mf4))(\.gz)?$/i;

/**
 * The sources that play every recording of a folder, in real time and round and round, through the collectors that real
 * hardware uses. Which DBC files of the folder belong to which bus is found from the identifiers met.
 *
 * @throws CaissonError `port-unavailable` when the folder cannot be read or has nothing that can be played
 */
export async function recordingSources(folder: string): Promise<Record<string, SourceConfig>> {
  const files = listFolder(folder);
  const dbcs = files.filter((file) => /\.dbc$/i.test(file)).map((file) => resolve(folder, file));
  const sources: Record<string, SourceConfig> = {};
  for (const file of files) {
    const log = resolve(folder, file);
    if (CAN_RECORDING.test(file)) {
      const buses = await censusOfRecording(log).catch((error: unknown) => {
        // Whatever its name says.
        if (error instanceof NoRecordingError) return undefined;
        throw error;
      });
      if (buses === undefined) continue;
      const interfaces = matchInterfaces(buses, dbcs);
      sources[sourceName(file, sources)] = { type: 'can', bus: { log, loop: true }, interfaces };
    } else if (/\.csv(\.gz)?$/i.test(file) && (await isReplayable(log))) {
      sources[sourceName(file, sources)] = { type: 'replay', file: log, loop: true };
    }
  }
  if (Object.keys(sources).length > 0) return sources;
  throw new CaissonError('port-unavailable', `${folder} has no recording that can be played`, {
    hint: 'expected recordings of CAN frames (candump, ASC, BLF, TRC, pcap, MF4) with their DBC files, or CSV of RaceChrono Pro (version 3) or AiM RaceStudio 3',
  });
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    throw new CaissonError('port-unavailable', `${folder}: ${messageOf(cause)}`, { cause });
  }
}

/** Characters of a source's name that come from the file's. */
const SOURCE_WORD_MAX = 48;

/** Words of file names that say what any recording is. */
const GENERIC_WORD = /^(\d*|session)$/i;

/** {@link recordingName}, counted on where it is taken: `rav4-2`. */
export function sourceName(file: string, taken: Readonly<Record<string, unknown>>): string {
  const name = recordingName(file);
  let unique = name;
  for (let count = 2; Object.hasOwn(taken, unique); count += 1) unique = `${name}-${count}`;
  return unique;
}

/**
 * What a file is called, as the name of a source: `rav4_20180802_60s.candump.log.gz` is `rav4`, and
 * `session_20251231_tianma_lap9.csv` is `tianma`.
 */
export function recordingName(file: string): string {
  const words = basename(file)
    .replace(/(\.(candump|log|txt|csv|asc|blf|trc|pcap|pcapng|mf4|nmea|ubx|lp|shdr|gz))+$/i, '')
    .split(/[._ ]/)
    .map((word) => word.replace(/^-+|[^A-Za-z0-9-]/g, '').slice(0, SOURCE_WORD_MAX));
  return words.find((word) => !GENERIC_WORD.test(word)) ?? words.find((word) => word !== '') ?? 'recording';
}
