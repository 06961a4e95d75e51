import { Buffer } from 'node:buffer';
import type { Stamp } from '../../../gateway/channel.ts';
import { normalName } from '../../../gateway/channel.ts';
import type { Clock } from '../../../gateway/clock.ts';
import { type SampleSink, textRoom } from '../../../gateway/intake.ts';
import type { CollectorCounters } from '../../collector.ts';
import { BusClock } from './bus-clock.ts';
import { Canboat, type CanboatDefinition, type CanboatGroup, type CanboatMessage } from './canboat.ts';
import { type FieldPlan, type Key, type MessagePlan, planMessage } from './field-plan.ts';

/** Room in the ring that one message may take, in number samples. What is beyond is `nmea2000-too-long`. */
export const NMEA2000_ROOM_MAX = 1024;

/**
 * Series of one bus: messages of one group, sender and key, and each repetition within them. Ships heard by AIS are such
 * keys. At the maximum further ones are passed over, reason `nmea2000-too-many`.
 */
const SERIES_MAX = 8192;

/** Groups of manufacturers, which only they define. */
const PROPRIETARY: readonly (readonly [from: number, to: number])[] = [
  [0xef00, 0xef00],
  [0xff00, 0xffff],
  [0x1ef00, 0x1efff],
  [0x1ff00, 0x1ffff],
];

/** The clock of a box that listens to a live bus. */
export interface LiveClock extends Pick<Clock, 'observe'> {
  /** Box time at which the frame in hand came, microseconds. */
  arrival(): number;
}

/** Samples of one group from one sender with one key. */
interface Series {
  readonly path: string;
  readonly plans: readonly FieldPlan[];
  /** Channels of the fields; 0 before the first sample. */
  readonly ids: Uint32Array;
  /** Whether the last value of each was there. */
  readonly isThere: Uint8Array;
  /** Last text of each. */
  readonly texts: (string | undefined)[];
}

/** Samples of the messages of one NMEA 2000 bus. What canboat has no definition of is kept as bytes, as text. */
export class Nmea2000Samples {
  readonly #canboat = new Canboat();
  readonly #path: string;
  readonly #source: string;
  readonly #stamp: Stamp;
  readonly #sink: SampleSink;
  readonly #counters: CollectorCounters;
  /** By id of the definition. */
  readonly #plans = new Map<string, MessagePlan>();
  /** By path. */
  readonly #series = new Map<string, Series>();
  /** Channels of bytes, by path; 0 before the first sample. */
  readonly #unknown = new Map<string, number>();
  /** Room that the message in hand has taken. */
  #room = 0;
  readonly #busClock = new BusClock();
  readonly #clock: LiveClock | undefined;

  /**
   * @param path first part of the names of its channels
   * @param clock told of UTC as a live bus has it
   */
  constructor(
    path: string,
    source: string,
    stamp: Stamp,
    sink: SampleSink,
    counters: CollectorCounters,
    clock?: LiveClock,
  ) {
    this.#clock = clock;
    this.#path = path;
    this.#source = source;
    this.#stamp = stamp;
    this.#sink = sink;
    this.#counters = counters;
  }

  /** Whether messages of that group come as fast packets. */
  isFast(pgn: number): boolean {
    return this.#canboat.isFast(pgn);
  }

  /**
   * Takes a whole message.
   * @param time microseconds
   * @returns false when a sample could not be taken
   */
  take(pgn: number, source: number, bytes: Uint8Array, time: number): boolean {
    this.#room = 0;
    const message = this.#canboat.decode(pgn, source, bytes);
    const node = source.toString(16).padStart(2, '0');
    if (message === 'malformed') {
      this.#counters.error('nmea2000-malformed');
      return true;
    }
    if (message === undefined) {
      this.#counters.error('no-definition');
      return this.#keepBytes(pgn, node, bytes, time);
    }
    if (this.#clock !== undefined) this.#readClock(this.#clock, message, source);
    return this.#decoded(message, node, time);
  }

  /** Names of the channels of every field of the messages that came. */
  *channels(): IterableIterator<string> {
    for (const { path, plans } of this.#series.values()) {
      for (const { id } of plans) yield normalName(`${this.#path}/${path}/${id}`);
    }
    for (const path of this.#unknown.keys()) yield normalName(`${this.#path}/${path}`);
  }

  #readClock(clock: LiveClock, message: CanboatMessage, source: number): void {
    const reading = this.#busClock.take(message, source, clock.arrival());
    if (reading !== undefined) clock.observe(reading);
  }

  #decoded({ definition, values, raws, list }: CanboatMessage, node: string, time: number): boolean {
    const plan = this.#planOf(definition);
    const group = { values, raws };
    const path = named(`${node}/${definition.Id}`, plan.keys, group);
    let isTaken = plan.fields.length === 0 || this.#push(path, plan.fields, group, time);
    if (plan.repeated.length === 0) return isTaken;
    for (const [n, one] of list.entries()) {
      const below = plan.repeatedKeys.length === 0 ? `${path}/${n + 1}` : named(path, plan.repeatedKeys, one);
      isTaken = this.#push(below, plan.repeated, one, time) && isTaken;
    }
    return isTaken;
  }

