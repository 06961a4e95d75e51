import { isObject, listOf, numberOf, textOf } from './json-fields.ts';

/** One cycle as the page shows it; times UTC, seconds. */
export interface ShownCycle {
  readonly kind: string;
  readonly gateway: string;
  /** Number or label. */
  readonly title: string;
  readonly from: number;
  /** Undefined while it is open. */
  readonly to: number | undefined;
  readonly state: string;
  /** Why it is not complete; empty where it is. */
  readonly cause: string;
}

/** A line of the table of one kind. */
export interface LapLine extends ShownCycle {
  /** How long it lasted or, of an open one, lasts by now. */
  readonly seconds: number;
  readonly isBest: boolean;
  /** Seconds behind the best one that is complete; undefined of it and of those that are not complete. */
  readonly behind: number | undefined;
}

/** Of an answer of `/api/v1/cycles`; what is none is left out. */
export function parseCycles(root: unknown): ShownCycle[] {
  return listOf(isObject(root) ? root.cycles : undefined).map((cycle) => ({
    kind: textOf(cycle.name),
    gateway: textOf(cycle.gateway),
    title: textOf(cycle.label) || String(numberOf(cycle.number)),
    from: numberOf(cycle.from) / 1e6,
    to: typeof cycle.to === 'number' ? cycle.to / 1e6 : undefined,
    state: textOf(cycle.state),
    cause: textOf(cycle.cause),
  }));
}

/** Kinds that have cycles, in their order. */
export function kindsOf(cycles: readonly ShownCycle[]): string[] {
  return [...new Set(cycles.map(({ kind }) => kind))];
}

/** The cycles of a kind, the newest first. Only those that are complete have a time that counts. @param now UTC, seconds */
export function lapLines(cycles: readonly ShownCycle[], kind: string, now: number): LapLine[] {
  const own = cycles.filter((cycle) => cycle.kind === kind);
  const seconds = ({ from, to }: ShownCycle) => Math.max(0, (to ?? now) - from);
  const complete = own.filter(({ state }) => state === 'complete');
  const best = complete.reduce<ShownCycle | undefined>(
    (least, cycle) => (least === undefined || seconds(cycle) < seconds(least) ? cycle : least),
    undefined,
  );
  return own
    .map((cycle) => {
      const counts = best !== undefined && cycle !== best && cycle.state === 'complete';
      const behind = counts ? seconds(cycle) - seconds(best) : undefined;
      return { ...cycle, seconds: seconds(cycle), isBest: cycle === best, behind };
    })
    .sort((a, b) => b.from - a.from);
}

/** A lap time as timekeepers write it, to the millisecond: `58.203`, `1:32.345`, `1:02:03.004`. */
export function formatLap(seconds: number): string {
  const ms = Math.round(seconds * 1e3);
  const [hours, minutes] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60];
  const rest = ((ms % 60_000) / 1e3).toFixed(3);
  if (hours > 0) return `${hours}:${String(minutes).padStart(2, '0')}:${rest.padStart(6, '0')}`;
  return minutes > 0 ? `${minutes}:${rest.padStart(6, '0')}` : rest;
}
