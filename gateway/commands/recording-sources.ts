import { readdirSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { DbcMessage } from '../../collectors/can/dbc/dbc.ts';
import { readDbc } from '../../collectors/can/dbc/read-dbc.ts';
import { frameKey } from '../../collectors/can/dictionary.ts';
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
      const interfaces = await matchInterfaces(log, dbcs);
      if (interfaces === undefined) continue;
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

/**
 * What a file is called, as the name of a source: `rav4_20180802_60s.candump.log.gz` plays as `rav4`, and
 * `session_20251231_tianma_lap9.csv` as `tianma`; a second one of the name as `rav4-2`.
 */
function sourceName(file: string, taken: Readonly<Record<string, unknown>>): string {
  const words = basename(file)
    .replace(/(\.(candump|log|txt|csv|asc|blf|trc|pcap|pcapng|mf4|gz))+$/i, '')
    .split(/[._ ]/)
    .map((word) => word.replace(/^-+|[^A-Za-z0-9-]/g, '').slice(0, SOURCE_WORD_MAX));
  const name = words.find((word) => !GENERIC_WORD.test(word)) ?? words.find((word) => word !== '') ?? 'recording';
  let unique = name;
  for (let count = 2; Object.hasOwn(taken, unique); count += 1) unique = `${name}-${count}`;
  return unique;
}

type Interfaces = NonNullable<Extract<SourceConfig, { type: 'can' }>['interfaces']>;

/**
 * For every bus of a log the DBC files that know its identifiers. Of those that know most of its frames the one that says
 * most about its signals comes first and so counts where several know a message; the others follow by frames known.
 * Undefined where the file is no recording of CAN frames, whatever its name says.
 */
async function matchInterfaces(log: string, dbcs: readonly string[]): Promise<Interfaces | undefined> {
  const framesOf = await censusOfRecording(log).catch((error: unknown) => {
    if (error instanceof NoRecordingError) return undefined;
    throw error;
  });
  if (framesOf === undefined) return undefined;
  const known = await Promise.all(
    dbcs.map(async (path) => {
      const { messages } = await readDbc(path);
      const keys = new Set(messages.map(({ id, extended }) => frameKey(id, extended)));
      return { path, keys, described: describedShare(messages) };
    }),
  );
  const interfaces: Interfaces = {};
  for (const [name, { byKey: frames, frames: total }] of framesOf) {
    const ranked = known
      .map(({ path, keys, described }) => {
        const hits = sum([...frames].map(([key, count]) => (keys.has(key) ? count : 0)));
        return { path, hits, rank: hits > total / 2 ? 1 + described : hits / total };
      })
      .filter(({ hits }) => hits > 0)
      .sort((a, b) => b.rank - a.rank);
    interfaces[name] = { dbc: ranked.map(({ path }) => path) };
  }
  return interfaces;
}

/** Share of signals that have a unit, labels or a comment: 0 to 1. */
function describedShare(messages: readonly DbcMessage[]): number {
  const signals = messages.flatMap((message) => message.signals);
  const described = signals.filter(
    ({ unit, labels, comment }) => unit !== '' || labels.size > 0 || (comment ?? '') !== '',
  );
  return signals.length === 0 ? 0 : described.length / signals.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
