import { resolve } from 'node:path';
import { censusOfRecording } from '../../collectors/can/recording-census.ts';
import { recogniseRecording } from '../../collectors/recognise-recording.ts';
import { CaissonError, messageOf } from '../errors.ts';
import { type CanDecodingSettings, canRecordingDecoding } from './can-recording-decoding.ts';
import { IMPORTED_FORMATS } from './import-plan.ts';
import { readHead } from './recording-content.ts';
import { sourceName } from './recording-sources.ts';
import type { SourceConfig } from './source-kinds.ts';

/** How recordings are to be played. */
export interface ReplaySettings extends CanDecodingSettings {
  /** First part of channel names; undefined: what each file is called. */
  readonly name: string | undefined;
  /** Seconds of a recording in one second. */
  readonly speed: number | 'max';
  readonly loop: boolean;
  /** Such as `+08:00`. */
  readonly utcOffset: string | undefined;
  /** Pace of recordings of a wire, which have no times, at speed 1, bits a second. */
  readonly baudRate: number;
}

/** Bounds of the pace of a wire in the config of a source. */
const BAUD_RATE_LEAST = 50;
const BAUD_RATE_MOST = 100_000_000;

/**
 * The sources that play recordings, each by its content, through the collectors that real hardware uses.
 * @throws CaissonError `import-refused` for a file that is no recording, `port-unavailable` for one that cannot be read
 */
export async function replaySources(
  files: readonly string[],
  settings: ReplaySettings,
): Promise<Record<string, SourceConfig>> {
  const sources: Record<string, SourceConfig> = {};
  for (const file of files) {
    const path = resolve(file);
    sources[sourceName(settings.name ?? file, sources)] = await sourceOf(path, settings);
  }
  return sources;
}

async function sourceOf(path: string, settings: ReplaySettings): Promise<SourceConfig> {
  const { speed, loop, utcOffset, baudRate } = settings;
  const recognised = recogniseRecording(await readHead(path));
  const place = utcOffset === undefined ? {} : { utcOffset };
  switch (recognised.kind) {
    case 'can': {
      const buses = await censusOfRecording(path).catch((cause: unknown) => {
        throw new CaissonError('port-unavailable', `${path}: ${messageOf(cause)}`, { cause });
      });
      const bus = { log: path, speed, loop, ...place };
      return { type: 'can', bus, ...canRecordingDecoding(path, buses, settings) };
    }
    case 'replay':
      return { type: 'replay', file: path, speed, loop, ...place };
    case 'serial': {
      const pace = speed === 'max' ? {} : { baudRate: paceOf(baudRate * speed) };
      return { type: 'serial', protocol: recognised.protocol, port: { log: path, ...pace } };
    }
    case 'unknown':
      throw new CaissonError('import-refused', `${path} is no recording that is known: ${recognised.met}`, {
        hint: `expected ${IMPORTED_FORMATS}`,
      });
  }
}

function paceOf(baudRate: number): number {
  return Math.min(BAUD_RATE_MOST, Math.max(BAUD_RATE_LEAST, Math.round(baudRate)));
}
