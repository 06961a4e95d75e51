import { randomBytes } from 'node:crypto';
import type { Channel } from './channel.ts';
import { type ChannelActivity, createChannelActivity } from './channel-activity.ts';
import { ChannelRegistry } from './channel-registry.ts';
import { BoxClock, type Clock, type ClockReading, differenceUs, monotonicUs, UtcMap, wallClockUs } from './clock.ts';
import { ClockKeeper, firstReading, type SystemClock, UNKEPT_CLOCK } from './clock-keeper.ts';
import { CaissonError } from './errors.ts';
import { JOURNAL_SEGMENT_BYTES, RING_SLOTS } from './limits.ts';
import { ownScript } from './own-file.ts';
import { createRing, RingWriter } from './ring.ts';
import { RingIntake } from './ring-intake.ts';
import type { GatewayStatus, SettledStatus, StoreStatus } from './status.ts';
import type { PassedOver } from './store/passed-over.ts';
import type { Acknowledged } from './store/retention/acknowledgements.ts';
import { RETENTION_DEFAULTS, type RetentionSettings } from './store/retention/retention-config.ts';
import type { FromStore, StoreThreadData, ToStore } from './store/store-messages.ts';
import { SupervisedWorker } from './supervised-worker.ts';
import type { WearRecord } from './wear-meter.ts';

const CLOCK_INTERVAL_MS = 1000;

export interface StoreHostOptions {
  readonly dir: string;
  readonly gateway: string | undefined;
  readonly commitFloorMs: number;
  readonly blockAgeSeconds: number;
  /** How much of the past is kept; RETENTION_DEFAULTS if not said. */
  readonly retention?: RetentionSettings;
  /** False where small blocks stay as they are; they are merged by default. */
  readonly mergeBlocks?: boolean;
  /** How far the system's clock is in step now; without it, nobody says that it is. */
  readonly systemClock?: () => SystemClock;
  /** A power of two; RING_SLOTS unless a test wants a small ring. */
  readonly ringSlots?: number;
  /** Bytes of a segment of the journal; JOURNAL_SEGMENT_BYTES unless a test wants small ones. */
  readonly segmentBytes?: number;
  /** Kinds of cycles whose numbers are counted, and go on. */
  readonly cycles?: readonly string[];
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
  /** Told how far it is while a damaged store is made anew, which may take long; nobody if not said. */
  readonly onMending?: (text: string) => void;
  /** Ends the opening. */
  readonly signal?: AbortSignal;
}

type Opened = Extract<FromStore, { kind: 'opened' }>;

/**
 * Main's end of the store: the ring, the intake over it, box time, and the thread behind them. The thread may die and be
 * started again within a boot; what was published and not durable is still in the ring, what was acknowledged is on disk.
 */
export class StoreHost {
  readonly gateway: string;
  readonly boot: string;
  readonly clock: BoxClock;
  readonly intake: RingIntake;
  readonly activity: ChannelActivity;
  readonly recoveredSamples: number;
  /** What was written to the disk in the runs before. */
  readonly wear: WearRecord | undefined;
  /** Of kinds of cycles that were asked for, the number of the last one that is kept. */
  readonly cycleNumbers: Readonly<Record<string, number>>;
  #tellDamaged: (what: string) => void = () => {};
  /** Resolves, with what was met, when the large database turns out to be damaged: to open the store anew, in a boot of its own, makes it whole. */
  readonly damaged: Promise<string> = new Promise((resolve) => {
    this.#tellDamaged = resolve;
  });
  readonly #worker: SupervisedWorker<ToStore, FromStore>;
  readonly #onProblem: (text: string) => void;
  /** Names of the centrals that are waited for before the past is given up. */
  readonly #centrals: ReadonlySet<string>;
  readonly #ring: RingWriter;
  readonly #registry: ChannelRegistry;
  readonly #keeper: ClockKeeper;
  readonly #start: Extract<ToStore, { kind: 'start' }>;
  readonly #timer: NodeJS.Timeout;
  /** Rows of the UTC map of this boot; few, because a row needs a step or a better clock. */
  readonly #readings: ClockReading[] = [];
  /** The UTC map of this boot, as readers have it. */
  #utc: UtcMap;
  /** What the threads before this one counted, and what this one last said. */
  #past: Counts = { commits: 0, samples: 0, lost: 0, sealWaits: 0 };
  #status = STORE_NOTHING_YET;
  #settled: Extract<FromStore, { kind: 'status' }>['settled'];
  #mayMerge = true;

