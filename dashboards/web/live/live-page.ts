import { computed, effect, signal } from '@preact/signals';
import type { Dictionary, Hello, History, ServerFrame, Tick, WireChannel } from '../../wire.ts';
import { CHARTS_MAX, ROWS_MAX } from '../../wire.ts';
import { chartCandidates, chooseCharts } from '../model/first-charts.ts';
import { GatewayClock } from '../model/gateway-clock.ts';
import { Series } from '../model/series.ts';
import { parseStatus, type ShownStatus } from '../model/status.ts';
import { type Stretch, seriesOver } from '../model/stretch.ts';
import { ChannelTree, type Leaf } from '../model/tree.ts';
import { type Span, searchOf, viewOf } from '../model/view-url.ts';
import { Connection, type ConnectionState } from './connection.ts';
import { LiveChannel } from './live-channel.ts';

const FRAME_RATE = 30;
const ROW_RATE = 4;

/** Columns of a window: what a wide screen can show, and what a phone can. */
const COLUMNS_WIDE = 1200;
const COLUMNS_NARROW = 480;

const FIRST_CHARTS = 5;
const FIRST_CHARTS_NARROW = 4;
/** Milliseconds for which candidates are watched before the first charts are chosen. */
const FIRST_LOOK_MS = 450;
/** Times the choice is looked at anew while channels still appear, as they do after a gateway's start. */
const FIRST_LOOKS_MAX = 20;

/** Source of the channels in which a gateway tells how it does. */
const OWN_SOURCE = 'caisson';

/** Milliseconds between two updates of the printed values: faster cannot be read. */
const VALUE_MS = 100;

/** Everything the Live page shows, and what a person does to it. */
export class LivePage {
  readonly connection = signal<ConnectionState>({ kind: 'connecting' });
  readonly hello = signal<Hello | undefined>(undefined);
  readonly status = signal<ShownStatus | undefined>(undefined);
  readonly tree = signal(new ChannelTree([]));
  readonly channelCount = signal(0);
  /** Charted channels in order; ids. */
  readonly charts = signal<readonly number[]>([]);
  readonly span = signal<Span>(60);
  /** The right edge at which the charts stand still, seconds; undefined while they run. */
  readonly pausedAt = signal<number | undefined>(undefined);
  /** What the charts show in place of the last moments; undefined where they show those. */
  readonly stretch = signal<Stretch | undefined>(undefined);
  /** Age of the newest sample of the store, seconds. */
  readonly newestAge = signal(Number.NaN);
  /** Seconds on the cursor; undefined where there is none. */
  readonly cursor = signal<number | undefined>(undefined);
  /** Chosen charts that the gateway does not know; their paths. */
  readonly missing = signal<readonly string[]>([]);
  readonly isConnected = computed(() => this.connection.value.kind === 'open');
  readonly clock = new GatewayClock();
  readonly #channels = new Map<number, LiveChannel>();
  readonly #connection: Connection;
  readonly #columns = matchMedia('(max-width: 700px)').matches ? COLUMNS_NARROW : COLUMNS_WIDE;
  readonly #firstCharts = matchMedia('(max-width: 700px)').matches ? FIRST_CHARTS_NARROW : FIRST_CHARTS;
  #wantedPaths: readonly string[] | undefined;
  /** Of the address, until the charts show it. */
  #wantedStretch: Stretch | undefined;
  #visibleRows: readonly number[] = [];
  /** Channels of the last subscription. */
  #subscribed: readonly number[] = [];
  #firstLook: ReadonlyMap<number, Set<number | string>> | undefined;
  #frozen: ReadonlyMap<number, Series> | undefined;
  #newest = Number.NaN;
  #subscribeTimer = 0;
  /** Names of the sources that tell of the gateway itself. */
  #ownSources: ReadonlySet<string> = new Set([OWN_SOURCE]);
  #isDictionaryWhole = false;
  /** Charts were chosen, by the address, by a person or by the first look. */
  #hasChosen = false;

