import { Buffer, isUtf8 } from 'node:buffer';
import type { Field } from '../payload/field.ts';
import { SampleBatch, STAMP_ARRIVAL, STAMP_DEVICE } from '../payload/sample-batch.ts';
import { KIND_BOOL, KIND_NUMBER } from '../payload/sample-kind.ts';
import type { ChannelTemplate } from './channel-template.ts';
import { KnownSeries, type Series, type SeriesField } from './known-series.ts';
import { LineBody } from './line-body.ts';
import type { LineReason } from './line-fault.ts';
import { findValueEnd, NUMBER_OUT_OF_RANGE, readNumber } from './number.ts';
import { timeOfDigits } from './precision.ts';

/** Bytes of one line. A longer one is bad input, reason `line-long`. */
export const LINE_BYTES_MAX = 128 * 1024;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** What the methods return in place of a position: the bytes end before the line does. */
const NOT_YET = -1;
/** As {@link NOT_YET}: the line is bad, `#reason` says why. */
const BAD = -2;

const BOOLEANS: Readonly<Record<string, number>> = {
  t: 1,
  T: 1,
  true: 1,
  True: 1,
  TRUE: 1,
  f: 0,
  F: 0,
  false: 0,
  False: 0,
  FALSE: 0,
};

/**
 * Reads InfluxDB line protocol out of bytes. A line whose series, fields and order were met before costs no string, no
 * lookup and no object: its bytes are compared with those that are expected next. Whatever the bytes are split into, the
 * same samples and faults come of them. A bad line costs itself: it ends at the first line feed behind what is wrong.
 */
export class LineReader {
  readonly #root: Field;
  readonly #template: ChannelTemplate;
  readonly #known: KnownSeries;
  /** Series of the line before. */
  #last: Series | undefined;

  // What is read at present; kept here because the steps of a line share it.
  #bytes: Buffer = Buffer.alloc(0);
  #body = new LineBody('ns');
  #batch = new SampleBatch();
  #isLast = true;
  /** Where the line that is read begins, and where it may reach at most. */
  #start = 0;
  #end = 0;
  /** Line feeds within its quoted strings. */
  #innerLines = 0;
  #reason: LineReason = 'line-value';
  /** Behind the first line feed from here reading goes on when the line is bad. */
  #resumeFrom = 0;

  /**
   * @param root above all channels
   * @param onMade told of every series and field that is remembered, so that the owner can keep their number bounded
   */
  constructor(root: Field, template: ChannelTemplate, onMade: () => void) {
    this.#root = root;
    this.#template = template;
    this.#known = new KnownSeries(onMade);
  }

  /**
   * Adds the samples of all lines that end in `bytes` to `batch` and tells `body` of them. Returns the bytes that are
   * done with; what is left is the begin of a line, to come again with what follows it.
   * @param isLast true when nothing follows: the last line needs no line feed
   * @throws PayloadError `too-many-samples`, when the batch is full
   */
  read(bytes: Buffer, isLast: boolean, body: LineBody, batch: SampleBatch): number {
    this.#bytes = bytes;
    this.#body = body;
    this.#batch = batch;
    this.#isLast = isLast;
    let at = body.isSkipping ? this.#skip(0) : 0;
    while (at < bytes.length) {
      const { count, slots } = batch;
      this.#start = at;
      this.#end = Math.min(bytes.length, at + LINE_BYTES_MAX + 1);
      this.#innerLines = 0;
      let next = this.#readLine(at);
      if (next < 0) {
        batch.rollBack(count, slots);
        if (next === BAD) next = this.#leaveOut();
        if (next === NOT_YET) return at;
      } else {
        body.line += 1 + this.#innerLines;
      }
      at = next;
    }
    return at;
  }

  #readLine(start: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = start;
    while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    if (at >= end || bytes[at] === LINE_FEED || bytes[at] === RETURN) return this.#lineEnd(at, 'line-measurement');
    if (bytes[at] === HASH) return this.#comment(at);

    const expected = this.#last?.next;
    let series: Series;
    if (expected !== undefined && holds(bytes, at, end, expected.bytes)) {
      series = expected;
    } else {
      const found = this.#findSeries(at);
      if (typeof found === 'number') return found;
      series = found;
    }
    at += series.bytes.length;
    while (at < end && bytes[at] === SPACE) at++;

