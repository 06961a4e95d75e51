import { CycleIntake } from '../../../gateway/analysis/cycles/cycle-intake.ts';
import type { CycleSum } from '../../../gateway/analysis/cycles/cycle-sums.ts';
import type { CyclesConfig } from '../../../gateway/analysis/cycles/cycles-config.ts';
import { earlierCycles, sumsOver } from '../../../gateway/query/cycle-answers.ts';
import {
  cycleChannels,
  type RecordedCycle,
  recordedCycles,
  sumChannels,
  sumsIn,
} from '../../../gateway/query/cycles.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { StoreHost } from '../../../gateway/store-host.ts';
import { waitFor } from '../../wait-for.ts';

function fail(problem: string): never {
  throw new Error(problem);
}

const [FIRST, LAST] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
/** A gateway's store with cycles, whose monotonic clock a test turns. */
export class CycleRig {
  readonly telemetry: StoreTelemetry;
  readonly problems: string[] = [];
  readonly host: StoreHost;
  /** Runs at each question for sums, before it is answered. */
  meanwhile = () => {};
  #monotonicMs = 0;

  private constructor(dir: string, host: StoreHost) {
    this.host = host;
    this.telemetry = StoreTelemetry.open(dir);
  }

  static async open(dir: string, cycles: readonly string[] = []): Promise<CycleRig> {
    const parts = { commitFloorMs: 0, blockAgeSeconds: 1, onProblem: fail, cycles };
    return new CycleRig(dir, await StoreHost.open({ dir, gateway: 'box', ...parts }));
  }

  intake(cycles: CyclesConfig): CycleIntake {
    const { host, telemetry } = this;
    const parts = {
      intake: host.intake,
      started: host.clock.origin.time,
      utcOf: (time: number) => host.utcOf(time),
      utcOffset: () => host.utcOffset(),
      now: () => host.clock.now(),
      monotonicMs: () => this.#monotonicMs,
      channel: (id: number) => host.channel(id),
      channelNamed: (name: string) => host.channelNamed(name),
      names: () => host.channelNames(),
      lastNumber: (name: string) => host.cycleNumbers[name] ?? 0,
      onProblem: (text: string) => this.problems.push(text),
    };
    const intake = new CycleIntake(parts, cycles);
    intake.settling.attach({
      earlier: async (of, before) => earlierCycles(telemetry, 'box', of, { before, now: host.utcNow() }),
      sums: (question) => {
        this.meanwhile();
        return sumsOver(telemetry, 'box', question, async () => {});
      },
    });
    return intake;
  }

  /** Lets `seconds` pass, and what is due be made. */
  async pass(intake: CycleIntake, seconds: number): Promise<void> {
    this.#monotonicMs += seconds * 1e3;
    await intake.settling.look();
    await this.host.intake.durable(this.host.intake.publish());
  }

  cycles(name: string): RecordedCycle[] {
    const channels = this.telemetry.channels();
    return cycleChannels(channels, 'box', name).flatMap((each) =>
      recordedCycles(this.telemetry, each, channels, FIRST),
    );
  }

  /** Sums of a cycle as they are kept, by channel. */
  sums(name: string, { sumsAt }: RecordedCycle): Map<string, CycleSum> {
    const found = new Map<string, CycleSum>();
    for (const channel of sumChannels(this.telemetry.channels(), 'box', name)) {
      for (const samples of this.telemetry.raw(channel.id, FIRST, LAST)) {
        for (const [at, { channel: of, unit: _, ...sum }] of sumsIn(samples, channel)) {
          if (at === sumsAt) found.set(of, sum);
        }
      }
    }
    return found;
  }

  /** What a query over a cycle gives; nothing where it has no sample. */
  queried(channel: string, { from, to = LAST }: RecordedCycle): CycleSum | undefined {
    const { id } = this.telemetry.channel(channel);
    const pieces = [...this.telemetry.raw(id, from, to)].flatMap(({ values }) => [...values].map(Number));
    const values = pieces.filter((value) => Number.isFinite(value));
    if (values.length === 0) return undefined;
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const [first = 0, last = 0] = [values[0], values.at(-1)];
    return { count: values.length, min: Math.min(...values), max: Math.max(...values), mean, first, last };
  }

  /** Resolves when every sample is in a block. */
  sealed(): Promise<void> {
    const { commits } = this.host.status;
    return waitFor('all is sealed', () => this.host.status.commits > commits && this.host.status.unsealed === 0);
  }

  async close(): Promise<void> {
    this.telemetry.close();
    await this.host.stop();
  }
}
