import type { SampleSink } from '../../gateway/intake.ts';
import type { CollectorCounters } from '../collector.ts';
import { NmeaDecoder } from './nmea/decoder.ts';
import { NmeaFramer } from './nmea/framer.ts';
import { GnssTime } from './nmea/gnss-time.ts';
import type { Quantity } from './nmea/quantities.ts';
import { Selection } from './nmea/selection.ts';
import type { SerialSettings } from './serial-config.ts';

/** Sentence types that health names one by one; further ones are counted together. */
export const UNKNOWN_TYPES_MAX = 64;

/** Who wants to know more than samples. */
export interface NmeaListener {
  /** A sentence came, whatever it holds. */
  sentence(): void;
  /** A valid fix was told: its UTC, microseconds, by a sentence of that many bytes. */
  fix(utc: number, bytes: number): void;
}

/** Turns the bytes of a wire into samples: those of a wire and those that were kept raw alike. */
export class NmeaDecoding {
  readonly #settings: Pick<SerialSettings, 'timestamp' | 'talkers' | 'prefix'>;
  readonly #source: string;
  readonly #sink: SampleSink;
  readonly #counters: CollectorCounters;
  readonly #listener: NmeaListener | undefined;
  readonly #framer: NmeaFramer;
  readonly #decoder = new NmeaDecoder();
  readonly #time = new GnssTime();
  readonly #selection = new Selection();
  readonly #channels = new Map<Quantity, number>();
  readonly #unknown = new Set<string>();
  /** Box time at which the bytes in hand were read. */
  #arrival = 0;

  constructor(
    settings: Pick<SerialSettings, 'timestamp' | 'talkers' | 'prefix' | 'checksum'>,
    source: string,
    sink: SampleSink,
    counters: CollectorCounters,
    listener?: NmeaListener,
  ) {
    this.#settings = settings;
    this.#source = source;
    this.#sink = sink;
    this.#counters = counters;
    this.#listener = listener;
    this.#framer = new NmeaFramer(
      {
        sentence: (text, start) => this.#sentence(text, start),
        damaged: (reason) => {
          this.#seen();
          this.#counters.error(reason);
        },
      },
      settings.checksum === 'required',
    );
  }

  /** Takes the next bytes of the wire, read at box time `arrival`, microseconds. They are not kept. */
  feed(bytes: Uint8Array, arrival: number): void {
    this.#arrival = arrival;
    this.#framer.feed(bytes);
  }

  /** The wire ended in good order, as a recording does. */
  end(): void {
    this.#framer.end();
  }

  /** The wire was lost: what comes next does not continue what came before. */
  lost(): void {
    this.#framer.reset();
  }

  #seen(): void {
    this.#counters.received += 1;
    this.#counters.lastSeen = this.#arrival;
  }

  #sentence(text: string, start: '$' | '!'): void {
    this.#listener?.sentence();
    this.#seen();
    const outcome = this.#decoder.decode(text);
    const { talker, type } = this.#decoder;
    const { talkers } = this.#settings;
    if (talkers.length > 0 && !talkers.includes(talker)) return;
    if (outcome === 'unknown' || start === '!') {
      this.#countUnknown(type);
      return;
    }
    if (outcome === 'bad-field') this.#counters.error('bad-field');
    const { report } = this.#decoder;
    this.#time.take(report);
    const { utc, isValid } = this.#time;
    if (report.isTimed && isValid === true && utc !== undefined) this.#listener?.fix(utc, text.length);
    this.#push(talker + type);
  }

  #countUnknown(type: string): void {
    if (!this.#unknown.has(type) && this.#unknown.size < UNKNOWN_TYPES_MAX) this.#unknown.add(type);
    this.#counters.error(this.#unknown.has(type) ? `unknown ${type}` : 'unknown others');
  }

  #push(address: string): void {
    const { quantities, values } = this.#decoder.report;
    let isWithoutUtc = false;
    let isDropped = false;
    for (let index = 0; index < quantities.length; index += 1) {
      const quantity = quantities[index];
      const value = values[index];
      if (quantity === undefined || value === undefined) continue;
      const time = this.#timeOf(quantity);
      if (time === undefined) isWithoutUtc = true;
      else if (this.#selection.takes(quantity, address, this.#time.epoch, this.#arrival)) {
        if (this.#sink.push(this.#channel(quantity), time, value)) this.#counters.samples += 1;
        else isDropped = true;
      }
    }
    if (isWithoutUtc) this.#counters.error('no-utc');
    if (isDropped) this.#counters.dropped += 1;
  }

  #isDeviceStamped(quantity: Quantity): boolean {
    return quantity.origin === 'fix' && this.#settings.timestamp === 'device';
  }

  #timeOf(quantity: Quantity): number | undefined {
    return this.#isDeviceStamped(quantity) ? this.#time.utc : this.#arrival;
  }

  #channel(quantity: Quantity): number {
    const known = this.#channels.get(quantity);
    if (known !== undefined) return known;
    const { id } = this.#sink.channel({
      name: `${this.#settings.prefix ?? this.#source}/${quantity.path}`,
      source: this.#source,
      unit: quantity.unit,
      type: quantity.type,
      description: quantity.description,
      stamp: this.#isDeviceStamped(quantity) ? 'device' : 'arrival',
      ...(quantity.decimals === undefined ? {} : { decimals: quantity.decimals }),
      ...(quantity.labels === undefined ? {} : { labels: quantity.labels }),
    });
    this.#channels.set(quantity, id);
    return id;
  }
}
