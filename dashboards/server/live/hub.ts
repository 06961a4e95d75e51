import type { AskedTelemetry, LatestSample, LiveBatch } from '../../../gateway/query/telemetry.ts';
import { whenHere } from '../../../gateway/query/when-here.ts';
import type { GatewayStatus } from '../../../gateway/status.ts';
import {
  decodeClientFrame,
  encodeServerFrame,
  type History,
  type ServerFrame,
  type Subscribe,
  WireError,
} from '../../wire.ts';
import { Catalog } from './catalog.ts';
import { historyOf } from './history.ts';
import { Viewer, type ViewerSocket } from './viewer.ts';
import { summarise, Watch } from './watch.ts';

/** Channels in one dictionary frame. */
const DICTIONARY_CHANNELS_MAX = 256;

/** Histories read from the store in one turn, so that many new charts do not hold up the ticks of other viewers. */
const HISTORIES_A_TURN_MAX = 8;

/** Channels asked at the start for the store's newest sample; in a larger store it is known with the first batch. */
const NEWEST_SCAN_CHANNELS_MAX = 5000;

const REFRESH_MS = 1000;

/** WebSocket close code "unacceptable data". */
const CLOSE_INVALID = 1007;

export interface HubOptions {
  readonly telemetry: AskedTelemetry;
  readonly status: () => GatewayStatus;
  /** Whether a channel went quiet, or was not heard yet; by its id. */
  readonly isStale: (channel: number) => boolean;
  /** UTC, microseconds. */
  readonly utcNow: () => number;
}

/** What the hub has done since it was made. */
export interface HubCounters {
  ticksSent: number;
  /** Ticks left out because the viewer was behind; their news went along with a later tick. */
  ticksSkipped: number;
  /** Frames that a socket dropped. */
  framesDropped: number;
  bytesSent: number;
  historiesSent: number;
  /** Histories that the store could not give. */
  historiesFailed: number;
  /** Frames from viewers that broke a clause; the viewer is disconnected. */
  framesInvalid: number;
}

/**
 * Follows the store once and serves every viewer: its channels, 60 s of history, then ticks. Holds no timer and no
 * socket: the owner calls {@link LiveHub.turn} often enough for the highest frame rate.
 */
export class LiveHub {
  readonly counters: HubCounters = {
    ticksSent: 0,
    ticksSkipped: 0,
    framesDropped: 0,
    bytesSent: 0,
    historiesSent: 0,
    historiesFailed: 0,
    framesInvalid: 0,
  };
  readonly #options: HubOptions;
  readonly #catalog: Catalog;
  readonly #viewers = new Set<Viewer>();
  /** Who watches a channel, by channel id. */
  readonly #watches: (Watch[] | undefined)[] = [];
  readonly #unfollow: () => void;
  #newest = Number.NaN;
  #nextRefreshMs = 0;
  #sawUnknownChannel = false;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#catalog = new Catalog(options.telemetry);
    this.#findNewest();
    this.#unfollow = options.telemetry.follow((batch) => this.#take(batch));
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Disconnects every viewer and stops following. */
  stop(): void {
    this.#unfollow();
    for (const viewer of [...this.#viewers]) viewer.socket.close(1001, 'the dashboard stops');
    this.#viewers.clear();
    this.#watches.length = 0;
  }

  /** A viewer has connected. */
  open(socket: ViewerSocket): Viewer {
    const viewer = new Viewer(socket);
    this.#viewers.add(viewer);
    const status = this.#options.status();
    this.#send(viewer, {
      type: 'hello',
      role: status.role,
      now: this.#options.utcNow(),
      startedAt: status.startedAt,
      gateway: status.gateway,
      boot: status.boot,
      version: status.version,
    });
    this.#catalog.refresh();
    this.#sendDictionary(viewer);
    return viewer;
  }

  close(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    for (const watch of [...viewer.charts.values(), ...viewer.rows.values()]) this.#forget(watch);
  }