  #push(path: string, plans: readonly FieldPlan[], group: CanboatGroup, time: number): boolean {
    const series = this.#series.get(path) ?? this.#open(path, plans);
    if (series === undefined) {
      this.#counters.error('nmea2000-too-many');
      return true;
    }
    let isTaken = true;
    let absent = 0;
    for (const [n, { read, channel }] of plans.entries()) {
      const value = read(group);
      if (value === null) absent += 1;
      if (channel.type === 'text') isTaken = this.#pushText(series, n, value as string | null, time) && isTaken;
      else isTaken = this.#pushNumber(series, n, value as number | null, time) && isTaken;
    }
    if (absent > 0) this.#counters.error('not-available', absent);
    return isTaken;
  }

  /** A value that is not available any more is told once, as NaN; one that never was has no sample. */
  #pushNumber(series: Series, n: number, value: number | null, time: number): boolean {
    const wasThere = series.isThere[n] === 1;
    series.isThere[n] = value === null ? 0 : 1;
    if ((value === null && !wasThere) || !this.#hasRoom(1)) return true;
    return this.#count(this.#sink.push(this.#channelOf(series, n), time, value ?? Number.NaN));
  }

  /** A text is told when it is another one. */
  #pushText(series: Series, n: number, text: string | null, time: number): boolean {
    if (text === null || series.texts[n] === text || !this.#hasRoom(textRoom(Buffer.byteLength(text)))) return true;
    const isTaken = this.#count(this.#sink.pushText(this.#channelOf(series, n), time, text));
    if (isTaken) series.texts[n] = text;
    return isTaken;
  }

  #keepBytes(pgn: number, node: string, bytes: Uint8Array, time: number): boolean {
    const isProprietary = PROPRIETARY.some(([from, to]) => pgn >= from && pgn <= to);
    const kind = isProprietary ? 'proprietary' : 'unknown';
    const path = `${node}/${kind}/${pgn}`;
    let id = this.#unknown.get(path);
    if (id === undefined) {
      if (this.#isFull()) {
        this.#counters.error('nmea2000-too-many');
        return true;
      }
      const description = `PGN ${pgn}, of which no definition is known: its bytes, in hex`;
      id = this.#sink.channel({ ...this.#about(path), type: 'text', class: 'bulk', description }).id;
      this.#unknown.set(path, id);
    }
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex').toUpperCase();
    if (!this.#hasRoom(textRoom(text.length))) return true;
    return this.#count(this.#sink.pushText(id, time, text));
  }

  #planOf(definition: CanboatDefinition): MessagePlan {
    const known = this.#plans.get(definition.Id);
    if (known !== undefined) return known;
    const plan = planMessage(definition, (field) => this.#canboat.labelsOf(field));
    this.#plans.set(definition.Id, plan);
    return plan;
  }

  #open(path: string, plans: readonly FieldPlan[]): Series | undefined {
    if (this.#isFull()) return undefined;
    const { length } = plans;
    const series = { path, plans, ids: new Uint32Array(length), isThere: new Uint8Array(length), texts: [] };
    this.#series.set(path, series);
    return series;
  }

  #isFull(): boolean {
    return this.#series.size + this.#unknown.size >= SERIES_MAX;
  }

  #channelOf(series: Series, n: number): number {
    const known = series.ids[n] as number;
    if (known !== 0) return known;
    const { id: field, channel } = series.plans[n] as FieldPlan;
    const { id } = this.#sink.channel({ ...channel, ...this.#about(`${series.path}/${field}`) });
    series.ids[n] = id;
    return id;
  }

  #about(path: string): { name: string; source: string; stamp: Stamp } {
    return { name: `${this.#path}/${path}`, source: this.#source, stamp: this.#stamp };
  }

  #hasRoom(slots: number): boolean {
    const isBeyond = this.#room > NMEA2000_ROOM_MAX;
    this.#room += slots;
    if (this.#room <= NMEA2000_ROOM_MAX) return true;
    if (!isBeyond) this.#counters.error('nmea2000-too-long');
    return false;
  }

  #count(isTaken: boolean): boolean {
    if (isTaken) this.#counters.samples += 1;
    return isTaken;
  }
}

function named(path: string, keys: readonly Key[], group: CanboatGroup): string {
  let name = path;
  for (const key of keys) name += `/${key(group)}`;
  return name;
}
