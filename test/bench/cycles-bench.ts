/**
 * What cycles cost a gateway at its reference load: 250 channels, 25,000 samples a second, laps of 90 s. Samples pass the intake in which
 * cycles are found, against the same intake without, one by one as frames of CAN bring them; then the sums of one lap are made of a store that
 * has it, its oldest samples in blocks and its newest in the journal, and held against those of the samples themselves.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breath } from 'node:timers/promises';
import { CycleIntake } from '../../gateway/analysis/cycles/cycle-intake.ts';
import type { SumAnswer } from '../../gateway/analysis/cycles/cycle-settling.ts';
import { CycleSummation } from '../../gateway/analysis/cycles/cycle-sums.ts';
import { DiscardingIntake } from '../../gateway/discarding-intake.ts';
import type { Intake } from '../../gateway/intake.ts';
import { sumsOver } from '../../gateway/query/cycle-answers.ts';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { StoreHost } from '../../gateway/store-host.ts';
import { atMost, type Findings, type Progress } from './figure.ts';
import { mainThreadSeconds } from './process-usage.ts';
import { SensorSignal } from './sensor-signal.ts';
import { median } from './statistics.ts';

const CHANNELS = 250;
const LAP_S = 90;
const SAMPLES_PER_S = 25_000;
const OF_EACH = (LAP_S * SAMPLES_PER_S) / CHANNELS;

const ROUNDS = 7;

/** Laps that pass in a round: CPU time is counted in hundredths of a second. */
const LAPS = 5;

/** What `bench car` finds that a car takes of a core, and how much of it cycles may take. */
const CAR_CORES = 0.13;
const SHARE_MAX = 0.03;

/** Samples of a channel that go to the store at once. */
const BATCH = 100;

export async function runCycles(progress: Progress): Promise<Findings> {
  const lap = lapOf(0);
  progress('passing a lap through the intake, with cycles and without');
  const [without, found] = passed(lap);
  const { seconds, channels } = await summed(progress);
  const intakeCores = (found - without) / LAP_S;
  const cores = intakeCores + seconds / LAP_S;
  return {
    figures: [
      {
        name: 'cycles_cpu_core',
        value: cores,
        unit: 'cores',
        target: atMost(SHARE_MAX * CAR_CORES),
        meaning: 'CPU time that cycles take of a gateway with laps at the reference load, over wall time',
      },
      {
        name: 'cycles_share_of_car',
        value: cores / CAR_CORES,
        unit: '',
        target: atMost(SHARE_MAX),
        meaning: `the same over the ${CAR_CORES} cores of bench car`,
      },
      {
        name: 'cycles_intake_ns',
        value: ((found - without) / (CHANNELS * OF_EACH)) * 1e9,
        unit: 'ns',
        meaning: 'what the intake takes more for a sample',
      },
      {
        name: 'cycles_sums_ms',
        value: seconds * 1e3,
        unit: 'ms',
        meaning: `CPU time of the sums of a lap of ${channels} channels, on the thread that serves`,
      },
    ],
  };
}

interface Lap {
  readonly times: readonly Float64Array[];
  readonly values: readonly Float64Array[];
}

function lapOf(start: number): Lap {
  const columns = Array.from({ length: CHANNELS }, (_, channel) => {
    const signal = new SensorSignal(channel + 1, start);
    const [times, values] = [new Float64Array(OF_EACH), new Float64Array(OF_EACH)];
    for (let i = 0; i < OF_EACH; i += 1) {
      signal.next();
      times[i] = signal.time;
      values[i] = signal.value;
    }
    return { times, values };
  });
  return { times: columns.map(({ times }) => times), values: columns.map(({ values }) => values) };
}

/** Seconds of CPU in which a lap passes, without and with cycles. */
function passed({ times, values }: Lap): [without: number, found: number] {
  const pass = (intake: Intake) => {
    const ids = times.map((_, i) => intake.channel({ name: `car/c${i}`, source: 'bench' }).id);
    const lap = intake.channel({ name: 'car/lap', source: 'bench' }).id;
    const began = mainThreadSeconds();
    for (let i = 0; i < LAPS * OF_EACH; i += 1) {
      const at = i % OF_EACH;
      if (i % 10 === 0) intake.push(lap, times[0]?.[at] ?? 0, 7);
      for (let channel = 0; channel < CHANNELS; channel += 1) {
        intake.push(ids[channel] as number, times[channel]?.[at] as number, values[channel]?.[at] as number);
      }
    }
    return (mainThreadSeconds() - began) / LAPS;
  };
  const [without, found]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    without.push(pass(new DiscardingIntake()));
    found.push(pass(cyclesOver(new DiscardingIntake())));
  }
  return [median(without), median(found)];
}

function cyclesOver(intake: Intake): CycleIntake {
  const parts = {
    ...{ intake, started: 0, utcOf: (time: number) => time, utcOffset: () => 0, now: () => 0, monotonicMs: () => 0 },
    ...{ channel: () => undefined, channelNamed: () => undefined, lastNumber: () => 0, names: () => [] },
    onProblem: (text: string) => {
      throw new Error(text);
    },
  };
  return new CycleIntake(parts, { lap: { trigger: 'value', channel: 'car/lap' } });
}

/** Seconds of CPU in which the sums of a lap are made. */
async function summed(progress: Progress): Promise<{ seconds: number; channels: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  const onProblem = (text: string) => progress(text);
  const host = await StoreHost.open({ dir, gateway: 'bench', commitFloorMs: 20, blockAgeSeconds: 60, onProblem });
  const telemetry = StoreTelemetry.open(dir);
  try {
    progress('storing a lap');
    const start = host.clock.origin.time;
    const lap = lapOf(start);
    await store(host, lap);
    progress('making its sums');
    const question = { from: host.utcOf(start - 1e6), to: host.utcOf(start + (LAP_S + 1) * 1e6), summary: undefined };
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const began = mainThreadSeconds();
      const answer = await sumsOver(telemetry, 'bench', question, () => breath());
      rounds.push(mainThreadSeconds() - began);
      check(answer, lap);
    }
    return { seconds: median(rounds), channels: CHANNELS };
  } finally {
    telemetry.close();
    await host.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function store(host: StoreHost, { times, values }: Lap): Promise<void> {
  const { intake } = host;
  const ids = times.map((_, i) => intake.channel({ name: `car/c${i}`, source: 'bench' }).id);
  for (let at = 0; at < OF_EACH; at += BATCH) {
    for (const [i, id] of ids.entries()) {
      intake.pushColumns(id, times[i] ?? NONE, values[i] ?? NONE, at, Math.min(OF_EACH, at + BATCH));
    }
    await intake.durable(intake.publish());
  }
}

const NONE = new Float64Array(0);

function check({ sums }: SumAnswer, { values }: Lap): void {
  if (sums.length !== CHANNELS) throw new Error(`${sums.length} channels have sums, expected ${CHANNELS}`);
  for (const [i, { sum }] of sums.entries()) {
    const expected = new CycleSummation();
    expected.add(values[i] ?? NONE);
    const { count, min, max } = expected.result ?? {};
    if (sum.count !== count || sum.min !== min || sum.max !== max) throw new Error(`the sums of channel ${i} differ`);
  }
}
