import { Buffer } from 'node:buffer';
import { type ChannelSpec, normalName, type Stamp } from '../../../gateway/channel.ts';
import { type SampleSink, textRoom } from '../../../gateway/intake.ts';
import type { CollectorCounters } from '../../collector.ts';
import { ADDRESS_CLAIMED, nodeText, readAddressClaim } from './address-claim.ts';
import { ACTIVE_CODES, codeText, LAMPS, PREVIOUS_CODES, readTroubles, type TroubleReport } from './trouble-codes.ts';

/** Bytes of the text of trouble codes. At the maximum: further codes are only counted, and the text ends in "...". */
const CODES_TEXT_BYTES_MAX = 2048;

/** Room in the ring that one message takes, in number samples: a text, the count and the lamps. */
export const NODE_ROOM_MAX = textRoom(CODES_TEXT_BYTES_MAX) + 1 + LAMPS.length;

const LAMP_LABELS = { 0: 'off', 1: 'on', 2: 'error' };
/** Of a lamp that a unit does not have. */
const NO_LAMP = 3;

/** Samples of what control units say of themselves: who they are, and their trouble codes. */
export class NodeSamples {
  readonly #path: string;
  readonly #source: string;
  readonly #stamp: Stamp;
  readonly #sink: SampleSink;
  readonly #counters: CollectorCounters;
  /** By name below the path. */
  readonly #channels = new Map<string, number>();
  /** Last text of each channel, by its id. */
  readonly #texts = new Map<number, string>();

  /** @param path first part of the names of its channels */
  constructor(path: string, source: string, stamp: Stamp, sink: SampleSink, counters: CollectorCounters) {
    this.#path = path;
    this.#source = source;
    this.#stamp = stamp;
    this.#sink = sink;
    this.#counters = counters;
  }

  /** Whether a group is one that this reads. */
  static reads(pgn: number): boolean {
    return pgn === ACTIVE_CODES || pgn === PREVIOUS_CODES || pgn === ADDRESS_CLAIMED;
  }

  /**
   * Takes a whole message of a group that is read.
   * @param time microseconds
   * @returns false when a sample could not be taken
   */
  take(pgn: number, source: number, view: DataView, at: number, length: number, time: number): boolean {
    const node = source.toString(16).padStart(2, '0');
    if (pgn === ADDRESS_CLAIMED) {
      const name = readAddressClaim(view, at, length);
      if (name === undefined) return this.#malformed();
      return this.#pushText(`${node}/node`, 'who has the address', nodeText(name), time);
    }
    const report = readTroubles(view, at, length);
    if (report === undefined) return this.#malformed();
    return this.#pushTroubles(`${node}/trouble/${pgn === ACTIVE_CODES ? 'active' : 'previous'}`, report, time);
  }

  /** Names of the channels that were made. */
  *channels(): IterableIterator<string> {
    for (const name of this.#channels.keys()) yield normalName(`${this.#path}/${name}`);
  }

  #malformed(): boolean {
    this.#counters.error('j1939-malformed');
    return true;
  }

  #pushTroubles(path: string, { lamps, codes }: TroubleReport, time: number): boolean {
    const text = cut(codes.map(codeText).join(', '));
    let isTaken = this.#pushText(`${path}/codes`, 'trouble codes', text, time);
    isTaken = this.#push(`${path}/count`, { description: 'trouble codes', decimals: 0 }, codes.length, time) && isTaken;
    for (const [n, name] of LAMPS.entries()) {
      const state = lamps[n];
      if (state === undefined || state === NO_LAMP) continue;
      const about = { type: 'enum', labels: LAMP_LABELS, description: `${name} lamp` } as const;
      isTaken = this.#push(`${path}/${name}_lamp`, about, state, time) && isTaken;
    }
    return isTaken;
  }

  #push(name: string, about: Partial<ChannelSpec>, value: number, time: number): boolean {
    return this.#count(this.#sink.push(this.#channelOf(name, about), time, value));
  }

  /** A text is told when it is another one. */
  #pushText(name: string, description: string, text: string, time: number): boolean {
    const id = this.#channelOf(name, { type: 'text', description });
    if (this.#texts.get(id) === text) return true;
    const isTaken = this.#count(this.#sink.pushText(id, time, text));
    if (isTaken) this.#texts.set(id, text);
    return isTaken;
  }

  #channelOf(name: string, about: Partial<ChannelSpec>): number {
    let id = this.#channels.get(name);
    if (id === undefined) {
      const full = { ...about, name: `${this.#path}/${name}`, source: this.#source, stamp: this.#stamp };
      id = this.#sink.channel(full).id;
      this.#channels.set(name, id);
    }
    return id;
  }

  #count(isTaken: boolean): boolean {
    if (isTaken) this.#counters.samples += 1;
    return isTaken;
  }
}

function cut(text: string): string {
  if (Buffer.byteLength(text) <= CODES_TEXT_BYTES_MAX) return text;
  return `${text.slice(0, text.lastIndexOf(', ', CODES_TEXT_BYTES_MAX - 5))}, ...`;
}
