import type { Collector } from '../../collectors/collector.ts';
import type { ShapingIntake } from '../../collectors/shaping/shaping-intake.ts';
import type { GatewayStatus, SourceStatus } from '../status.ts';
import type { StoreHost } from '../store-host.ts';
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
}

/** Puts together what is known of the gateway, once a second. */
export class StatusBoard {
  readonly #version: string;
  readonly #store: StoreHost;
  readonly #wear: WearWatch;
  readonly #startedAt: number;
  readonly #sources: RunningSource[] = [];
  readonly #rates = new Map<string, { samples: number; at: number; rate: number }>();
  readonly #problems: { time: number; text: string }[] = [];

  constructor(version: string, store: StoreHost, wear: WearWatch) {
    this.#version = version;
    this.#store = store;
    this.#wear = wear;
    this.#startedAt = store.utcNow();
  }

  addSource(source: RunningSource): void {
    this.#sources.push(source);
  }

  problem(text: string): void {
    this.#problems.push({ time: this.#store.utcNow(), text });
    if (this.#problems.length > PROBLEMS_MAX) this.#problems.shift();
  }

  /** The state now. To be asked once a second: rates are taken from one call to the next. */
  snapshot(): GatewayStatus {
    const store = this.#store;
    return {
      role: 'gateway',
      gateway: store.gateway,
      boot: store.boot,
      version: this.#version,
      startedAt: this.#startedAt,
      now: store.utcNow(),
      clock: store.clockStatus,
      ring: store.ringStatus,
      store: store.status,
      wear: this.#wear.look(),
      sources: this.#sources.map((source) => this.#sourceStatus(source)),
      problems: [...this.#problems],
    };
  }

  #sourceStatus({ name, kind, collector, shaping }: RunningSource): SourceStatus {
    const health = collector.health();
    const now = performance.now();
    const last = this.#rates.get(name) ?? { samples: health.samples, at: now, rate: 0 };
    const seconds = (now - last.at) / 1e3;
    const newest = seconds > 0 ? (health.samples - last.samples) / seconds : 0;
    const rate = last.rate === 0 ? newest : last.rate + RATE_WEIGHT * (newest - last.rate);
    this.#rates.set(name, { samples: health.samples, at: now, rate });
    const overLimit = shaping?.tick();
    return {
      name,
      kind,
      ...(overLimit === undefined ? {} : { problem: overLimit }),
      ...health,
      rate,
      ...(shaping === undefined ? {} : { leftOut: shaping.leftOut }),
    };
  }
}