    const fieldsBegin = at;
    const first = this.#batch.count;
    const { fields } = series;
    let place = 0;
    do {
      if (at > fieldsBegin) at++;
      let field = fields[place];
      if (field === undefined || !holds(bytes, at, end, field.bytes)) {
        const found = this.#findField(series, at, at === fieldsBegin);
        if (typeof found === 'number') return found;
        field = found;
      }
      place = field.place + 1;
      at = this.#readValue(at + field.bytes.length, field.field);
      if (at < 0) return at;
    } while (at < end && bytes[at] === COMMA);

    const next = this.#readTime(at, first);
    if (next >= 0) {
      if (this.#last !== undefined) this.#last.next = series;
      this.#last = series;
    }
    return next;
  }

  #findSeries(start: number): Series | number {
    const bytes = this.#bytes;
    for (let at = start; at < this.#end; at++) {
      if (bytes[at] === LINE_FEED) return this.#bad('line-fields', at);
      if (bytes[at] !== SPACE || bytes[at - 1] === BACKSLASH) continue;
      const found = this.#known.get(bytes.subarray(start, at + 1));
      return typeof found === 'string' ? this.#bad(found, at) : found;
    }
    return this.#atEnd('line-fields');
  }

  #findField(series: Series, start: number, isFirst: boolean): SeriesField | number {
    const bytes = this.#bytes;
    const begin = bytes[start];
    const isNone = start >= this.#end || begin === LINE_FEED || begin === RETURN;
    const reason = isFirst && isNone ? 'line-fields' : 'line-field';
    for (let at = start; at < this.#end; at++) {
      const byte = bytes[at];
      if (byte === LINE_FEED) return this.#bad(reason, at);
      if (at > start && bytes[at - 1] === BACKSLASH) continue;
      if (byte === COMMA || byte === SPACE) return this.#bad('line-field', at);
      if (byte !== EQUALS) continue;
      if (at === start) return this.#bad('line-field', at);
      const found = this.#known.field(series, bytes.subarray(start, at + 1), this.#root, this.#template);
      return found ?? this.#bad('line-encoding', at);
    }
    return this.#atEnd(reason);
  }

  /** Reads the value at `at` into the batch and returns where it ends. */
  #readValue(at: number, field: Field): number {
    if (at >= this.#end) return this.#atEnd('line-field');
    const byte = this.#bytes[at] ?? 0;
    if ((byte >= ZERO && byte <= NINE) || byte === MINUS || byte === POINT) {
      const batch = this.#batch;
      const place = batch.reserve(1);
      batch.fields[place] = field;
      batch.kinds[place] = KIND_NUMBER;
      const next = readNumber(this.#bytes, at, this.#end, batch.values, place);
      if (next >= 0) return this.#valueEnd(next, at);
      const reason = next === NUMBER_OUT_OF_RANGE ? 'line-range' : 'line-value';
      // A number that the bytes break off may be none yet, such as `1e`.
      const isBrokenOff = findValueEnd(this.#bytes, at, this.#end) === this.#end;
      return isBrokenOff ? this.#atEnd(reason) : this.#bad(reason, at);
    }
    return byte === QUOTE ? this.#readString(at, field) : this.#readBoolean(at, field);
  }

  #readBoolean(start: number, field: Field): number {
    const at = findValueEnd(this.#bytes, start, this.#end);
    if (at === start) return this.#bad('line-field', start);
    if (at >= this.#end && !this.#isWhole()) return this.#atEnd('line-value');
    const word = at - start > 5 ? '' : this.#bytes.toString('latin1', start, at);
    const value = Object.hasOwn(BOOLEANS, word) ? BOOLEANS[word] : undefined;
    if (value === undefined) return this.#bad('line-value', start);
    this.#batch.add(field, KIND_BOOL, 0, value);
    return at;
  }

  #readString(start: number, field: Field): number {
    const bytes = this.#bytes;
    let hasEscape = false;
    let isAscii = true;
    let at = start + 1;
    for (; at < this.#end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) break;
      if (byte >= 0x80) isAscii = false;
      if (byte === LINE_FEED) {
        if (!this.#body.stringsSpanLines) return this.#bad('line-string', at);
        this.#innerLines++;
      }
      if (byte === BACKSLASH) {
        const escaped = bytes[at + 1];
        if (escaped === QUOTE || escaped === BACKSLASH) {
          hasEscape = true;
          at++;
        }
      }
    }
    if (at >= this.#end) return this.#atEnd('line-string', start);
    const content = bytes.subarray(start + 1, at);
    if (!isAscii && !isUtf8(content)) return this.#bad('line-encoding', at);
    const text = content.toString('utf8');
    this.#batch.addText(field, 0, hasEscape ? text.replace(/\\(["\\])/g, '$1') : text);
    return this.#valueEnd(at + 1, start);
  }

  /** Behind a value stands what ends it; what is wrong there may come of a quote too many. */
  #valueEnd(at: number, start: number): number {
    if (at >= this.#end) return at;
    const byte = this.#bytes[at];
    const isEnd = byte === COMMA || byte === SPACE || byte === LINE_FEED || byte === RETURN;
    return isEnd ? at : this.#bad('line-value', start);
  }

  /** Reads the time, where there is one, stamps the samples from `first` on and returns where the next line begins. */
  #readTime(behindFields: number, first: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = behindFields;
    while (at < end && bytes[at] === SPACE) at++;
    const begin = at;
    while (at < end && (bytes[at] ?? 0) > SPACE) at++;
    const timeEnd = at;
    while (at < end && bytes[at] === SPACE) at++;
    const next = this.#lineEnd(at, 'line-time');
    if (next < 0) return next;
    const isTimed = timeEnd > begin;
    const time = isTimed ? timeOfDigits(bytes, begin, timeEnd, this.#body.precision) : 0;
    if (Number.isNaN(time)) return this.#bad('line-time', begin);
    const { count, times, stamps } = this.#batch;
    for (let place = first; place < count; place++) {
      times[place] = time;
      stamps[place] = isTimed ? STAMP_DEVICE : STAMP_ARRIVAL;
    }
    this.#body.lines++;
    if (!isTimed) this.#body.linesUntimed++;
    return next;
  }

  /** Where the next line begins, when the line ends at `at`. */
  #lineEnd(at: number, reason: LineReason): number {
    const bytes = this.#bytes;
    const isReturn = at < this.#end && bytes[at] === RETURN;
    const feed = isReturn ? at + 1 : at;
    if (feed >= this.#end) return this.#isWhole() ? feed : this.#atEnd(reason);
    return bytes[feed] === LINE_FEED ? feed + 1 : this.#bad(reason, at);
  }

  #comment(at: number): number {
    const feed = this.#bytes.indexOf(LINE_FEED, at);
    if (feed >= 0) return feed + 1;
    this.#body.isSkipping = !this.#isLast;
    // The line feed is counted when it comes.
    this.#body.line--;
    return this.#bytes.length;
  }

  /** True when the line ends where the bytes end. */
  #isWhole(): boolean {
    return this.#isLast && this.#end === this.#bytes.length && this.#end - this.#start <= LINE_BYTES_MAX;
  }

  /** The bytes end within the line: more must come, or it is bad. */
  #atEnd(reason: LineReason, resumeFrom = this.#end): number {
    if (this.#end - this.#start > LINE_BYTES_MAX) return this.#bad('line-long', this.#start);
    return this.#isLast ? this.#bad(reason, resumeFrom) : NOT_YET;
  }

  #bad(reason: LineReason, resumeFrom: number): typeof BAD {
    this.#reason = reason;
    this.#resumeFrom = resumeFrom;
    return BAD;
  }

  /** Counts the bad line and returns where reading goes on. */
  #leaveOut(): number {
    const bytes = this.#bytes;
    const feed = bytes.indexOf(LINE_FEED, this.#resumeFrom);
    if (feed < 0 && !this.#isLast && bytes.length - this.#start <= LINE_BYTES_MAX) return NOT_YET;
    const end = feed < 0 ? bytes.length : feed;
    this.#body.addFault(this.#reason, bytes, this.#start, end);
    this.#body.line += countFeeds(bytes, this.#start, end);
    return this.#skip(end);
  }

  /** Leaves out what there is of a bad line from `from` on, its line feed included. */
  #skip(from: number): number {
    const feed = this.#bytes.indexOf(LINE_FEED, from);
    this.#body.isSkipping = feed < 0 && !this.#isLast;
    if (feed < 0) return this.#bytes.length;
    this.#body.line++;
    return feed + 1;
  }
}

function holds(bytes: Uint8Array, at: number, end: number, expected: Uint8Array): boolean {
  const { length } = expected;
  if (at + length > end) return false;
  for (let index = 0; index < length; index++) if (bytes[at + index] !== expected[index]) return false;
  return true;
}

function countFeeds(bytes: Buffer, from: number, to: number): number {
  let feeds = 0;
  for (let at = bytes.indexOf(LINE_FEED, from); at >= 0 && at < to; at = bytes.indexOf(LINE_FEED, at + 1)) feeds++;
  return feeds;
}
