import type { Buffer } from 'node:buffer';
import type { GnssSamples } from './gnss-samples.ts';
import { NmeaDecoder } from './nmea/decoder.ts';
import { NmeaFramer } from './nmea/framer.ts';
import { GnssTime } from './nmea/gnss-time.ts';
import type { Outlet } from './outlet.ts';
import type { SerialSettings } from './serial-config.ts';
import type { WireDecoding, WireListener } from './wire-decoding.ts';

/** NMEA 0183 sentences to samples. */
export class NmeaDecoding implements WireDecoding {
  readonly unit = 'NMEA 0183 sentence';
  readonly #talkers: readonly string[];
  readonly #outlet: Outlet;
  readonly #samples: GnssSamples;
  readonly #listener: WireListener | undefined;
  readonly #framer: NmeaFramer;
  readonly #decoder: NmeaDecoder;
  readonly #time: GnssTime;

  /** @param near UTC that the first fix is taken to be near, microseconds; undefined: what has no date has no UTC */
  constructor(
    { talkers, checksum, satellites }: Pick<SerialSettings, 'talkers' | 'checksum' | 'satellites'>,
    outlet: Outlet,
    samples: GnssSamples,
    listener?: WireListener,
    near?: number,
  ) {
    this.#time = new GnssTime(near);
    this.#talkers = talkers;
    this.#decoder = new NmeaDecoder(satellites);
    this.#outlet = outlet;
    this.#samples = samples;
    this.#listener = listener;
    this.#framer = new NmeaFramer(
      {
        sentence: (bytes, from, to, start) => this.#sentence(bytes, from, to, start),
        damaged: (reason) => this.#outlet.damaged(reason),
      },
      checksum === 'required',
    );
  }

  feed(bytes: Uint8Array, arrival: number): void {
    this.#outlet.arrival = arrival;
    this.#framer.feed(bytes);
  }

  end(): void {
    this.#framer.end();
  }

  lost(): void {
    this.#framer.reset();
  }

  #sentence(bytes: Buffer, from: number, to: number, start: '$' | '!'): void {
    this.#listener?.understood();
    this.#outlet.begin();
    const outcome = this.#decoder.decode(bytes, from, to);
    const { talker, type, report, address } = this.#decoder;
    if (this.#talkers.length > 0 && !this.#talkers.includes(talker)) return;
    if (outcome === 'unknown' || start === '!') {
      this.#outlet.unknown(type);
      return;
    }
    if (outcome === 'bad-field') this.#outlet.error('bad-field');
    this.#time.take(report);
    const { utc, epoch, isValid } = this.#time;
    if (report.isTimed && isValid && utc !== undefined) this.#listener?.fix(utc, to - from);
    this.#samples.push(report, { address, epoch, utc, isPreferred: false });
  }
}