  /** Takes a frame from a viewer; one that breaks the format disconnects it. */
  receive(viewer: Viewer, bytes: Uint8Array): void {
    try {
      const frame = decodeClientFrame(bytes);
      if (frame.type === 'subscribe') viewer.wish = frame;
      if (frame.type === 'ping') {
        viewer.confirm(frame.seenTick);
        if (viewer.canSend) this.#send(viewer, { type: 'pong', token: frame.token, now: this.#options.utcNow() });
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.counters.framesInvalid += 1;
      viewer.socket.close(CLOSE_INVALID, error.message.slice(0, 120));
    }
  }

  /**
   * Sends every viewer what is due.
   * @param nowMs monotonic, milliseconds
   */
  turn(nowMs: number): void {
    if (this.#viewers.size === 0) return;
    const isRefresh = nowMs >= this.#nextRefreshMs;
    if (isRefresh) this.#nextRefreshMs = nowMs + REFRESH_MS;
    if (isRefresh || this.#sawUnknownChannel) {
      this.#sawUnknownChannel = false;
      this.#catalog.refresh();
    }
    const status = isRefresh ? this.#encodeStatus() : undefined;
    const utc = this.#options.utcNow();
    let histories = HISTORIES_A_TURN_MAX;
    for (const viewer of [...this.#viewers]) {
      this.#apply(viewer);
      if (viewer.catalogVersion < this.#catalog.version) this.#sendDictionary(viewer);
      histories -= this.#sendHistories(viewer, utc, histories);
      if (isRefresh || viewer.stale === undefined) this.#sendStale(viewer);
      if (status !== undefined) viewer.statusDue = true;
      if (viewer.statusDue && viewer.canSend) {
        viewer.statusDue = false;
        this.#sendBytes(viewer, status ?? this.#encodeStatus());
      }
      this.#tick(viewer, nowMs, utc);
    }
  }

  #tick(viewer: Viewer, nowMs: number, utc: number): void {
    if (!viewer.isDue(nowMs)) return;
    if (viewer.isBehind) {
      this.counters.ticksSkipped += 1;
      viewer.skipTick(nowMs);
      return;
    }
    const frame = viewer.takeTick(nowMs, utc, this.#newest);
    if (frame === undefined) return;
    this.counters.ticksSent += 1;
    this.#send(viewer, frame);
  }

  /** The newest sample of the store; where it cannot be told, it is known with the first batch. */
  #findNewest(): void {
    const { telemetry } = this.#options;
    const scan = (channels: readonly { readonly id: number }[]) => {
      for (const { id } of channels.slice(0, NEWEST_SCAN_CHANNELS_MAX)) this.#askLatest(id, () => {});
    };
    whenHere(
      () => telemetry.channels(),
      scan,
      () => {},
    );
  }

  #askLatest(channel: number, use: (latest: LatestSample | undefined) => void): void {
    const take = (latest: LatestSample | undefined) => {
      if (latest !== undefined) this.#sawTime(latest.time);
      use(latest);
    };
    whenHere(
      () => this.#options.telemetry.latest(channel),
      take,
      () => {},
    );
  }

  #sawTime(time: number): void {
    if (!(time <= this.#newest)) this.#newest = time;
  }

  #take(batch: LiveBatch): void {
    const end = batch.times[batch.end - 1];
    if (end !== undefined) this.#sawTime(end + batch.utcOffset);
    if (this.#catalog.get(batch.channel) === undefined) this.#sawUnknownChannel = true;
    const watches = this.#watches[batch.channel];
    if (watches === undefined || watches.length === 0) return;
    const summary = summarise(batch);
    for (const watch of watches) watch.add(summary);
  }

  /** Brings what a viewer watches to what it last wished; unknown channels and charts of text are left out. */
  #apply(viewer: Viewer): void {
    const wish = viewer.wish;
    if (wish === undefined) return;
    viewer.wish = undefined;
    const before = viewer.applied;
    viewer.applied = wish;
    const charts = new Set(wish.charts.filter((id) => isChartable(this.#catalog.get(id)?.type)));
    const rows = new Set(wish.rows.filter((id) => this.#catalog.get(id) !== undefined && !charts.has(id)));
    this.#renew(viewer.charts, charts);
    this.#renew(viewer.rows, rows);
    viewer.stale = undefined;
    const isOtherSpan = before === undefined || !isSameSpan(before, wish);
    for (const id of viewer.historyDue) if (!charts.has(id)) viewer.historyDue.delete(id);
    for (const id of charts) if (isOtherSpan || !before.charts.includes(id)) viewer.historyDue.add(id);
  }

  #renew(watched: Map<number, Watch>, wanted: ReadonlySet<number>): void {
    for (const [id, watch] of watched) {
      if (wanted.has(id)) continue;
      watched.delete(id);
      this.#forget(watch);
    }
    for (const id of wanted) {
      if (watched.has(id)) continue;
      const watch = new Watch(id);
      this.#askLatest(id, (latest) => watch.learn(latest));
      watched.set(id, watch);
      const others = this.#watches[id];
      if (others === undefined) this.#watches[id] = [watch];
      else others.push(watch);
    }
  }

  #forget(watch: Watch): void {
    const others = this.#watches[watch.channel]?.filter((other) => other !== watch);
    this.#watches[watch.channel] = others?.length === 0 ? undefined : others;
  }

  #sendDictionary(viewer: Viewer): void {
    do {
      if (!viewer.canSend) return;
      const { channels, version } = this.#catalog.since(viewer.catalogVersion, DICTIONARY_CHANNELS_MAX);
      viewer.catalogVersion = version;
      this.#send(viewer, { type: 'dictionary', total: this.#catalog.size, channels });
    } while (viewer.catalogVersion < this.#catalog.version);
  }

  #sendHistories(viewer: Viewer, utc: number, most: number): number {
    let read = 0;
    for (const id of viewer.historyDue) {
      if (read === most || !viewer.canSend) break;
      viewer.historyDue.delete(id);
      const { applied } = viewer;
      if (applied === undefined) break;
      read += 1;
      this.#askHistory(viewer, id, utc, applied);
    }
    return read;
  }

  #askHistory(viewer: Viewer, id: number, utc: number, wish: Subscribe): void {
    const { historySeconds, historyColumns } = wish;
    viewer.historyAsked.add(id);
    const ask = () => {
      const asked = historyOf(this.#options.telemetry, id, utc, historySeconds, historyColumns);
      // What is committed from now on may be in none: it is told by ticks.
      viewer.charts.get(id)?.dropSpread();
      return asked;
    };
    const send = (history: History) => {
      viewer.historyAsked.delete(id);
      const { applied } = viewer;
      // What is another wish by now asks for its own.
      if (!this.#viewers.has(viewer) || !viewer.charts.has(id) || !isSameSpan(applied ?? wish, wish)) return;
      this.#send(viewer, history);
      this.counters.historiesSent += 1;
    };
    const fail = () => {
      viewer.historyAsked.delete(id);
      this.counters.historiesFailed += 1;
    };
    whenHere(ask, send, fail);
  }

  /** Tells which of its channels are stale, where that is news. */
  #sendStale(viewer: Viewer): void {
    if (viewer.applied === undefined || !viewer.canSend) return;
    const stale = [...viewer.charts.keys(), ...viewer.rows.keys()].filter((id) => this.#options.isStale(id));
    const told = viewer.stale;
    if (told !== undefined && told.length === stale.length && stale.every((id, i) => id === told[i])) return;
    viewer.stale = stale;
    this.#send(viewer, { type: 'stale', channels: stale });
  }

  #encodeStatus(): Uint8Array {
    return encodeServerFrame({ type: 'status', json: JSON.stringify(this.#options.status()) });
  }

  #send(viewer: Viewer, frame: ServerFrame): void {
    this.#sendBytes(viewer, encodeServerFrame(frame));
  }

  #sendBytes(viewer: Viewer, bytes: Uint8Array): void {
    if (viewer.socket.send(bytes)) this.counters.bytesSent += bytes.length;
    else this.counters.framesDropped += 1;
  }
}

function isChartable(type: string | undefined): boolean {
  return type !== undefined && type !== 'text';
}

function isSameSpan(a: Subscribe, b: Subscribe): boolean {
  return a.historySeconds === b.historySeconds && a.historyColumns === b.historyColumns;
}
