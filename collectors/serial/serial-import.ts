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
  /** Time from one line or frame to the next, microseconds, where they tell none; undefined: that is not known. */
  readonly everyUs?: number | undefined;
}

/**
 * The bytes of a wire. What has a time has its own. What has none, as the instruments beside a satellite receiver, is
 * stamped with the UTC that the receiver told last; before it told any, it has no time.
 * @throws CaissonError `config-invalid`; `import-refused` for one that tells no time where `startAt` or `everyUs` are missing, and for
 *   another with `everyUs`
 */
export function openSerialImport(parts: SerialImportParts): RecordingImport {
  const settings: SerialSettings = { ...serialSettings(parts.config), timestamp: 'device' };
  checkSerial(settings);
  requireTimes(settings.protocol, parts);
  return new SerialImport(parts, settings);
}

/** @throws CaissonError `import-refused` */
function requireTimes(protocol: SerialSettings['protocol'], { content, startAt, everyUs }: SerialImportParts): void {
  const what = `${content.path} (${FORMATS[protocol][0]})`;
  const isEven = protocol === 'lines' || protocol === 'framed';
  if (everyUs !== undefined && !isEven) {
    throw new CaissonError('import-refused', `${what} is no recording of units that follow one another evenly`, {
      hint: 'give --start without --every, or neither',
    });
  }
  if (protocol === 'vedirect' && startAt === undefined) {
    throw new CaissonError('import-refused', `${what} tells no time`, {
      hint: '--start gives that of its first block; the others follow at the pace of devices, a second each',
    });
  }
  if (isEven && (startAt === undefined || everyUs === undefined)) {
    throw new CaissonError('import-refused', `${what} tells no times`, {
      hint: '--start gives that of the first that is understood, --every how long it is from one to the next',
    });
  }
}

class SerialImport implements RecordingImport {
  readonly format: string;
  readonly recipe: RecordingImport['recipe'];
  readonly #content: RecordingContent;
  readonly #settings: SerialSettings;
  readonly #source: string;
  readonly #startAt: number | undefined;
  readonly #everyUs: number | undefined;
  readonly #counters: PlacedCounters;
  readonly #countsLines: boolean;
  /** The last UTC that was told, microseconds. */
  #utc = Number.NEGATIVE_INFINITY;

  constructor({ content, source, startAt, everyUs }: SerialImportParts, settings: SerialSettings) {
    const { port: _, raw: __, timestamp: ___, ...meaning } = settings;
    const [name, unit] = FORMATS[settings.protocol];
    this.format = name;
    const times = { ...(startAt !== undefined && { startAt }), ...(everyUs !== undefined && { everyUs }) };
    this.recipe = { kind: 'serial', source, ...meaning, ...times };
    this.#content = content;
    this.#settings = settings;
    this.#source = source;
    this.#startAt = startAt;
    this.#everyUs = everyUs;
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
    const startAt = this.#startAt;
    const even =
      startAt === undefined || this.#everyUs === undefined ? undefined : new EvenTimes(startAt, this.#everyUs);
    const listener: WireListener = {
      understood: () => even?.next(),
      fix: (utc) => {
        this.#utc = utc;
      },
    };
    const into = even?.into(sink) ?? (startAt === undefined ? sink : beginningAt(startAt, sink));
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
  return timed(sink, moved);
}

/** Times of units of which it is known how long it is from one to the next. One that is not understood is not seen to have passed. */
class EvenTimes {
  readonly #everyUs: number;
  #time: number;

  constructor(startAt: number, everyUs: number) {
    this.#everyUs = everyUs;
    this.#time = startAt - everyUs;
  }

  /** A unit was understood; its samples follow. */
  next(): void {
    this.#time += this.#everyUs;
  }

  /** Puts samples into `sink` at the time of their unit. */
  into(sink: SampleSink): SampleSink {
    return timed(sink, () => this.#time);
  }
}

/** Puts samples into `sink` at other times. */
function timed(sink: SampleSink, timeOf: (time: number) => number): SampleSink {
  return {
    channel: (spec) => sink.channel(spec),
    push: (channel, time, value) => sink.push(channel, timeOf(time), value),
    pushColumns: (channel, times, values, from, to) =>
      sink.pushColumns(channel, times.slice(from, to).map(timeOf), values.slice(from, to), 0, to - from),
    pushText: (channel, time, text) => sink.pushText(channel, timeOf(time), text),
  };
}