  constructor() {
    const view = viewOf(location.search);
    this.span.value = view.span;
    this.#wantedPaths = view.charts;
    this.#wantedStretch = view.stretch;
    this.#hasChosen = view.charts !== undefined;
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/live`;
    this.#connection = new Connection(url, {
      onState: (state) => this.#onState(state),
      onFrame: (frame, localMs) => this.#onFrame(frame, localMs),
    });
    setInterval(() => this.#showValues(), VALUE_MS);
    document.addEventListener('visibilitychange', () => {
      this.#subscribeSoon(0);
      if (!document.hidden) this.#connection.retryNow();
    });
    addEventListener('popstate', () => this.#openView());
    effect(() => this.#writeUrl(this.charts.value, this.span.value, this.stretch.value));
  }

  start(): void {
    this.#connection.connect();
  }

  retryNow(): void {
    this.#connection.retryNow();
  }

  channel(id: number): LiveChannel | undefined {
    return this.#channels.get(id);
  }

  /** What is drawn of a channel: as it was at the pause, or as it is. */
  series(id: number): Series | undefined {
    return this.#frozen?.get(id) ?? this.#channels.get(id)?.series;
  }

  /** Time at the right edge of the charts, seconds; undefined before the gateway's time is known. */
  edge(localMs: number): number | undefined {
    return this.pausedAt.value ?? (this.clock.isSet ? this.clock.edge(localMs) : undefined);
  }

  toggleChart(id: number): void {
    const charts = this.charts.value;
    if (charts.includes(id)) {
      this.#setCharts(charts.filter((other) => other !== id));
      const channel = this.channel(id);
      if (channel !== undefined) channel.series = undefined;
    } else if (this.channel(id)?.isChartable && charts.length < CHARTS_MAX) this.#setCharts([...charts, id]);
  }

  /** Moves a chart to a place in the order, from 0. */
  moveChart(id: number, place: number): void {
    const charts = this.charts.value.filter((other) => other !== id);
    charts.splice(Math.max(0, place), 0, id);
    this.charts.value = charts;
  }

  setSpan(span: Span): void {
    if (span === this.span.value && this.stretch.value === undefined) return;
    this.span.value = span;
    if (this.pausedAt.value !== undefined) this.togglePause();
    this.#subscribeSoon(0);
  }

  togglePause(): void {
    if (this.pausedAt.value !== undefined) {
      this.#frozen = undefined;
      this.stretch.value = undefined;
      this.pausedAt.value = undefined;
      return;
    }
    if (!this.clock.isSet) return;
    const frozen = new Map<number, Series>();
    for (const id of this.charts.value) {
      const series = this.#channels.get(id)?.series;
      if (series !== undefined) frozen.set(id, series.frozen());
    }
    this.#frozen = frozen;
    this.pausedAt.value = this.clock.edge(performance.now());
  }

  /** Shows a stretch of the past in the charts, which stand still then. */
  async showStretch(stretch: Stretch): Promise<void> {
    const charts = this.charts.value.flatMap((id) => this.#channels.get(id)?.definition ?? []);
    const frozen = await seriesOver(charts, stretch, this.#columns).catch(() => undefined);
    if (frozen === undefined) return;
    this.#frozen = frozen;
    this.stretch.value = stretch;
    this.pausedAt.value = stretch.to;
  }

  /** The tree says which rows are on the screen. */
  showRows(ids: readonly number[]): void {
    if (ids.length === this.#visibleRows.length && ids.every((id, i) => id === this.#visibleRows[i])) return;
    this.#visibleRows = ids;
    this.#subscribeSoon(80);
  }

  #setCharts(charts: readonly number[]): void {
    this.#hasChosen = true;
    this.charts.value = charts;
    this.#wantedPaths = undefined;
    this.missing.value = [];
    this.#subscribeSoon(0);
    if (this.stretch.value !== undefined) void this.showStretch(this.stretch.value);
  }

  #onState(state: ConnectionState): void {
    this.connection.value = state;
    if (state.kind === 'waiting') this.#showValues();
  }

  #onFrame(frame: ServerFrame, localMs: number): void {
    switch (frame.type) {
      case 'hello':
        this.#onHello(frame, localMs);
        break;
      case 'dictionary':
        this.#onDictionary(frame);
        break;
      case 'history':
        this.#onHistory(frame);
        break;
      case 'tick':
        this.#onTick(frame, localMs);
        break;
      case 'status':
        this.#onStatus(parseStatus(frame.json));
        break;
      case 'stale':
        this.#onStale(new Set(frame.channels));
        break;
      case 'pong':
        this.clock.observe(frame.now, localMs);
        break;
    }
  }

  #onHello(hello: Hello, localMs: number): void {
    const before = this.hello.value;
    if (before !== undefined && before.version !== hello.version) {
      location.reload();
      return;
    }
    if (before !== undefined && before.gateway !== hello.gateway) this.#forgetChannels();
    this.hello.value = hello;
    this.clock.reset();
    this.clock.observe(hello.now, localMs);
    this.#isDictionaryWhole = false;
  }

  #onStatus(status: ShownStatus | undefined): void {
    if (status === undefined) return;
    this.status.value = status;
    const own = new Set([OWN_SOURCE, ...status.sources.flatMap(({ name, kind }) => (kind === 'health' ? name : []))]);
    if (own.size === this.#ownSources.size && [...own].every((name) => this.#ownSources.has(name))) return;
    this.#ownSources = own;
    if (this.#isDictionaryWhole) this.#plantTree();
  }

  #isOwn(definition: WireChannel): boolean {
    return this.#ownSources.has(definition.source);
  }

  #plantTree(): void {
    const leaves = [...this.#channels].map(
      ([id, { path, definition }]): Leaf => ({ id, path, isOwn: this.#isOwn(definition) }),
    );
    this.tree.value = new ChannelTree(leaves, this.sourceLevel);
  }

  /** Depth of the tree at which sources part: at central the gateway comes first. */
  get sourceLevel(): number {
    return this.hello.value?.role === 'central' ? 1 : 0;
  }

  #forgetChannels(): void {
    this.#wantedPaths = this.charts.value.flatMap((id) => this.channel(id)?.path ?? []);
    this.#channels.clear();
    this.charts.value = [];
  }

  #onDictionary(dictionary: Dictionary): void {
    for (const definition of dictionary.channels) {
      const known = this.#channels.get(definition.id);
      const path = this.#pathOf(definition);
      if (known !== undefined && known.path === path) known.definition = definition;
      else this.#channels.set(definition.id, new LiveChannel(definition, path));
    }
    if (this.#channels.size < dictionary.total) return;
    if (dictionary.channels.length > 0) {
      this.#plantTree();
      this.channelCount.value = this.#channels.size;
    }
    if (this.#wantedPaths !== undefined) this.#openPaths(this.#wantedPaths);
    else if (!this.#hasChosen && this.#firstLook === undefined) this.#lookForCharts(FIRST_LOOKS_MAX);
    if (!this.#isDictionaryWhole) this.#subscribeSoon(0);
    this.#isDictionaryWhole = true;
  }

  /** At central, where several gateways may have the same name, the gateway comes first. */
  #pathOf(definition: WireChannel): string {
    return this.sourceLevel === 1 ? `${definition.gateway}/${definition.name}` : definition.name;
  }

  #openPaths(paths: readonly string[]): void {
    const byPath = new Map([...this.#channels].map(([id, { path }]) => [path, id]));
    const found = paths.flatMap((path) => byPath.get(path) ?? []);
    this.missing.value = paths.filter((path) => !byPath.has(path));
    if (this.missing.value.length === 0) this.#wantedPaths = undefined;
    this.charts.value = found.filter((id) => this.channel(id)?.isChartable).slice(0, CHARTS_MAX);
    this.#subscribeSoon(0);
    const stretch = this.#wantedStretch;
    if (stretch === undefined || this.#wantedPaths !== undefined) return;
    void this.showStretch(stretch).finally(() => {
      this.#wantedStretch = undefined;
    });
  }

  #openView(): void {
    const view = viewOf(location.search);
    this.span.value = view.span;
    this.#wantedStretch = view.stretch;
    this.#openPaths(view.charts ?? []);
  }

  /**
   * Watches the likeliest channels for a moment, then charts the ones that move; and looks again while channels still
   * appear, until a person chooses.
   */
  #lookForCharts(looksLeft: number): void {
    const known = [...this.#channels.values()].map(({ definition }) => definition);
    const foreign = known.filter((definition) => !this.#isOwn(definition));
    const candidates = chartCandidates(foreign.length > 0 ? foreign : known);
    if (candidates.length === 0) return;
    const channelsBefore = this.#channels.size;
    const seen = new Map(candidates.map(({ id }) => [id, new Set<number | string>()]));
    this.#firstLook = seen;
    this.#subscribeSoon(0);
    setTimeout(() => {
      if (this.#hasChosen) {
        this.#firstLook = undefined;
        return;
      }
      const chosen = chooseCharts(candidates, (id) => (seen.get(id)?.size ?? 0) > 1, this.#firstCharts);
      const isLast = this.#channels.size === channelsBefore || looksLeft <= 1;
      if (isLast) {
        this.#firstLook = undefined;
        this.#setCharts(chosen);
        return;
      }
      if (chosen.join() !== this.charts.value.join()) this.charts.value = chosen;
      this.#lookForCharts(looksLeft - 1);
    }, FIRST_LOOK_MS);
  }

  #onHistory(history: History): void {
    const channel = this.#channels.get(history.channel);
    if (channel === undefined) return;
    channel.series = Series.fromHistory(history);
    channel.observeSpread(channel.series.spread(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY));
  }

  #onTick(tick: Tick, localMs: number): void {
    this.clock.observe(tick.now, localMs);
    this.clock.observeNewest(tick.newest, tick.now);
    this.#newest = tick.newest;
    for (const { channel, count, time, min, max, last } of tick.charts) {
      const live = this.#channels.get(channel);
      if (live === undefined) continue;
      if (count > 0) live.series?.add(time, min, max, last, live.isComplete(time, count));
      live.update(time, last, count);
    }
    for (const { channel, count, time, last } of tick.rows) {
      this.#channels.get(channel)?.update(time, last, count);
      this.#firstLook?.get(channel)?.add(last);
    }
    for (const { channel, count, time, text } of tick.texts) this.#channels.get(channel)?.update(time, text, count);
  }

  #onStale(stale: ReadonlySet<number>): void {
    for (const id of this.#subscribed) {
      const channel = this.#channels.get(id);
      if (channel !== undefined) channel.isToldStale = stale.has(id);
    }
  }

  #showValues(): void {
    if (!this.clock.isSet) return;
    const now = this.clock.now(performance.now());
    this.newestAge.value = (now - this.#newest) / 1e6;
    const isConnected = this.isConnected.value;
    for (const id of new Set([...this.charts.value, ...this.#visibleRows])) {
      const channel = this.#channels.get(id);
      channel?.showValue();
      channel?.showAge(now, isConnected);
    }
  }

  #subscribeSoon(delayMs: number): void {
    clearTimeout(this.#subscribeTimer);
    this.#subscribeTimer = setTimeout(() => this.#subscribe(), delayMs);
  }

  /** A page that nobody sees wants nothing; when it is seen again it gets the history of what it missed. */
  #subscribe(): void {
    const isHidden = document.hidden;
    const charts = isHidden ? [] : this.charts.value;
    const looked = this.#firstLook === undefined ? [] : [...this.#firstLook.keys()];
    const rows = isHidden ? [] : [...new Set([...looked, ...this.#visibleRows])].slice(0, ROWS_MAX);
    this.#subscribed = [...charts, ...rows];
    this.#connection.send({
      type: 'subscribe',
      frameRate: FRAME_RATE,
      rowRate: this.#firstLook === undefined ? ROW_RATE : 10,
      historySeconds: this.span.value,
      historyColumns: this.span.value === 10 ? this.#columns / 2 : this.#columns,
      charts,
      rows,
    });
  }

  #writeUrl(charts: readonly number[], span: Span, stretch: Stretch | undefined): void {
    const paths = charts.flatMap((id) => this.#channels.get(id)?.path ?? []);
    if (this.#channels.size === 0 || this.#wantedPaths !== undefined || this.#firstLook !== undefined) return;
    if (this.#wantedStretch !== undefined && stretch === undefined) return;
    history.replaceState(null, '', searchOf(paths, span, stretch));
  }
}
