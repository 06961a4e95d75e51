import type { Clock } from '../gateway/clock.ts';
import type { Intake } from '../gateway/intake.ts';

/** What a collector is given; it sees nothing else of the gateway. */
export interface CollectorContext {
  /** Name of the configured source: first segment of its channels unless the config says otherwise. */
  readonly source: string;
  readonly intake: Intake;
  readonly clock: Clock;
  /** File for what is to outlive the process, beside the store; undefined where nothing is to. */
  readonly stateFile?: string;
}

/**
 * Turns one wire into samples. `start` resolves when the collector runs, also when its port is not there yet: a missing
 * port is a state that health shows and the collector mends by itself with bounded back-off. `start` rejects only for
 * what no retry can mend (a broken DBC). `stop` resolves when no further sample is pushed and every port is closed.
 */
export interface Collector {
  start(): Promise<void>;
  stop(): Promise<void>;
  health(): CollectorHealth;
}

/** Makes a collector of one kind from its config section, already validated. */
export type CollectorFactory<Config> = (config: Config, context: CollectorContext) => Collector;

export interface CollectorHealth {
  /** `starting` before the first sample, `running`, `waiting` for a port or peer (see `problem`), `stopped`. */
  readonly state: 'starting' | 'running' | 'waiting' | 'stopped';
  /** What is wrong and what to do, when state is `waiting`. */
  readonly problem?: string;
  /** Units taken from the wire since start: frames, sentences, messages. */
  readonly received: number;
  /** Samples pushed since start. */
  readonly samples: number;
  /** Units that could not be used, by reason; the sum of all reasons is what was skipped. */
  readonly errors: Readonly<Record<string, number>>;
  /**
   * Where a reason was met, for some of them. Of a recording the first place, such as `drive.asc, line 17`; of a broker or server the
   * topic or client that is named most often, with what was met.
   */
  readonly errorPlaces?: Readonly<Record<string, string>>;
  /** Units dropped for want of room. */
  readonly dropped: number;
  /** Box time of the last unit, microseconds; undefined before the first. */
  readonly lastSeen?: number;
}

/** Counts what a collector meets; {@link CollectorHealth} is read from it. */
export class CollectorCounters {
  received = 0;
  samples = 0;
  dropped = 0;
  lastSeen: number | undefined;
  readonly errors: Record<string, number> = {};

  /** Counts units that could not be used. */
  error(reason: string, units = 1): void {
    this.errors[reason] = (this.errors[reason] ?? 0) + units;
  }

  health(
    state: CollectorHealth['state'],
    problem?: string,
    errorPlaces: Readonly<Record<string, string>> = {},
  ): CollectorHealth {
    return {
      state,
      received: this.received,
      samples: this.samples,
      errors: { ...this.errors },
      dropped: this.dropped,
      ...(problem === undefined ? {} : { problem }),
      ...(Object.keys(errorPlaces).length === 0 ? {} : { errorPlaces }),
      ...(this.lastSeen === undefined ? {} : { lastSeen: this.lastSeen }),
    };
  }
}
