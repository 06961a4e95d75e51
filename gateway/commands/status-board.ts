import type { Collector, CollectorHealth } from '../../collectors/collector.ts';
import type { DeviceClockIntake } from '../../collectors/device-clock/device-clock-intake.ts';
import type { ShapingIntake } from '../../collectors/shaping/shaping-intake.ts';
import type { ChannelFreshness } from '../channel-freshness.ts';
import type { GatewayStatus, SourceStatus, StaleChannels } from '../status.ts';
import type { StoreHost } from '../store-host.ts';
import { StaleBySource } from './stale-channels.ts';
import type { WearWatch } from './wear-watch.ts';

/** Problems kept for people to see. At the maximum: the oldest is forgotten here; it was also written to the log. */
const PROBLEMS_MAX = 50;

/** Weight of the newest second in a source's rate. */
const RATE_WEIGHT = 0.5;

export interface RunningSource {
  readonly name: string;
  readonly kind: string;
  readonly collector: Collector;
  /** Missing where all samples are kept. */
  readonly shaping?: ShapingIntake;
  /** Missing where the clock of its device is not looked at. */
  readonly deviceClock?: DeviceClockIntake;
}

/** Puts together what is known of the gateway, once a second. */
export class StatusBoard {
  readonly #version: string;
  readonly #store: StoreHost;
  readonly #wear: WearWatch;
  /** Box time. */
  readonly #started: number;
  readonly #sources: RunningSource[] = [];
  readonly #stale: StaleBySource;
  #staleChannels: ReadonlyMap<string, StaleChannels> = new Map();
  #commits = 0;
  readonly #onProblem: (text: string) => void;
  /** Source and reason of errors that were said. */
  readonly #said = new Set<string>();
  readonly #rates = new Map<string, { samples: number; at: number; rate: number }>();
  /** With box time. */
  readonly #problems: { time: number; text: string }[] = [];

  /**
   * @param freshness is told which channels are fresh
   * @param onProblem told of each reason for which a source cannot use what comes, once
   */
  constructor(
    version: string,
    store: StoreHost,
    wear: WearWatch,
    freshness: ChannelFreshness,
    onProblem: (text: string) => void,
  ) {
    this.#version = version;
    this.#onProblem = onProblem;
    this.#store = store;
    this.#wear = wear;
    this.#started = store.clock.now();
    this.#stale = new StaleBySource({
      activity: store.activity,
      freshness,
      end: () => store.channelsEnd,
      channel: (id) => store.channel(id),
      utcOffset: () => store.utcOffset(),
    });
  }

  addSource(source: RunningSource): void {
    this.#sources.push(source);
  }

  problem(text: string): void {
    this.#problems.push({ time: this.#store.clock.now(), text });
    if (this.#problems.length > PROBLEMS_MAX) this.#problems.shift();
  }

  /** The state now. To be asked once a second: rates are taken from one call to the next. */
  snapshot(): GatewayStatus {
    const store = this.#store;
    const stale = this.#look();
    const now = store.clock.now();
    const utcNow = store.utcOf(now);
    return {
      role: 'gateway',
      gateway: store.gateway,
      boot: store.boot,
      version: this.#version,
      startedAt: utcNow - (now - this.#started),
      now: utcNow,
      clock: store.clockStatus,
      ring: store.ringStatus,
      store: store.status,
      wear: this.#wear.look(),
      sources: this.#sources.map((source) => this.#sourceStatus(source, stale.get(source.name))),
      problems: this.#problems.map(({ time, text }) => ({ time: store.utcOf(time), text })),
    };
  }

  /** While what was taken in waits for its commit, nobody can say who is silent. */
  #look(): ReadonlyMap<string, StaleChannels> {
    const { commits } = this.#store.status;
    if (commits === this.#commits && this.#store.ringStatus.used > 0) return this.#staleChannels;
    this.#commits = commits;
    this.#staleChannels = this.#stale.look(this.#store.clock.now());
    return this.#staleChannels;
  }

  /** The first of each reason is worth a line of the log; how many follow is in the status. */
  #sayErrors(source: string, { errors, errorPlaces }: CollectorHealth): void {
    for (const reason in errors) {
      const key = `${source} ${reason}`;
      if (errors[reason] === 0 || this.#said.has(key)) continue;
      this.#said.add(key);
      const place = errorPlaces?.[reason];
      this.#onProblem(
        `source ${source}: ${reason}${place === undefined ? '' : ` (${place})`}; further ones are counted`,
      );
    }
  }

  #sourceStatus(
    { name, kind, collector, shaping, deviceClock: clock }: RunningSource,
    stale: StaleChannels | undefined,
  ): SourceStatus {
    const health = collector.health();
    this.#sayErrors(name, health);
    const now = performance.now();
    const last = this.#rates.get(name) ?? { samples: health.samples, at: now, rate: 0 };
    const seconds = (now - last.at) / 1e3;
    const newest = seconds > 0 ? (health.samples - last.samples) / seconds : 0;
    const rate = last.rate === 0 ? newest : last.rate + RATE_WEIGHT * (newest - last.rate);
    this.#rates.set(name, { samples: health.samples, at: now, rate });
    const overLimit = shaping?.tick();
    const deviceClock = clock?.status;
    return {
      name,
      kind,
      ...(overLimit === undefined ? {} : { problem: overLimit }),
      ...health,
      ...(health.lastSeen !== undefined && { lastSeen: this.#store.utcOf(health.lastSeen) }),
      rate,
      ...(stale === undefined ? {} : { stale }),
      ...(deviceClock === undefined ? {} : { deviceClock }),
      ...(shaping === undefined ? {} : { leftOut: shaping.leftOut }),
    };
  }
}