  private constructor(
    worker: SupervisedWorker<ToStore, FromStore>,
    ring: RingWriter,
    activity: ChannelActivity,
    boot: string,
    opened: Opened,
    { onProblem, retention, systemClock = () => UNKEPT_CLOCK }: StoreHostOptions,
  ) {
    this.#onProblem = onProblem;
    this.#centrals = new Set(retention?.centrals);
    this.gateway = opened.gateway;
    this.boot = boot;
    this.activity = activity;
    this.recoveredSamples = opened.recoveredSamples;
    this.wear = opened.wear;
    this.cycleNumbers = opened.cycleNumbers;
    this.#worker = worker;
    this.#ring = ring;
    const monotonic = monotonicUs();
    const wallUs = Math.round(monotonic + differenceUs(wallClockUs, monotonicUs));
    const origin = BoxClock.startingAt(wallUs, opened.lastTime, monotonic);
    const reading = firstReading(wallUs, origin.time, opened.lastTime, systemClock());
    this.#keeper = new ClockKeeper(reading, { row: (row) => this.#keepReading(row), said: onProblem });
    this.#utc = new UtcMap([reading]);
    this.clock = new BoxClock(origin);
    this.#registry = new ChannelRegistry(opened.channels, (channel) => {
      worker.post({ kind: 'channel', channel });
    });
    this.intake = new RingIntake(ring, this.#registry, this.clock, opened.receipts);
    this.#start = { kind: 'start', started: origin.time, reading };
    this.#timer = setInterval(() => {
      this.#keeper.observeSystem(this.clock, wallClockUs, systemClock());
    }, CLOCK_INTERVAL_MS);
    this.#timer.unref();
    worker.post(this.#start);
  }

  /**
   * Opens the store and begins a boot. Resolves when the store accepts samples.
   * @throws CaissonError `store-unusable` when it cannot be opened; `store-failed`, to be tried again
   */
  static async open(options: StoreHostOptions): Promise<StoreHost> {
    const { dir, gateway, commitFloorMs, blockAgeSeconds, retention = RETENTION_DEFAULTS, onProblem } = options;
    const { segmentBytes = JOURNAL_SEGMENT_BYTES, mergeBlocks: mergesBlocks = true, cycles = [] } = options;
    const memory = createRing(options.ringSlots ?? RING_SLOTS);
    const ring = new RingWriter(memory);
    const boot = randomBytes(8).toString('hex');
    const settings = { commitFloorMs, blockAgeSeconds, segmentBytes, mergesBlocks, retention, cycles };
    const activity = createChannelActivity();
    const data = { dir, ring: memory, activity, gateway, boot, ...settings };
    return new Promise((resolve, reject) => {
      let host: StoreHost | undefined;
      const abort = () => void worker.crash();
      const worker = new SupervisedWorker<ToStore, FromStore>({
        name: 'store',
        script: ownScript('gateway/store/store-thread'),
        workerData: (): StoreThreadData => ({ ...data, beginsBoot: host === undefined }),
        onProblem,
        onStartFailed: (error) => {
          options.signal?.removeEventListener('abort', abort);
          if (host !== undefined) host.#abandon();
          reject(error);
        },
        finishesWork: true,
        onMessage: (message) => {
          if (message.kind === 'opened') {
            if (host === undefined) host = new StoreHost(worker, ring, activity, boot, message, options);
            else host.#resume();
          } else if (message.kind === 'started') {
            worker.setReady();
            options.signal?.removeEventListener('abort', abort);
            if (host !== undefined) resolve(host);
          } else if (message.kind === 'durable') host?.intake.markDurable(message.position);
          else if (message.kind === 'status' && host !== undefined) host.#takeStatus(message);
          else if (message.kind === 'critical-only') host?.intake.takeCriticalOnly(message.isOn);
          else if (message.kind === 'mending') options.onMending?.(message.text);
          else if (message.kind === 'damaged') {
            if (host !== undefined) host.#tellDamaged(message.what);
          } else if (message.kind === 'problem') onProblem(message.text);
        },
      });
      options.signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** What the store thread last said of itself, its counts since the start of the process; zeros before it said anything. */
  get status(): StoreStatus {
    const settled = this.#settledStatus();
    return { ...this.#status, ...sum(this.#past, this.#status), ...(settled && { settled }) };
  }

  get ringStatus(): { slots: number; used: number; refused: number } {
    return { slots: this.#ring.slots, used: this.#ring.used(), refused: this.intake.refused };
  }

  get clockStatus(): GatewayStatus['clock'] {
    const { source, errorUs, teller, doubted } = this.#keeper;
    return { source, errorUs, doubted, ...(teller !== undefined && { teller }) };
  }

  /** Box time, and where a source says what UTC is. @param source its name */
  clockOf(source: string): Clock {
    return { now: () => this.clock.now(), observe: (reading) => this.#keeper.observe(reading, source) };
  }

  /** UTC as far as it is known, microseconds. */
  utcNow(): number {
    return this.clock.now() + this.utcOffset();
  }

  /** UTC minus box time as far as it is known, microseconds; what readers map a sample of this moment by. */
  utcOffset(): number {
    return this.#utc.offsetAt(this.clock.now());
  }

  /** UTC of a moment of this boot, as far as it is known now. @param time box time, microseconds */
  utcOf(time: number): number {
    return time + this.#utc.offsetAt(time);
  }

  /** One past the greatest channel id. */
  get channelsEnd(): number {
    return this.#registry.end;
  }

  /** Names of all channels. */
  *channelNames(): Generator<string> {
    for (const { name } of this.#registry.channels()) yield name;
  }

  /** The channel of that name, whether or not this run of the process has asked for it. */
  channelNamed(name: string): Channel | undefined {
    return this.#registry.named(name);
  }

  /** The channel of that id. */
  channel(id: number): Channel | undefined {
    return this.#registry.channel(id);
  }

  /** A central has so much of the feed. Only those count that the config names. */
  acknowledged(central: string, acknowledged: Acknowledged): void {
    if (this.#centrals.has(central)) this.#worker.post({ kind: 'acknowledged', central, acknowledged });
  }

  /** Keeps what was written to the disk for the next run. */
  keepWear(record: WearRecord): void {
    this.#worker.post({ kind: 'wear', record });
  }

  /** Keeps what did not go to destinations. */
  keepPassedOver(record: PassedOver): void {
    this.#worker.post({ kind: 'passed-over', record });
  }

  /** Whether small blocks may be merged, where the config has it so. */
  letMerge(isOn: boolean): void {
    this.#mayMerge = isOn;
    this.#worker.post({ kind: 'merge', isOn });
  }

  /** How often the store thread was started again. */
  get restarts(): number {
    return this.#worker.restarts;
  }

  /** Ends the store thread as a crash would. */
  crashThread(): Promise<void> {
    return this.#worker.crash();
  }

  /**
   * Commits what is published and closes the store. The intake must be quiet. What could not be made durable is told, and
   * whoever waits for it hears that it was not.
   */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.intake.publish();
    const stopped = this.#worker.stop({ kind: 'stop', ended: this.clock.now(), losses: this.intake.takeLosses() });
    this.#ring.hurry();
    await stopped;
    const left = this.#ring.used();
    if (left > 0) this.#onProblem(`the store was closed before it could keep what is in ${left} slots of the ring`);
    this.#abandon();
  }

  /** The store is gone: nothing that is not durable now ever will be. */
  #abandon(): void {
    clearInterval(this.#timer);
    this.intake.fail(new CaissonError('store-failed', 'the store was closed before the commit'));
  }

  /** A new thread of the same boot: it hears again what the old one may not have kept. */
  #resume(): void {
    this.#past = sum(this.#past, this.#status);
    this.#status = { ...this.#status, commits: 0, samples: 0, lost: 0, sealWaits: 0 };
    for (const channel of this.#registry.channels()) {
      this.#worker.post({ kind: 'channel', channel });
    }
    if (!this.#mayMerge) this.#worker.post({ kind: 'merge', isOn: false });
    for (const reading of this.#readings) this.#worker.post({ kind: 'clock', reading });
    this.#worker.post(this.#start);
  }

  #takeStatus({ status, settled }: Extract<FromStore, { kind: 'status' }>): void {
    this.#status = status;
    // What a thread before knew stays true.
    this.#settled = settled ?? this.#settled;
  }

  #settledStatus(): SettledStatus | undefined {
    if (this.#settled === undefined) return undefined;
    const { monotonic, position } = this.#settled;
    const { origin } = this.clock;
    const time = origin.time + monotonic - origin.monotonic;
    return { until: Math.floor(time + this.#utc.offsetAt(time)), position };
  }

  #keepReading(reading: ClockReading): void {
    this.#readings.push(reading);
    this.#utc = new UtcMap([this.#start.reading, ...this.#readings]);
    this.#worker.post({ kind: 'clock', reading });
  }
}

type Counts = Pick<StoreStatus, 'commits' | 'samples' | 'lost' | 'sealWaits'>;

function sum(a: Counts, b: Counts): Counts {
  return {
    commits: a.commits + b.commits,
    samples: a.samples + b.samples,
    lost: a.lost + b.lost,
    sealWaits: a.sealWaits + b.sealWaits,
  };
}

/** What a store says of itself that is not open. */
export const STORE_NOTHING_YET: StoreStatus = {
  commits: 0,
  samples: 0,
  commitMs: 0,
  journalRows: 0,
  unsealed: 0,
  sealWaits: 0,
  blocks: 0,
  blockBytes: 0,
  lost: 0,
};
