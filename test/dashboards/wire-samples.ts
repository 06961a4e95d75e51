import type { ClientFrame, ServerFrame, WireChannel } from '../../dashboards/wire.ts';

/** 2026-03-14T09:26:53.589793Z in microseconds. */
const NOW = 1_773_480_413_589_793;

const RPM: WireChannel = {
  id: 1,
  type: 'number',
  decimals: 0,
  rateHz: 200,
  limits: [Number.NaN, Number.NaN, 11_500, 12_000],
  gateway: 'box-17',
  name: 'car7/engine/rpm',
  unit: 'rpm',
  source: 'car',
  description: '',
  labels: new Map(),
};

const MAP: WireChannel = {
  ...RPM,
  id: 300,
  type: 'enum',
  decimals: undefined,
  rateHz: 0,
  limits: [Number.NaN, Number.NaN, Number.NaN, Number.NaN],
  name: 'car7/engine/map',
  unit: '',
  description: 'Zündkennfeld',
  labels: new Map([
    [0, 'safety'],
    [-1.5, 'no answer'],
  ]),
};

/** One valid frame of every kind, and the ends of what is allowed; each is a vector of that name. */
export const CLIENT_SAMPLES: Readonly<Record<string, ClientFrame>> = {
  subscribe: {
    type: 'subscribe',
    frameRate: 30,
    rowRate: 4,
    historySeconds: 60,
    historyColumns: 1200,
    charts: [1, 300],
    rows: [7],
  },
  'subscribe-nothing': {
    type: 'subscribe',
    frameRate: 1,
    rowRate: 1,
    historySeconds: 1,
    historyColumns: 1,
    charts: [],
    rows: [],
  },
  ping: { type: 'ping', seenTick: 4711, token: 12_345.5 },
};

export const SERVER_SAMPLES: Readonly<Record<string, ServerFrame>> = {
  hello: {
    type: 'hello',
    role: 'gateway',
    now: NOW,
    startedAt: NOW - 3600e6,
    gateway: 'box-17',
    boot: '00c0ffee00c0ffee',
    version: '0.1.0',
  },
  dictionary: { type: 'dictionary', total: 250, channels: [RPM, MAP] },
  'dictionary-empty': { type: 'dictionary', total: 0, channels: [] },
  history: {
    type: 'history',
    channel: 1,
    from: NOW - (NOW % 50_000) - 60e6,
    columnUs: 50_000,
    columns: 1200,
    index: Uint16Array.of(0, 1, 1199),
    min: Float64Array.of(6200, 6300.5, -0),
    max: Float64Array.of(6210, Number.POSITIVE_INFINITY, 0),
    last: Float64Array.of(6205, Number.NaN, 0),
    gaps: Float64Array.of(NOW - 50e6, NOW - 40e6),
  },
  tick: {
    type: 'tick',
    number: 1,
    now: NOW,
    newest: NOW - 12_000,
    charts: [{ channel: 1, count: 7, time: NOW - 12_000, min: 6199.5, max: 6301, last: 6300 }],
    rows: [{ channel: 300, count: 0, time: NOW - 5e6, last: 2 }],
    texts: [{ channel: 9, count: 1, time: NOW - 1e6, text: 'box, box – Größe' }],
  },
  'tick-without-news': {
    type: 'tick',
    number: 4_294_967_295,
    now: NOW,
    newest: Number.NaN,
    charts: [],
    rows: [],
    texts: [],
  },
  status: { type: 'status', json: '{"role":"gateway"}' },
  pong: { type: 'pong', token: 12_345.5, now: NOW },
  stale: { type: 'stale', channels: [300, 1, 4_294_967_295] },
  'stale-none': { type: 'stale', channels: [] },
};

/** How a valid vector is broken, and the clause that refuses it. Offsets and bytes are those of WIRE_FORMAT.md. */
export const INVALID_SAMPLES: Readonly<
  Record<string, { of: string; clause: string; change(bytes: number[]): number[] }>
> = {
  'too-short': { of: 'ping', clause: 'WIRE-1.2', change: (bytes) => bytes.slice(0, 3) },
  'head-too-small': { of: 'ping', clause: 'WIRE-1.3', change: (bytes) => patched(bytes, 2, [15, 0]) },
  'head-beyond-end': { of: 'ping', clause: 'WIRE-1.3', change: (bytes) => patched(bytes, 2, [17, 0]) },
  'body-cut': { of: 'tick', clause: 'WIRE-1.4', change: (bytes) => bytes.slice(0, -1) },
  'text-not-utf8': { of: 'status', clause: 'WIRE-1.5', change: (bytes) => patched(bytes, 8, [0xff]) },
  'frame-rate-zero': { of: 'subscribe', clause: 'WIRE-2.1', change: (bytes) => patched(bytes, 4, [0]) },
  'row-rate-too-high': { of: 'subscribe', clause: 'WIRE-2.1', change: (bytes) => patched(bytes, 5, [11]) },
  'history-without-columns': { of: 'subscribe', clause: 'WIRE-2.2', change: (bytes) => patched(bytes, 8, [0, 0]) },
  'too-many-charts': { of: 'subscribe', clause: 'WIRE-2.3', change: (bytes) => patched(bytes, 10, [65, 0]) },
  'unknown-role': { of: 'hello', clause: 'WIRE-3.1', change: (bytes) => patched(bytes, 4, [2]) },
  'record-beyond-end': { of: 'dictionary', clause: 'WIRE-4.2', change: (bytes) => patched(bytes, 12, [0xff, 0xff]) },
  'unknown-channel-type': { of: 'dictionary', clause: 'WIRE-4.3', change: (bytes) => patched(bytes, 20, [4]) },
  'decimals-out-of-range': { of: 'dictionary', clause: 'WIRE-4.4', change: (bytes) => patched(bytes, 21, [21]) },
  'column-without-width': {
    of: 'history',
    clause: 'WIRE-5.1',
    change: (bytes) => patched(bytes, 16, [0, 0, 0, 0, 0, 0, 0, 0]),
  },
  'history-of-no-columns': { of: 'history', clause: 'WIRE-5.2', change: (bytes) => patched(bytes, 24, [0, 0]) },
  'columns-not-ascending': { of: 'history', clause: 'WIRE-5.3', change: (bytes) => patched(bytes, 48, [1, 0]) },
  'too-many-stale': { of: 'stale', clause: 'WIRE-8.1', change: (bytes) => patched(bytes, 4, [0x41, 4]) },
  'too-many-gaps': { of: 'history', clause: 'WIRE-5.4', change: (bytes) => patched(bytes, 28, [1, 1]) },
};

function patched(bytes: readonly number[], offset: number, values: readonly number[]): number[] {
  const changed = [...bytes];
  changed.splice(offset, values.length, ...values);
  return changed;
}
