import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import { FrameBatch } from '../../hardware/can/can-frame.ts';
import { NoRecordingError, openCanRecording } from '../../hardware/can/recording/can-recording.ts';
import { recordingContext } from '../../hardware/can/recording/frame-decoder.ts';
import { CollectorCounters } from '../collector.ts';
import type { RecordingImport } from '../recording-import.ts';
import { offsetUs } from '../utc-offset.ts';
import { RecordedSeconds, SECOND_US } from './bus-meter.ts';
import { bitratesOf, type CanConfig, type CanSettings, canSettings, checkSettings } from './can-config.ts';
import { CanDecoding } from './can-decoding.ts';
import { canRecipe } from './can-redecoder.ts';
import { Dictionaries } from './dictionary.ts';
import { RawFrames } from './raw-frames.ts';
import type { RecordingCensus } from './recording-census.ts';
import { UndefinedFrames } from './undefined-frames.ts';

const BATCH_FRAMES = 1024;

/** Recordings whose first frame is older have times that count from their beginning: CAN was first shown in 1986. */
const OLDEST_US = Date.UTC(1986) * 1e3;

export interface CanImportParts {
  readonly path: string;
  /** What a source of these frames has in the config; its `bus` is a recording. */
  readonly config: CanConfig;
  /** Name of the source. */
  readonly source: string;
  readonly census: RecordingCensus;
  readonly format: string;
  /** UTC of the first frame, microseconds, in place of what the recording says. */
  readonly startAt?: number | undefined;
}

/**
 * The frames of a recording of one or several buses.
 * @throws CaissonError `config-invalid`, `dbc-invalid`, and `import-refused` where its times are no UTC
 */
export function openCanImport(parts: CanImportParts): RecordingImport {
  const settings: CanSettings = { ...canSettings(parts.config), timestamp: 'device' };
  checkSettings(settings, parts.source);
  const { firstTime, frames } = parts.census;
  const { path, startAt } = parts;
  const hint = '--start says when it began, as ISO 8601';
  if (frames === 0) throw new CaissonError('import-refused', `${path}: no frame in it that can be read`);
  if (firstTime === undefined) {
    throw new CaissonError('import-refused', `${path}: its frames have no times`, {
      hint: 'a source with `bus: { log }` plays it in the pace of the bus',
    });
  }
  if (startAt === undefined && firstTime < OLDEST_US) {
    throw new CaissonError('import-refused', `${path}: its times count from its beginning, of no known date`, { hint });
  }
  const shift = startAt === undefined ? 0 : startAt - firstTime;
  return new CanImport(parts, settings, shift);
}

class CanImport implements RecordingImport {
  readonly format: string;
  readonly recipe: RecordingImport['recipe'];
  readonly #parts: CanImportParts;
  readonly #settings: CanSettings;
  readonly #shift: number;
  readonly #counters = new CollectorCounters();
  readonly #context;
  readonly #dictionaries: Dictionaries;
  readonly #seconds = new RecordedSeconds();

  constructor(parts: CanImportParts, settings: CanSettings, shift: number) {
    const { source, format, startAt } = parts;
    const utcOffset = 'log' in settings.bus ? settings.bus.utcOffset : '+00:00';
    const { bitrate } = bitratesOf(settings.bus);
    this.format = format;
    this.recipe = {
      ...canRecipe(settings),
      ...{ source, utcOffset, raw: settings.raw === undefined ? false : { ...settings.raw } },
      ...(bitrate !== undefined && { bitrate }),
      ...(startAt !== undefined && { startAt }),
    };
    this.#parts = parts;
    this.#settings = settings;
    this.#shift = shift;
    this.#context = recordingContext(offsetUs(utcOffset));
    this.#dictionaries = Dictionaries.load(settings);
  }

  get received(): number {
    return this.#counters.received;
  }

  get errors(): Readonly<Record<string, number>> {
    const errors: Record<string, number> = { ...this.#counters.errors };
    for (const [reason, count] of Object.entries(this.#context.errors.counts)) {
      errors[reason] = (errors[reason] ?? 0) + count;
    }
    // Frames that are only kept as they are lack nothing.
    const { obd, protocol } = this.#settings;
    if (this.#dictionaries.signalsMax === 0 && obd === undefined && protocol !== 'nmea2000')
      delete errors['no-definition'];
    return errors;
  }

  get errorPlaces(): Readonly<Record<string, string>> {
    return this.#context.errors.places;
  }

  async *run(sink: SampleSink): AsyncGenerator<number, void, undefined> {
    const { path, source, census } = this.#parts;
    const { names } = this.#context.interfaces;
    const { raw, interfaces } = this.#settings;
    const rawSettings = raw && { source, raw, stamp: 'device' as const, hasNamelessBus: interfaces === undefined };
    const kept = rawSettings && new RawFrames(rawSettings, sink, names, this.#counters);
    const undefinedFrames = new UndefinedFrames(this.#counters, raw?.frames === 'undefined' ? kept : undefined);
    const parts = { undefinedFrames };
    const decoding = new CanDecoding(this.#settings, source, this.#dictionaries, names, sink, this.#counters, parts);
    const all = raw?.frames === 'all' ? kept : undefined;
    const recording = await openRecording(path, this.#context);
    const batch = new FrameBatch(BATCH_FRAMES);
    try {
      for (; await this.#read(recording, batch); batch.clear()) {
        for (let i = 0; i < batch.count; i += 1) this.#take(batch, i, decoding, all);
        yield this.received / census.frames;
      }
    } finally {
      await recording.close();
    }
  }

  #take(frames: FrameBatch, i: number, decoding: CanDecoding, all: RawFrames | undefined) {
    const time = (frames.times[i] as number) + this.#shift;
    this.#counters.received += 1;
    if (Number.isNaN(time)) {
      this.#counters.error('no-time');
      return;
    }
    this.#meter(time, decoding);
    all?.push(frames, i, time);
    decoding.take(frames, i, time);
  }

  #meter(time: number, decoding: CanDecoding): void {
    this.#seconds.advance(
      time,
      (second) => {
        for (const one of decoding.interfaces()) one.pushReading(SECOND_US, second);
      },
      () => {
        for (const one of decoding.interfaces()) one.resetMeter();
      },
    );
  }

  /** False at the end, and where the recording cannot be read further. */
  async #read(recording: Awaited<ReturnType<typeof openRecording>>, batch: FrameBatch): Promise<boolean> {
    try {
      return await recording.read(batch);
    } catch {
      this.#context.errors.add('recording-broken-off');
      return batch.count > 0;
    }
  }
}

async function openRecording(path: string, context: ReturnType<typeof recordingContext>) {
  try {
    return await openCanRecording(path, context);
  } catch (cause) {
    const code = cause instanceof NoRecordingError ? 'import-refused' : 'port-unavailable';
    throw new CaissonError(code, `${path}: ${messageOf(cause)}`, { cause });
  }
}
