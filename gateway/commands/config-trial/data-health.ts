import type { GatewayStatus, SourceStatus } from '../../status.ts';

/** Until a source that had data must have some again, milliseconds: ports are opened, devices answer. */
const FIRST_DATA_MS = 30_000;

/** A source may make so many more errors a unit than before; fewer than these in all are chance. */
const ERRORS_FACTOR = 2;
const ERRORS_MIN = 20;

/** Central must have been heard within, milliseconds: it acknowledges every 5 s and looks every 20 s. */
const CENTRAL_SILENT_MS = 45_000;

/** A line that failed is tried again within two minutes and a bit: a central that is not back by then, milliseconds, does not come. */
const CENTRAL_BACK_MS = 150_000;

/** A source that brought nothing for so many of its usual intervals is silent. */
const INTERVALS_MAX = 3;

/** How data came in before a config changed. */
export interface DataBefore {
  readonly sources: ReadonlyMap<string, SourceBefore>;
  /** Samples lost a second. */
  readonly lostPerS: number;
}

interface SourceBefore {
  /** Longest time without a sample that is nothing unusual, milliseconds; undefined where it was silent already. */
  readonly silentMs: number | undefined;
  readonly errorShare: number;
  readonly ran: boolean;
  /** Something stood in its way, such as a port that another program has. */
  readonly wasHeld: boolean;
}

export interface TrialMoment {
  /** Since the new config runs, milliseconds. */
  readonly elapsedMs: number;
  /** For how long data is watched, milliseconds. */
  readonly watchMs: number;
  readonly status: GatewayStatus;
  /** Since the central that changed it was last heard; undefined where it was not since the start. */
  readonly centralSilentMs: number | undefined;
}

/** `open`: it goes on. */
export interface Verdict {
  readonly state: 'open' | 'good' | 'worse';
  /** Why data is worse off; empty otherwise. */
  readonly why: string;
}

const OPEN: Verdict = { state: 'open', why: '' };
const GOOD: Verdict = { state: 'good', why: '' };

/** What a run with the old config was like. @param elapsedS since its start, seconds */
export function dataBefore(status: GatewayStatus, elapsedS: number): DataBefore {
  const sources = new Map(
    status.sources.map((source) => [
      source.name,
      {
        silentMs: silentMsOf(source, elapsedS * 1e3, status.now),
        errorShare: shareOf(source.errors, source.received),
        ran: source.state === 'running',
        wasHeld: source.problem !== undefined,
      },
    ]),
  );
  return { sources, lostPerS: lostOf(status) / Math.max(1, elapsedS) };
}

function silentMsOf({ samples, lastSeen }: SourceStatus, elapsedMs: number, now: number): number | undefined {
  if (samples === 0 || lastSeen === undefined) return undefined;
  const usualMs = INTERVALS_MAX * (elapsedMs / samples);
  return now - lastSeen > Math.max(FIRST_DATA_MS, usualMs) * 1e3 ? undefined : usualMs;
}

/** Whether data is worse off than before. */
export function judge(before: DataBefore, moment: TrialMoment): Verdict {
  const { elapsedMs, watchMs, status, centralSilentMs } = moment;
  const isOver = elapsedMs >= watchMs;
  if (status.boot === '') return isOver ? worse('the store did not open') : OPEN;
  for (const source of status.sources) {
    const old = before.sources.get(source.name);
    const why = old && worsened(old, source, elapsedMs, isOver);
    if (why !== undefined) return worse(why);
  }
  const lost = lostOf(status);
  if (lost > 0 && lost > 2 * before.lostPerS * (elapsedMs / 1e3)) return worse(`${lost} samples were lost`);
  if (!isOver) return OPEN;
  if (centralSilentMs !== undefined && centralSilentMs <= CENTRAL_SILENT_MS) return GOOD;
  return elapsedMs < CENTRAL_BACK_MS ? OPEN : worse('the line to central did not come back');
}

function worsened(old: SourceBefore, source: SourceStatus, elapsedMs: number, isOver: boolean): string | undefined {
  const { name, samples, state, problem, errors, received } = source;
  const why = problem === undefined ? '' : `: ${problem}`;
  const isDue = old.silentMs !== undefined && elapsedMs >= old.silentMs && (isOver || elapsedMs >= FIRST_DATA_MS);
  if (samples === 0 && isDue) {
    return `source ${name} had data and has none after ${Math.round(elapsedMs / 1e3)} s${why}`;
  }
  if (old.ran && state !== 'running' && isOver) return `source ${name} ran and does not${why}`;
  // One that nobody sent anything to did not run, and could have.
  if (!old.wasHeld && state === 'waiting' && problem !== undefined && isOver) return `source ${name} cannot run${why}`;
  const share = shareOf(errors, received);
  if (sumOf(errors) >= ERRORS_MIN && share > ERRORS_FACTOR * old.errorShare) {
    return `source ${name} cannot use ${percent(share)} of what it gets, ${percent(old.errorShare)} before`;
  }
  return undefined;
}

function worse(why: string): Verdict {
  return { state: 'worse', why };
}

function lostOf({ store, ring, sources }: GatewayStatus): number {
  return store.lost + ring.refused + sources.reduce((sum, { dropped }) => sum + dropped, 0);
}

function shareOf(errors: Readonly<Record<string, number>>, received: number): number {
  const sum = sumOf(errors);
  return sum === 0 ? 0 : sum / Math.max(sum, received);
}

function sumOf(errors: Readonly<Record<string, number>>): number {
  return Object.values(errors).reduce((sum, count) => sum + count, 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
