import type { CanConfig } from '../../collectors/can/can-config.ts';
import { openCanImport } from '../../collectors/can/can-import.ts';
import { wholeCensus } from '../../collectors/can/recording-census.ts';
import { type Recognised, recogniseRecording } from '../../collectors/recognise-recording.ts';
import type { RecordingImport } from '../../collectors/recording-import.ts';
import { openReplayImport } from '../../collectors/replay/replay-import.ts';
import { openSerialImport } from '../../collectors/serial/serial-import.ts';
import { offsetUs } from '../../collectors/utc-offset.ts';
import { NoRecordingError } from '../../hardware/can/recording/can-recording.ts';
import { CaissonError, messageOf } from '../errors.ts';
import { type CanDecodingSettings, canRecordingDecoding } from './can-recording-decoding.ts';
import type { ReadContent } from './recording-content.ts';
import { recordingName } from './recording-sources.ts';
import type { SourceConfig } from './source-kinds.ts';

/** Formats that can be imported, as people are told. */
export const IMPORTED_FORMATS =
  'candump, Vector ASC or BLF, PEAK TRC, pcap or pcapng of CAN frames, MF4 bus log, NMEA 0183, UBX, MTConnect SHDR, ' +
  'InfluxDB line protocol, CSV of RaceChrono Pro (version 3) or of AiM RaceStudio 3; any of them plain or gzip';

/** How recordings are to be decoded. */
export interface ImportSettings extends CanDecodingSettings {
  /** A source of the config whose recordings they are. */
  readonly source: { readonly name: string; readonly config: SourceConfig } | undefined;
  /** First part of channel names; undefined: what the file is called. */
  readonly name: string | undefined;
  /** Such as `+08:00`. */
  readonly utcOffset: string | undefined;
  /** UTC of the first sample, microseconds. */
  readonly startAt: number | undefined;
  /** Time from one line or frame to the next, microseconds, of recordings that tell none. */
  readonly everyUs: number | undefined;
}

/**
 * How a file is imported, by its content.
 * @throws CaissonError `import-refused`, and what the decoder refuses, as `dbc-invalid`
 */
export async function planImport(content: ReadContent, settings: ImportSettings): Promise<RecordingImport> {
  const recognised = recogniseRecording(content.head);
  if (settings.source !== undefined) return planForSource(content, recognised, settings.source, settings);
  const source = settings.name ?? recordingName(content.path);
  switch (recognised.kind) {
    case 'can':
      return planCan(content, recognised.format, source, settings);
    case 'replay':
      return openReplayImport({
        ...{ content, source, startAt: settings.startAt },
        config: { file: content.path, ...utcOffsetOf(settings) },
      });
    case 'serial': {
      const { protocol } = recognised;
      const config = { port: { log: content.path }, protocol };
      return openSerialImport({ content, source, config, startAt: settings.startAt, everyUs: settings.everyUs });
    }
    case 'unknown':
      throw unknownFormat(content, recognised.met);
  }
}

async function planCan(
  { path }: ReadContent,
  format: string,
  source: string,
  settings: ImportSettings,
): Promise<RecordingImport> {
  const census = await censusOf(path, settings);
  const { startAt } = settings;
  const config: CanConfig = {
    bus: { log: path, ...utcOffsetOf(settings) },
    ...canRecordingDecoding(path, census.buses, settings),
  };
  return openCanImport({ path, config, source, census, format, startAt });
}

/** As the config says of a source; but what it thins out of a live wire comes in whole. */
async function planForSource(
  content: ReadContent,
  recognised: Recognised,
  { name, config }: { readonly name: string; readonly config: SourceConfig },
  settings: ImportSettings,
): Promise<RecordingImport> {
  const { path } = content;
  const { startAt, everyUs } = settings;
  if (config.type !== 'can' && config.type !== 'serial' && config.type !== 'replay') {
    throw new CaissonError('import-refused', `source ${name} is ${config.type}, expected can, serial or replay`, {
      hint: 'only of them there are recordings; without --source the file says what it is',
    });
  }
  if (recognised.kind === 'unknown' && config.type !== 'serial') throw unknownFormat(content, recognised.met);
  if (recognised.kind !== 'unknown' && recognised.kind !== config.type) {
    const what = recognised.kind === 'can' ? recognised.format : recognised.kind;
    throw new CaissonError('import-refused', `${path} is ${what}, but source ${name} is ${config.type}`);
  }
  switch (config.type) {
    case 'can': {
      const bus = { ...busSpeeds(config.bus), log: path, ...utcOffsetOf(settings) };
      const { type: _, keep: __, samplesPerSecondMax: ___, obd, ...rest } = config;
      const format = recognised.kind === 'can' ? recognised.format : 'CAN frames';
      const census = await censusOf(path, settings);
      const own: CanConfig = { ...rest, bus, ...(obd !== undefined && { obd: obd !== false }) };
      return openCanImport({ path, config: own, source: name, census, format, startAt });
    }
    case 'serial': {
      const { type: _, keep: __, samplesPerSecondMax: ___, ...rest } = config;
      const own = { ...rest, port: { log: path } };
      return openSerialImport({ content, source: name, config: own, startAt, everyUs });
    }
    case 'replay': {
      const { type: _, keep: __, samplesPerSecondMax: ___, ...rest } = config;
      const own = { ...rest, file: path, ...utcOffsetOf(settings) };
      return openReplayImport({ content, source: name, config: own, startAt });
    }
  }
}

async function censusOf(path: string, { utcOffset = '+00:00' }: ImportSettings) {
  try {
    return await wholeCensus(path, offsetUs(utcOffset));
  } catch (cause) {
    const code = cause instanceof NoRecordingError ? 'import-refused' : 'port-unavailable';
    throw new CaissonError(code, `${path}: ${messageOf(cause)}`, { cause });
  }
}

/** What the config of a bus says of its speed. */
function busSpeeds(bus: CanConfig['bus']): { bitrate?: number; dataBitrate?: number; utcOffset?: string } {
  const bitrate = 'bitrate' in bus ? bus.bitrate : undefined;
  const { dataBitrate, utcOffset } = 'log' in bus ? bus : {};
  return {
    ...(bitrate !== undefined && { bitrate }),
    ...(dataBitrate !== undefined && { dataBitrate }),
    ...(utcOffset !== undefined && { utcOffset }),
  };
}

function utcOffsetOf({ utcOffset }: ImportSettings): { utcOffset?: string } {
  return utcOffset === undefined ? {} : { utcOffset };
}

function unknownFormat({ path }: ReadContent, met: string): CaissonError {
  return new CaissonError('import-refused', `${path} is no recording that is known: ${met}`, {
    hint: `expected ${IMPORTED_FORMATS}`,
  });
}
