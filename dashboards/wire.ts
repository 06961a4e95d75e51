/**
 * Codec of the live WebSocket, used by the server and by the browser; WIRE_FORMAT.md is its specification and the
 * clauses cited here are its own. Bytes in, frames out: no clock, no socket, nothing that only one of the two sides has.
 */

import { Reader, WireError, Writer } from './wire-bytes.ts';
import {
  CHANNEL_TYPES,
  CHARTS_MAX,
  type ChartNews,
  type ClientFrame,
  type Dictionary,
  FRAME_RATE_MAX,
  type Hello,
  HISTORY_COLUMNS_MAX,
  HISTORY_GAPS_MAX,
  HISTORY_SECONDS_MAX,
  type History,
  type Pong,
  ROLES,
  ROW_RATE_MAX,
  ROWS_MAX,
  type RowNews,
  type ServerFrame,
  type Stale,
  type Status,
  type Subscribe,
  type TextNews,
  type Tick,
  type UnknownFrame,
  type WireChannel,
} from './wire-frames.ts';

export type { Attention, Fleet, FleetBox } from '../gateway/fleet.ts';
export * from './wire-frames.ts';
export { WireError };

/** WebSocket subprotocol of version 1 (WIRE-1.1). */
export const WIRE_PROTOCOL = 'caisson-live-1';

const SUBSCRIBE = 0x01;
const PING = 0x02;
const HELLO = 0x81;
const DICTIONARY = 0x82;
const HISTORY = 0x83;
const TICK = 0x84;
const STATUS = 0x85;
const PONG = 0x86;
const STALE = 0x87;

const HEAD_BYTES = {
  [SUBSCRIBE]: 14,
  [PING]: 16,
  [HELLO]: 22,
  [DICTIONARY]: 12,
  [HISTORY]: 32,
  [TICK]: 30,
  [STATUS]: 8,
  [PONG]: 20,
  [STALE]: 6,
} as const;
const GAP_BYTES = 16;
const CHART_BYTES = 40;
const ROW_BYTES = 24;

const DECIMALS_UNKNOWN = -1;

export function encodeClientFrame(frame: ClientFrame): Uint8Array {
  const out = new Writer(frame.type === 'subscribe' ? 64 + 4 * (frame.charts.length + frame.rows.length) : 16);
  if (frame.type === 'ping') {
    out.head(PING, HEAD_BYTES[PING]);
    out.u32(frame.seenTick);
    out.f64(frame.token);
    return out.bytes();
  }
  out.head(SUBSCRIBE, HEAD_BYTES[SUBSCRIBE]);
  out.u8(frame.frameRate);
  out.u8(frame.rowRate);
  out.u16(frame.historySeconds);
  out.u16(frame.historyColumns);
  out.u16(frame.charts.length);
  out.u16(frame.rows.length);
  for (const id of frame.charts) out.u32(id);
  for (const id of frame.rows) out.u32(id);
  return out.bytes();
}

export function encodeServerFrame(frame: ServerFrame): Uint8Array {
  switch (frame.type) {
    case 'hello':
      return encodeHello(frame);
    case 'dictionary':
      return encodeDictionary(frame);
    case 'history':
      return encodeHistory(frame);
    case 'tick':
      return encodeTick(frame);
    case 'status':
      return encodeStatus(frame);
    case 'pong':
      return encodePong(frame);
    case 'stale':
      return encodeStale(frame);
  }
}

/** @throws WireError where the bytes break a clause */
export function decodeClientFrame(bytes: Uint8Array): ClientFrame | UnknownFrame {
  const input = new Reader(bytes);
  const type = input.header();
  switch (type) {
    case SUBSCRIBE:
      return decodeSubscribe(input);
    case PING: {
      input.head(HEAD_BYTES[PING]);
      const seenTick = input.u32();
      return { type: 'ping', seenTick, token: input.f64() };
    }
    default:
      return { type: 'unknown' };
  }
}

/** @throws WireError where the bytes break a clause */
export function decodeServerFrame(bytes: Uint8Array): ServerFrame | UnknownFrame {
  const input = new Reader(bytes);
  const type = input.header();
  switch (type) {
    case HELLO:
      return decodeHello(input);
    case DICTIONARY:
      return decodeDictionary(input);
    case HISTORY:
      return decodeHistory(input);
    case TICK:
      return decodeTick(input);
    case STATUS: {
      const end = input.head(HEAD_BYTES[STATUS]);
      const length = input.u32();
      input.at(end);
      return { type: 'status', json: input.text(length) };
    }
    case PONG: {
      input.head(HEAD_BYTES[PONG]);
      const token = input.f64();
      return { type: 'pong', token, now: input.f64() };
    }
    case STALE: {
      const end = input.head(HEAD_BYTES[STALE]);
      const count = within('WIRE-8.1', 'stale channels', input.u16(), 0, CHARTS_MAX + ROWS_MAX);
      input.at(end);
      return { type: 'stale', channels: input.ids(count) };
    }
    default:
      return { type: 'unknown' };
  }
}

