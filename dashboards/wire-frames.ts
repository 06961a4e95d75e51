/** Frames of the live WebSocket as they are in memory, and their bounds; WIRE_FORMAT.md says what they mean. */

export const CHARTS_MAX = 64;
export const ROWS_MAX = 1024;
export const FRAME_RATE_MAX = 60;
export const ROW_RATE_MAX = 10;
export const HISTORY_SECONDS_MAX = 3600;
export const HISTORY_COLUMNS_MAX = 4096;
export const HISTORY_GAPS_MAX = 256;
/** Bytes of text shown of one text sample; what is longer is cut at a character. */
export const TEXT_SHOWN_BYTES_MAX = 1024;

export const ROLES = ['gateway', 'central'] as const;
export const CHANNEL_TYPES = ['number', 'bool', 'enum', 'text'] as const;

/** What a viewer wants to see from now on; replaces what it wanted before. */
export interface Subscribe {
  readonly type: 'subscribe';
  /** Ticks a second, 1..60. */
  readonly frameRate: number;
  /** Times a second that rows are refreshed, 1..10. */
  readonly rowRate: number;
  readonly historySeconds: number;
  /** Columns of the history of one channel. */
  readonly historyColumns: number;
  /** Ids of channels drawn as charts. */
  readonly charts: readonly number[];
  /** Ids of channels of which only the latest value is shown. */
  readonly rows: readonly number[];
}

export interface Ping {
  readonly type: 'ping';
  /** Comes back in the pong. */
  readonly token: number;
  /** Number of the newest tick that arrived; 0 before the first. */
  readonly seenTick: number;
}

export interface Hello {
  readonly type: 'hello';
  readonly role: (typeof ROLES)[number];
  /** UTC, microseconds, like every time below. */
  readonly now: number;
  readonly startedAt: number;
  readonly gateway: string;
  readonly boot: string;
  readonly version: string;
}

/** A channel as a viewer knows it. */
export interface WireChannel {
  readonly id: number;
  readonly type: (typeof CHANNEL_TYPES)[number];
  /** Digits behind the point; undefined where the source does not say. */
  readonly decimals: number | undefined;
  /** Expected samples a second; 0 where the source does not say. */
  readonly rateHz: number;
  /** Low alarm, low warning, high warning, high alarm; NaN where there is none. */
  readonly limits: readonly [number, number, number, number];
  readonly gateway: string;
  readonly name: string;
  readonly unit: string;
  readonly source: string;
  readonly description: string;
  /** Labels by value. */
  readonly labels: ReadonlyMap<number, string>;
}

export interface Dictionary {
  readonly type: 'dictionary';
  /** Channels there are in all; the dictionary is whole once so many are known. */
  readonly total: number;
  readonly channels: readonly WireChannel[];
}

/** Envelope columns of one channel; only columns with samples are listed. */
export interface History {
  readonly type: 'history';
  readonly channel: number;
  /** Begin of column 0. */
  readonly from: number;
  /** Width of a column, microseconds. */
  readonly columnUs: number;
  readonly columns: number;
  /** Number of each listed column, ascending. */
  readonly index: Uint16Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
  /** Stretches of which the gateway knows that samples are missing: from and to, in pairs. */
  readonly gaps: Float64Array;
}

/** What came of a charted channel since the tick before; min and max are NaN where no finite or infinite value came. */
export interface ChartNews {
  readonly channel: number;
  readonly count: number;
  readonly time: number;
  readonly min: number;
  readonly max: number;
  readonly last: number;
}

/** The latest value of a channel; `count` samples came since it was last told, 0 when it is told to a new subscriber. */
export interface RowNews {
  readonly channel: number;
  readonly count: number;
  readonly time: number;
  readonly last: number;
}

export interface TextNews {
  readonly channel: number;
  readonly count: number;
  readonly time: number;
  readonly text: string;
}

export interface Tick {
  readonly type: 'tick';
  readonly number: number;
  readonly now: number;
  /** Time of the newest sample of the whole store; NaN where there is none. */
  readonly newest: number;
  readonly charts: readonly ChartNews[];
  readonly rows: readonly RowNews[];
  readonly texts: readonly TextNews[];
}

export interface Status {
  readonly type: 'status';
  /** The object of /api/v1/status as JSON text. */
  readonly json: string;
}

export interface Pong {
  readonly type: 'pong';
  readonly token: number;
  readonly now: number;
}

/** Which of the channels that a viewer subscribed to are stale; the others are fresh. */
export interface Stale {
  readonly type: 'stale';
  readonly channels: readonly number[];
}

/** A frame of a type that this version does not know: stepped over (WIRE-7.1). */
export interface UnknownFrame {
  readonly type: 'unknown';
}

export type ClientFrame = Subscribe | Ping;
export type ServerFrame = Hello | Dictionary | History | Tick | Status | Pong | Stale;

/** Cuts text to at most {@link TEXT_SHOWN_BYTES_MAX} bytes of UTF-8, at a character. */
export function shownText(text: string): string {
  if (text.length * 3 <= TEXT_SHOWN_BYTES_MAX) return text;
  const encoded = new TextEncoder().encode(text);
  if (encoded.length <= TEXT_SHOWN_BYTES_MAX) return text;
  let end = TEXT_SHOWN_BYTES_MAX;
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(encoded.subarray(0, end));
}
