import type { ChartNews, RowNews, Subscribe, TextNews, Tick } from '../../wire.ts';
import type { Watch } from './watch.ts';

/** The socket of one viewer, as the hub sees it. */
export interface ViewerSocket {
  /** False when the socket dropped the frame because too much is buffered. */
  send(bytes: Uint8Array): boolean;
  /** Bytes that wait in the process for the peer to read. */
  buffered(): number;
  close(code: number, reason: string): void;
}

/** Bytes that may wait in a viewer's socket before nothing more is sent to it until they are gone. */
export const BUFFERED_BYTES_MAX = 256 * 1024;

/** Ticks on their way that the viewer has not yet confirmed. At the maximum: no tick is sent, news is merged into the next. */
export const TICKS_UNSEEN_MAX = 90;

/** What one viewer is owed. Everything is made from the latest state at the moment it can be sent; no frame ever waits. */
export class Viewer {
  readonly socket: ViewerSocket;
  readonly charts = new Map<number, Watch>();
  readonly rows = new Map<number, Watch>();
  /** Charts whose history is still to be sent. */
  readonly historyDue = new Set<number>();
  /** Charts whose history the store was asked for, and has not given yet. */
  readonly historyAsked = new Set<number>();
  /** The newest wish that was not yet applied; a later one replaces it. */
  wish: Subscribe | undefined;
  applied: Subscribe | undefined;
  /** Version of the catalog that this viewer knows. */
  catalogVersion = 0;
  statusDue = true;
  /** Stale channels as it was last told them; undefined: it is to be told. */
  stale: readonly number[] | undefined;
  #tickNumber = 0;
  #seenTick = 0;
  #nextTickMs = 0;
  #nextRowsMs = 0;

  constructor(socket: ViewerSocket) {
    this.socket = socket;
  }

  get canSend(): boolean {
    return this.socket.buffered() < BUFFERED_BYTES_MAX;
  }

  /** The viewer says which tick it has seen; a number that was never sent is taken as the newest. */
  confirm(seenTick: number): void {
    this.#seenTick = Math.max(this.#seenTick, Math.min(seenTick, this.#tickNumber));
  }

  /** True when a tick is due but the viewer is too far behind to be sent one. */
  get isBehind(): boolean {
    return !this.canSend || this.#tickNumber - this.#seenTick >= TICKS_UNSEEN_MAX;
  }

  /** True when the time for the next tick has come. */
  isDue(nowMs: number): boolean {
    return this.applied !== undefined && nowMs >= this.#nextTickMs;
  }

  /** Leaves out the tick that is due. */
  skipTick(nowMs: number): void {
    this.#nextTickMs = following(this.#nextTickMs, nowMs, this.applied?.frameRate ?? 1);
  }

  /**
   * The tick that is due, with all news; undefined where there is nothing to say. Rows go along at their own, lower rate;
   * a tick without news goes out at that rate too, so that the viewer knows that the gateway is there.
   * @param nowMs monotonic, milliseconds
   * @param utc UTC, microseconds
   */
  takeTick(nowMs: number, utc: number, newest: number): Tick | undefined {
    const charts: ChartNews[] = [];
    const rows: RowNews[] = [];
    const texts: TextNews[] = [];
    for (const watch of this.charts.values()) {
      if (watch.hasNews && !this.#awaitsHistory(watch.channel)) charts.push(watch.takeChart());
    }
    const rowsDue = nowMs >= this.#nextRowsMs;
    if (rowsDue) {
      for (const watch of this.rows.values()) if (watch.hasNews) watch.takeRow(rows, texts);
      this.#nextRowsMs = following(this.#nextRowsMs, nowMs, this.applied?.rowRate ?? 1);
    }
    this.skipTick(nowMs);
    if (charts.length === 0 && !rowsDue) return undefined;
    this.#tickNumber += 1;
    return { type: 'tick', number: this.#tickNumber, now: utc, newest, charts, rows, texts };
  }

  #awaitsHistory(channel: number): boolean {
    return this.historyDue.has(channel) || this.historyAsked.has(channel);
  }
}

/** The next moment of a steady rate; moments that were missed are not made up for. */
function following(dueMs: number, nowMs: number, rateHz: number): number {
  const next = dueMs + 1000 / rateHz;
  return next > nowMs ? next : nowMs + 1000 / rateHz;
}
