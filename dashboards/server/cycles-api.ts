import { askedCycles, type Cycle, cycleChannels } from '../../gateway/query/cycles.ts';
import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import { parseStretch } from './api.ts';

/** Cycles of a kind of one answer: the newest. */
const CYCLES_MAX = 500;

const DAY_US = 86_400e6;

/** What is asked of cycles; times UTC, microseconds. */
export interface CyclesQuery {
  readonly from: number;
  readonly to: number;
  /** Kind; undefined: all. */
  readonly name: string | undefined;
  readonly gateway: string | undefined;
}

/**
 * Reads `name`, `gateway`, `from` and `to`, which are the last day without.
 * @param now UTC, microseconds
 * @throws CaissonError `query-invalid`
 */
export function parseCyclesQuery(search: string, now: number): CyclesQuery {
  const params = new URLSearchParams(search);
  const asked = { name: params.get('name') ?? undefined, gateway: params.get('gateway') ?? undefined };
  return { ...parseStretch(params, now, DAY_US), ...asked };
}

/** The cycles that touch a range, kind after kind, each kind by begin. */
export async function answerCycles(telemetry: AskedTelemetry, query: CyclesQuery): Promise<{ cycles: Cycle[] }> {
  const channels = await telemetry.channels();
  const cycles: Cycle[] = [];
  for (const records of cycleChannels(channels, query.gateway, query.name)) {
    const found = await askedCycles(telemetry, records, channels, query);
    for (const { storedFrom: _, hasEnd: __, sumsAt: ___, ...cycle } of found.slice(-CYCLES_MAX)) cycles.push(cycle);
  }
  return { cycles };
}
