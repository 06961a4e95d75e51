import { CaissonError } from '../../gateway/errors.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import { PlacedCounters, type RecordingContent, type RecordingImport, readableBytes } from '../recording-import.ts';
import { makeDecoding } from './make-decoding.ts';
import { checkSerial, type SerialConfig, type SerialSettings, serialSettings } from './serial-config.ts';
import type { WireListener } from './wire-decoding.ts';

const LF = 0x0a;

/** What recordings of each protocol are, for people, and whether they are lines that can be counted. */
const FORMATS: Readonly<Record<SerialSettings['protocol'], readonly [name: string, unit: 'line' | 'byte']>> = {
  nmea: ['NMEA 0183', 'line'],
  ubx: ['UBX', 'byte'],
  mixed: ['NMEA 0183 and UBX', 'byte'],
  vedirect: ['VE.Direct', 'byte'],
  lines: ['lines by pattern', 'line'],
  'line-protocol': ['InfluxDB line protocol', 'line'],
  framed: ['binary frames', 'byte'],
  shdr: ['MTConnect SHDR', 'line'],
};

export interface SerialImportParts {
  readonly content: RecordingContent;
  /** What a source of these bytes has in the config. */
  readonly config: SerialConfig;
  /** Name of the source. */
  readonly source: string;
  /**
   * UTC of the first sample that has a time, microseconds; undefined: as the recording says. It is the date of sentences that tell times of
   * day alone.
   */
  readonly startAt?: number | undefined;
}

/**
 * The bytes of a wire. What has a time has its own. What has none, as the instruments beside a satellite receiver, is
 * stamped with the UTC that the receiver told last; before it told any, it has no time.
 * @throws CaissonError `config-invalid`; `import-refused` for one that tells no time, without `startAt`
 */
export function openSerialImport({ content, config, source, startAt }: SerialImportParts): RecordingImport {
  const settings: SerialSettings = { ...serialSettings(config), timestamp: 'device' };
  checkSerial(settings);
  if (settings.protocol === 'vedirect' && startAt === undefined) {
    throw new CaissonError('import-refused', `${content.path} (${FORMATS.vedirect[0]}) tells no time`, {
      hint: '--start gives that of its first block; the others follow at the pace of devices, a second each',
    });
  }
  return new SerialImport(content, settings, source, startAt);
}

class SerialImport implements RecordingImport {
  readonly format: string;
  readonly recipe: RecordingImport['recipe'];
  readonly #content: RecordingContent;
  readonly #settings: SerialSettings;
  readonly #source: string;
  readonly #startAt: number | undefined;
  readonly #counters: PlacedCounters;
  readonly #countsLines: boolean;
  /** The last UTC that was told, microseconds. */
  #utc = Number.NEGATIVE_INFINITY;

  constructor(content: RecordingContent, settings: SerialSettings, source: string, startAt: number | undefined) {
    const { port: _, raw: __, timestamp: ___, ...meaning } = settings;
    const [name, unit] = FORMATS[settings.protocol];
    this.format = name;
    this.recipe = { kind: 'serial', source, ...meaning, ...(startAt !== undefined && { startAt }) };
    this.#content = content;
    this.#settings = settings;
    this.#source = source;
    this.#startAt = startAt;
    this.#counters = new PlacedCounters(unit);
    this.#countsLines = unit === 'line';
  }

  get received(): number {
    return this.#counters.received;
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#counters.errors;
  }

  get errorPlaces(): Readonly<Record<string, string>> {
    return this.#counters.places;
  }

  async *run(sink: SampleSink): AsyncGenerator<number, void, undefined> {
    const counters = this.#counters;
    const listener: WireListener = {
      understood: () => {},
      fix: (utc) => {
        this.#utc = utc;
      },
    };
    const startAt = this.#startAt;
    const into = startAt === undefined ? sink : beginningAt(startAt, sink);
    const decoding = makeDecoding(this.#settings, this.#source, into, counters, listener, startAt);
    if (this.#countsLines) counters.at = 1;
    let read = 0;
    const onBroken = () => {
      if (!this.#countsLines) counters.at = read;
      counters.error('recording-broken-off');
    };
    for await (const bytes of readableBytes(this.#content.path, onBroken)) {
      // Cut at the ends of lines, so that each is stamped with what was told before it.
      for (let from = 0; from < bytes.length; ) {
        const end = bytes.indexOf(LF, from);
        const to = end < 0 ? bytes.length : end + 1;
        if (!this.#countsLines) counters.at = read + from;
        decoding.feed(bytes.subarray(from, to), this.#utc);
        if (this.#countsLines && end >= 0) counters.at += 1;
        from = to;
      }
      read += bytes.length;
      yield read / this.#content.bytes;
    }
    decoding.end();
  }
}

/** Puts samples into `sink` so that the first that has a time has that one, microseconds, and the others follow as they did. */
function beginningAt(startAt: number, sink: SampleSink): SampleSink {
  let shift: number | undefined;
  const moved = (time: number) => {
    if (!Number.isFinite(time)) return time;
    shift ??= startAt - time;
    return time + shift;
  };
  return {
    channel: (spec) => sink.channel(spec),
    push: (channel, time, value) => sink.push(channel, moved(time), value),
    pushColumns: (channel, times, values, from, to) =>
      sink.pushColumns(channel, times.slice(from, to).map(moved), values.slice(from, to), 0, to - from),
    pushText: (channel, time, text) => sink.pushText(channel, moved(time), text),
  };
}
