import { cycleNameOf } from '../analysis/cycles/cycle-channels.ts';
import {
  type EarlierCycle,
  SUMMED_CHANNELS_MAX,
  type SumAnswer,
  type SumQuestion,
} from '../analysis/cycles/cycle-settling.ts';
import { CycleSummation } from '../analysis/cycles/cycle-sums.ts';
import type { CyclesConfig } from '../analysis/cycles/cycles-config.ts';
import { channelPattern } from '../channel-pattern.ts';
import { CYCLE_LOOKBACK_US, cycleChannels, type RecordedCycle, recordedCycles } from './cycles.ts';
import type { Gap, StoredChannel, Telemetry } from './telemetry.ts';

/** How long sums are worked on before others are served. */
const SLICE_MS = 5;

/** Cycles of a kind that get sums after a restart, and those whose late samples are counted on: the newest of either. */
const EARLIER_MAX = 1024;

/** How far back they are looked for, one after the other until there is a cycle: a batch may last days, a beat has thousands of records. */
const LOOKS_BACK_US = [3600e6, 86_400e6, CYCLE_LOOKBACK_US];

/** Cause of the gap behind a run of the process that ended without a stop. */
const UNCLEAN_STOP = 'unclean-stop';

type Read = Pick<Telemetry, 'channels' | 'raw' | 'gaps'>;

/** Sums of the channels of a gateway over a stretch: of exactly what a query over it returns. @param pause lets others be served */
export async function sumsOver(
  telemetry: Read,
  gateway: string,
  { from, to, summary }: SumQuestion,
  pause: () => Promise<void>,
): Promise<SumAnswer> {
  const sums: SumAnswer['sums'][number][] = [];
  let others = 0;
  let worked = performance.now();
  const rest = async () => {
    if (performance.now() - worked < SLICE_MS) return;
    await pause();
    worked = performance.now();
  };
  for (const { id } of summedChannels(telemetry.channels(), gateway, summary)) {
    const summation = new CycleSummation();
    for (const { values } of telemetry.raw(id, from, to)) {
      if (values instanceof Float64Array) summation.add(values);
      await rest();
    }
    const sum = summation.result;
    if (sum !== undefined && sums.length === SUMMED_CHANNELS_MAX) others += 1;
    else if (sum !== undefined) sums.push({ channel: id, sum });
    await rest();
  }
  return { sums, others };
}

/** Cycles of earlier runs, as {@link CycleReader} asks for them. @param now UTC */
export function earlierCycles(
  telemetry: Read,
  gateway: string,
  cycles: CyclesConfig,
  { before, now }: { readonly before: number; readonly now: number },
): EarlierCycle[] {
  const channels = telemetry.channels();
  return cycleChannels(channels, gateway).flatMap((records) => {
    const name = cycleNameOf(records.name) ?? '';
    const config = cycles[name];
    if (config === undefined) return [];
    let earlier: RecordedCycle[] = [];
    for (const back of LOOKS_BACK_US) {
      const all = recordedCycles(telemetry, records, channels, now - back);
      earlier = all.filter(({ storedFrom }) => storedFrom < before);
      if (earlier.length > 0) break;
    }
    const told = channels.filter((each) => each.gateway === gateway && each.name === config.channel);
    const heard = [...told, ...summedChannels(channels, gateway, config.summary)];
    const some = (hasSums: boolean) =>
      earlier.filter(({ sumsAt }) => (sumsAt !== undefined) === hasSums).slice(-EARLIER_MAX);
    return [...some(true), ...some(false)].flatMap((cycle) => {
      const to = cycle.hasEnd ? cycle.to : lastHeard(telemetry, cycle, records, heard);
      if (to === undefined || to <= cycle.from) return [];
      const { number, label, isSeen, storedFrom, from } = cycle;
      const cause = cycle.hasEnd ? undefined : cycle.cause;
      const late = cycle.sumsAt === undefined ? undefined : cycle.late;
      return [{ name, number, label, isSeen, from: storedFrom, utc: { from, to }, cause, late }];
    });
  });
}

function summedChannels(channels: readonly StoredChannel[], gateway: string, summary: SumQuestion['summary']) {
  const means = summary?.map(channelPattern);
  return channels.filter(({ name, type, gateway: owner }) => {
    const isSource = type !== 'text' && owner === gateway && !name.startsWith('caisson/');
    return isSource && (means === undefined || means.some((each) => each(name)));
  });
}

/** Until when a cycle lived whose end nobody told: with the last sample that is known of what was heard. */
function lastHeard(
  telemetry: Read,
  { from, to, cause }: RecordedCycle,
  records: StoredChannel,
  heard: readonly StoredChannel[],
): number | undefined {
  const cut = telemetry.gaps(records.id, from, Number.POSITIVE_INFINITY).find((gap) => gap.cause === UNCLEAN_STOP);
  if (cause !== UNCLEAN_STOP || cut === undefined) return to;
  const isCut = (gap: Gap) => gap.boot === cut.boot && gap.cause === UNCLEAN_STOP;
  const lasts = heard.flatMap(({ id }) => telemetry.gaps(id, from, cut.to + 1).filter(isCut));
  return lasts.reduce((last, gap) => Math.max(last, gap.from + 1), to ?? from + 1);
}