function decodeSubscribe(input: Reader): Subscribe {
  const end = input.head(HEAD_BYTES[SUBSCRIBE]);
  const frameRate = within('WIRE-2.1', 'frame rate', input.u8(), 1, FRAME_RATE_MAX);
  const rowRate = within('WIRE-2.1', 'row rate', input.u8(), 1, ROW_RATE_MAX);
  const historySeconds = within('WIRE-2.2', 'history seconds', input.u16(), 1, HISTORY_SECONDS_MAX);
  const historyColumns = within('WIRE-2.2', 'history columns', input.u16(), 1, HISTORY_COLUMNS_MAX);
  const charts = within('WIRE-2.3', 'charts', input.u16(), 0, CHARTS_MAX);
  const rows = within('WIRE-2.3', 'rows', input.u16(), 0, ROWS_MAX);
  input.at(end);
  return {
    type: 'subscribe',
    frameRate,
    rowRate,
    historySeconds,
    historyColumns,
    charts: input.ids(charts),
    rows: input.ids(rows),
  };
}

function encodeHello(frame: Hello): Uint8Array {
  const out = new Writer(256);
  out.head(HELLO, HEAD_BYTES[HELLO]);
  out.u8(ROLES.indexOf(frame.role));
  out.u8(0);
  out.f64(frame.now);
  out.f64(frame.startedAt);
  out.string(frame.gateway);
  out.string(frame.boot);
  out.string(frame.version);
  return out.bytes();
}

function decodeHello(input: Reader): Hello {
  const end = input.head(HEAD_BYTES[HELLO]);
  const role = named('WIRE-3.1', 'role', ROLES, input.u8());
  input.u8();
  const now = input.f64();
  const startedAt = input.f64();
  input.at(end);
  return {
    type: 'hello',
    role,
    now,
    startedAt,
    gateway: input.string(),
    boot: input.string(),
    version: input.string(),
  };
}

function encodeDictionary(frame: Dictionary): Uint8Array {
  const out = new Writer(64 + 128 * frame.channels.length);
  out.head(DICTIONARY, HEAD_BYTES[DICTIONARY]);
  out.u32(frame.total);
  out.u32(frame.channels.length);
  for (const channel of frame.channels) {
    const start = out.length;
    out.u32(0);
    out.u32(channel.id);
    out.u8(CHANNEL_TYPES.indexOf(channel.type));
    out.u8((channel.decimals ?? DECIMALS_UNKNOWN) & 0xff);
    out.u16(channel.labels.size);
    out.f32(channel.rateHz);
    for (const limit of channel.limits) out.f64(limit);
    out.string(channel.gateway);
    out.string(channel.name);
    out.string(channel.unit);
    out.string(channel.source);
    out.string(channel.description);
    for (const [value, label] of channel.labels) {
      out.f64(value);
      out.string(label);
    }
    out.u32At(start, out.length - start);
  }
  return out.bytes();
}

function decodeDictionary(input: Reader): Dictionary {
  const end = input.head(HEAD_BYTES[DICTIONARY]);
  const total = input.u32();
  const count = input.u32();
  input.at(end);
  const channels: WireChannel[] = [];
  for (let i = 0; i < count; i++) {
    const start = input.offset;
    const recordBytes = input.u32();
    const record = input.part(start, recordBytes);
    record.at(4);
    channels.push(decodeChannel(record));
    input.at(start + recordBytes);
  }
  return { type: 'dictionary', total, channels };
}

function decodeChannel(record: Reader): WireChannel {
  const id = record.u32();
  const type = named('WIRE-4.3', 'channel type', CHANNEL_TYPES, record.u8());
  const decimals = (record.u8() << 24) >> 24;
  const labelCount = record.u16();
  const rateHz = record.f32();
  const limits = [record.f64(), record.f64(), record.f64(), record.f64()] as const;
  const gateway = record.string();
  const name = record.string();
  const unit = record.string();
  const source = record.string();
  const description = record.string();
  const labels = new Map<number, string>();
  for (let i = 0; i < labelCount; i++) {
    const value = record.f64();
    labels.set(value, record.string());
  }
  const shown = decimals === DECIMALS_UNKNOWN ? undefined : within('WIRE-4.4', 'decimals', decimals, 0, 20);
  return { id, type, decimals: shown, rateHz, limits, gateway, name, unit, source, description, labels };
}

function encodeHistory(frame: History): Uint8Array {
  const out = new Writer(HEAD_BYTES[HISTORY] + frame.gaps.length * 8 + frame.index.length * 26);
  out.head(HISTORY, HEAD_BYTES[HISTORY]);
  out.u32(frame.channel);
  out.f64(frame.from);
  out.f64(frame.columnUs);
  out.u16(frame.columns);
  out.u16(frame.index.length);
  out.u16(frame.gaps.length / 2);
  out.u16(0);
  for (const time of frame.gaps) out.f64(time);
  for (const column of frame.index) out.u16(column);
  for (const value of frame.min) out.f64(value);
  for (const value of frame.max) out.f64(value);
  for (const value of frame.last) out.f64(value);
  return out.bytes();
}

