import { Buffer } from 'node:buffer';
import type { SampleSink } from '../../gateway/intake.ts';
import { Field } from '../payload/field.ts';
import { KIND_NUMBER, KIND_TEXT, type SampleKind } from '../payload/sample-kind.ts';
import { LineFramer } from './line-framer.ts';
import type { Outlet } from './outlet.ts';
import { type ConditionLevel, parseShdrLine, type ShdrLine } from './shdr/shdr-line.ts';
import type { Heartbeat, WireDecoding, WireListener } from './wire-decoding.ts';

/** Bytes of a line. Longer: `too-long`. */
export const SHDR_LINE_BYTES_MAX = 64 * 1024;

/** Lines of an asset. Beyond, its end was lost, and lines are taken again. */
const ASSET_LINES_MAX = 10_000;

/** Data items of an adapter. At the maximum further ones are `too-many-items`. */
export const ITEMS_MAX = 16_384;

/** Time between two pings until an adapter says how long it waits, ms. */
const PING_MS = 10_000;

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** What adapters write for a value that they do not have. */
const UNAVAILABLE = 'UNAVAILABLE';

const AXES = ['x', 'y', 'z'] as const;

const CONDITIONS: Readonly<Record<ConditionLevel, number>> = { NORMAL: 0, WARNING: 1, FAULT: 2 };
const CONDITION_LABELS = { 0: 'normal', 1: 'warning', 2: 'fault' };

/** Lines of an MTConnect adapter to samples. */
export class ShdrDecoding implements WireDecoding {
  readonly unit = 'MTConnect SHDR line';
  readonly heartbeat: Heartbeat = { bytes: Buffer.from('* PING\n'), everyMs: PING_MS };
  readonly #outlet: Outlet;
  readonly #sink: SampleSink;
  readonly #source: string;
  readonly #byDevice: boolean;
  readonly #listener: WireListener | undefined;
  readonly #root: Field;
  readonly #conditions = new Map<string, number>();
  readonly #framer: LineFramer;
  #items = 0;
  /** Line that ends the asset at hand. */
  #assetEnd: string | undefined;
  #assetLines = 0;

  constructor(
    about: { readonly source: string; readonly prefix: string | undefined; readonly byDevice: boolean },
    sink: SampleSink,
    outlet: Outlet,
    listener?: WireListener,
  ) {
    this.#outlet = outlet;
    this.#sink = sink;
    this.#source = about.source;
    this.#byDevice = about.byDevice;
    this.#listener = listener;
    this.#root = new Field(about.prefix ?? about.source, () => {
      this.#items += 1;
    });
    this.#framer = new LineFramer(SHDR_LINE_BYTES_MAX, {
      line: (bytes) => this.#line(bytes.toString('utf8')),
      tooLong: () => outlet.damaged('too-long'),
    });
  }

  feed(bytes: Uint8Array, arrival: number): void {
    this.#outlet.arrival = arrival;
    this.#framer.feed(bytes);
  }

  end(): void {
    this.#framer.end();
    this.#assetEnd = undefined;
  }

  lost(): void {
    this.#framer.reset();
    this.#assetEnd = undefined;
  }

  #line(text: string): void {
    if (this.#assetEnd !== undefined && this.#assetLines < ASSET_LINES_MAX) {
      this.#assetLines += 1;
      if (text === this.#assetEnd) this.#assetEnd = undefined;
      return;
    }
    this.#assetEnd = undefined;
    const line = parseShdrLine(text);
    if (line.kind !== 'bad') this.#listener?.understood();
    if (line.kind === 'pong' || line.kind === 'command') return;
    this.#outlet.begin();
    this.#take(line);
  }

  #take(line: Exclude<ShdrLine, { kind: 'pong' | 'command' }>): void {
    if (line.kind === 'bad') {
      this.#outlet.error(line.reason);
    } else if (line.kind === 'asset') {
      this.#outlet.unknown(line.name);
      this.#assetEnd = line.end;
      this.#assetLines = 0;
    } else {
      const time = this.#byDevice ? line.time : this.#outlet.arrival;
      if (time === undefined) this.#outlet.error('no-utc');
      else if (line.kind === 'condition') this.#condition(line.key, line.level, line.text, time);
      else for (let index = 0; index < line.pairs.length; index += 2) this.#value(line.pairs, index, time);
    }
  }

  #value(pairs: readonly string[], index: number, time: number): void {
    const key = pairs[index] ?? '';
    const value = (pairs[index + 1] ?? '').trim();
    if (this.#items >= ITEMS_MAX) {
      this.#outlet.error('too-many-items');
      return;
    }
    const field = this.#root.child(key);
    const parts = value.split(' ');
    if (NUMBER.test(value)) this.#push(field, KIND_NUMBER, time, value);
    else if (parts.length === AXES.length && parts.every((part) => NUMBER.test(part))) {
      for (const [axis, name] of AXES.entries()) this.#push(field.child(name), KIND_NUMBER, time, parts[axis] ?? '');
    } else if (value !== '' && value !== UNAVAILABLE) this.#push(field, KIND_TEXT, time, value);
  }

  /** A data item that began with numbers keeps them; see {@link Field.channel}. */
  #push(field: Field, kind: SampleKind, time: number, value: string): void {
    const channel = field.channel(this.#sink, kind, this.#byDevice ? 'device' : 'arrival', '', this.#source);
    if (channel.type === 'text') this.#outlet.pushText(channel.id, time, value);
    else this.#outlet.push(channel.id, time, Number(value));
  }

  #condition(key: string, level: ConditionLevel, text: string, time: number): void {
    let id = this.#conditions.get(key);
    if (id === undefined) {
      if (this.#conditions.size >= ITEMS_MAX) {
        this.#outlet.error('too-many-items');
        return;
      }
      const stamp = this.#byDevice ? 'device' : 'arrival';
      id = this.#outlet.channel({ path: key, type: 'enum', labels: CONDITION_LABELS, stamp });
      this.#conditions.set(key, id);
    }
    this.#outlet.push(id, time, CONDITIONS[level]);
    if (text !== '') this.#push(this.#root.child(`${key}/message`), KIND_TEXT, time, text);
  }
}
