import type { GnssSamples } from './gnss-samples.ts';
import type { NmeaDecoding } from './nmea-decoding.ts';
import type { Outlet } from './outlet.ts';
import { escapeBytes } from './raw-lines.ts';
import type { SerialSettings } from './serial-config.ts';
import { UbxDecoder } from './ubx/decoder.ts';
import { GnssStream } from './ubx/gnss-stream.ts';
import type { WireDecoding, WireListener } from './wire-decoding.ts';

/** Sync, class, id, length and checksum of a UBX frame. */
const UBX_FRAME_BYTES = 8;

/** UBX messages to samples, and, where they are on the wire too, NMEA 0183 sentences; RTCM 3 messages are counted. */
export class UbxDecoding implements WireDecoding {
  readonly unit: string;
  readonly #outlet: Outlet;
  readonly #samples: GnssSamples;
  readonly #listener: WireListener | undefined;
  readonly #nmea: NmeaDecoding | undefined;
  readonly #stream: GnssStream;
  readonly #decoder: UbxDecoder;
  /** Channels of the messages that are kept as they come, by name; 0 before the first. */
  readonly #kept: Map<string, number>;

  /** @param nmea takes what stands between frames; undefined where that is noise */
  constructor(
    { satellites, messages }: Pick<SerialSettings, 'satellites' | 'messages'>,
    outlet: Outlet,
    samples: GnssSamples,
    listener: WireListener | undefined,
    nmea: NmeaDecoding | undefined,
  ) {
    this.unit = nmea === undefined ? 'UBX frame' : 'UBX frame or NMEA 0183 sentence';
    this.#outlet = outlet;
    this.#samples = samples;
    this.#listener = listener;
    this.#nmea = nmea;
    this.#decoder = new UbxDecoder(satellites);
    this.#kept = new Map(messages.map((name) => [name, 0]));
    this.#stream = new GnssStream(
      {
        ubx: (messageClass, id, payload, frame) => this.#message(messageClass, id, payload, frame),
        rtcm: (type) => this.#rtcm(type),
        between: (bytes) => nmea?.feed(bytes, outlet.arrival),
        damaged: (reason) => outlet.damaged(reason),
      },
      nmea !== undefined,
    );
  }

  feed(bytes: Uint8Array, arrival: number): void {
    this.#outlet.arrival = arrival;
    this.#stream.feed(bytes);
  }

  end(): void {
    this.#stream.end();
    this.#nmea?.end();
  }

  lost(): void {
    this.#stream.end();
    this.#nmea?.lost();
  }

  /** A frame between the bytes of a sentence says that the rest of the sentence was lost. */
  #begin(): void {
    this.#nmea?.lost();
    this.#listener?.understood();
    this.#outlet.begin();
  }

  #message(messageClass: number, id: number, payload: Uint8Array, frame: Uint8Array): void {
    this.#begin();
    const outcome = this.#decoder.decode(messageClass, id, payload);
    const { name, report, epoch, utc, isClockworthy } = this.#decoder;
    const kept = this.#kept.get(name);
    if (kept !== undefined) this.#keep(name, kept, frame);
    else if (outcome === 'unknown') this.#outlet.unknown(`UBX-${name}`);
    if (outcome === 'ubx-short') this.#outlet.error(outcome);
    if (outcome !== 'decoded') return;
    if (isClockworthy && utc !== undefined) this.#listener?.fix(utc, payload.length + UBX_FRAME_BYTES);
    this.#samples.push(report, { address: name, epoch, utc, isPreferred: true });
  }

  #keep(name: string, known: number, frame: Uint8Array): void {
    let channel = known;
    if (channel === 0) {
      const description = `UBX ${name}, a frame a sample, what is not printable escaped as in C`;
      const about = { unit: '', type: 'text', class: 'bulk', stamp: 'arrival', description } as const;
      channel = this.#outlet.channel({ ...about, path: `messages/${name}` });
      this.#kept.set(name, channel);
    }
    this.#outlet.pushText(channel, this.#outlet.arrival, escapeBytes(frame));
  }

  #rtcm(type: number): void {
    this.#begin();
    this.#outlet.unknown(`RTCM ${type}`);
  }
}