function decodeHistory(input: Reader): History {
  const end = input.head(HEAD_BYTES[HISTORY]);
  const channel = input.u32();
  const from = input.f64();
  const columnUs = input.f64();
  const columns = within('WIRE-5.2', 'columns', input.u16(), 1, HISTORY_COLUMNS_MAX);
  const present = within('WIRE-5.3', 'listed columns', input.u16(), 0, columns);
  const gapCount = within('WIRE-5.4', 'gaps', input.u16(), 0, HISTORY_GAPS_MAX);
  input.at(end);
  if (!(Number.isFinite(from) && columnUs >= 1)) {
    throw new WireError(
      'WIRE-5.1',
      `from is ${from} and the column ${columnUs} us wide, expected a time and at least 1 us`,
    );
  }
  const gaps = input.f64s(gapCount * (GAP_BYTES / 8));
  const index = input.u16s(present);
  for (let i = 0, before = -1; i < present; i++) {
    const column = index[i] ?? 0;
    if (column <= before || column >= columns) {
      throw new WireError('WIRE-5.3', `column ${column} behind ${before}, expected ascending below ${columns}`);
    }
    before = column;
  }
  const min = input.f64s(present);
  const max = input.f64s(present);
  return { type: 'history', channel, from, columnUs, columns, index, min, max, last: input.f64s(present), gaps };
}

function encodeTick(frame: Tick): Uint8Array {
  const out = new Writer(HEAD_BYTES[TICK] + frame.charts.length * CHART_BYTES + frame.rows.length * ROW_BYTES + 64);
  out.head(TICK, HEAD_BYTES[TICK]);
  out.u32(frame.number);
  out.f64(frame.now);
  out.f64(frame.newest);
  out.u16(frame.charts.length);
  out.u16(frame.rows.length);
  out.u16(frame.texts.length);
  for (const news of frame.charts) {
    out.u32(news.channel);
    out.u32(news.count);
    out.f64(news.time);
    out.f64(news.min);
    out.f64(news.max);
    out.f64(news.last);
  }
  for (const news of frame.rows) {
    out.u32(news.channel);
    out.u32(news.count);
    out.f64(news.time);
    out.f64(news.last);
  }
  for (const news of frame.texts) {
    out.u32(news.channel);
    out.u32(news.count);
    out.f64(news.time);
    out.string(news.text);
  }
  return out.bytes();
}

function decodeTick(input: Reader): Tick {
  const end = input.head(HEAD_BYTES[TICK]);
  const number = input.u32();
  const now = input.f64();
  const newest = input.f64();
  const chartCount = input.u16();
  const rowCount = input.u16();
  const textCount = input.u16();
  input.at(end);
  const charts: ChartNews[] = [];
  for (let i = 0; i < chartCount; i++) {
    const channel = input.u32();
    const count = input.u32();
    const time = input.f64();
    const min = input.f64();
    const max = input.f64();
    charts.push({ channel, count, time, min, max, last: input.f64() });
  }
  const rows: RowNews[] = [];
  for (let i = 0; i < rowCount; i++) {
    const channel = input.u32();
    const count = input.u32();
    const time = input.f64();
    rows.push({ channel, count, time, last: input.f64() });
  }
  const texts: TextNews[] = [];
  for (let i = 0; i < textCount; i++) {
    const channel = input.u32();
    const count = input.u32();
    const time = input.f64();
    texts.push({ channel, count, time, text: input.string() });
  }
  return { type: 'tick', number, now, newest, charts, rows, texts };
}

function encodeStatus(frame: Status): Uint8Array {
  const text = new TextEncoder().encode(frame.json);
  const out = new Writer(HEAD_BYTES[STATUS] + text.length);
  out.head(STATUS, HEAD_BYTES[STATUS]);
  out.u32(text.length);
  out.raw(text);
  return out.bytes();
}

function encodePong(frame: Pong): Uint8Array {
  const out = new Writer(HEAD_BYTES[PONG]);
  out.head(PONG, HEAD_BYTES[PONG]);
  out.f64(frame.token);
  out.f64(frame.now);
  return out.bytes();
}

function encodeStale(frame: Stale): Uint8Array {
  const out = new Writer(HEAD_BYTES[STALE] + 4 * frame.channels.length);
  out.head(STALE, HEAD_BYTES[STALE]);
  out.u16(frame.channels.length);
  for (const id of frame.channels) out.u32(id);
  return out.bytes();
}

function within(clause: string, what: string, value: number, least: number, greatest: number): number {
  if (value < least || value > greatest) {
    throw new WireError(clause, `${what} is ${value}, expected ${least} to ${greatest}`);
  }
  return value;
}

function named<Name extends string>(clause: string, what: string, names: readonly Name[], value: number): Name {
  const name = names[value];
  if (name === undefined) throw new WireError(clause, `${what} is ${value}, expected 0 to ${names.length - 1}`);
  return name;
}
