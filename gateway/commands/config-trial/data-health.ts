import type { GatewayStatus } from '../../status.ts';

/** Until a source that had data must have some again, milliseconds: ports are opened, devices answer. */
const FIRST_DATA_MS = 30_000;

/** A source may make so many more errors a unit than before; fewer than these in all are chance. */
const ERRORS_FACTOR = 2;
const ERRORS_MIN = 20;

/** Central must have been heard within, milliseconds: it acknowledges every 5 s and looks every 20 s. */
const CENTRAL_SILENT_MS = 45_000;

/** How data came in before a config changed. */
export interface DataBefore {
  readonly sources: ReadonlyMap<
    string,
    { readonly hadData: boolean; readonly errorShare: number; readonly ran: boolean }
  >;
  /** Samples lost a second. */
  readonly lostPerS: number;
}

export interface TrialMoment {
  /** Since the new config runs, milliseconds. */
  readonly elapsedMs: number;
  readonly status: GatewayStatus;
  /** Since the central that changed it was last heard; undefined where it was not since the start. */
  readonly centralSilentMs: number | undefined;
  /** True when the time of the trial is over. */
  readonly isLast: boolean;
}

/** What a run with the old config was like. @param elapsedS since its start, seconds */
export function dataBefore(status: GatewayStatus, elapsedS: number): DataBefore {
  const sources = new Map(
    status.sources.map(({ name, samples, state, errors, received }) => [
      name,
      { hadData: samples > 0, errorShare: shareOf(errors, received), ran: state === 'running' },
    ]),
  );
  return { sources, lostPerS: lostOf(status) / Math.max(1, elapsedS) };
}

/** Why data is worse off than before; undefined while it is not, or nobody can say yet. */
export function worsening(before: DataBefore, moment: TrialMoment): string | undefined {
  const { elapsedMs, status, centralSilentMs, isLast } = moment;
  if (status.boot === '') return isLast ? 'the store did not open' : undefined;
  for (const source of status.sources) {
    const { name, samples, state, problem, errors, received } = source;
    const old = before.sources.get(name);
    if (old === undefined) continue;
    const why = problem === undefined ? '' : `: ${problem}`;
    if (old.hadData && samples === 0 && (isLast || elapsedMs >= FIRST_DATA_MS)) {
      return `source ${name} had data and has none after ${Math.round(elapsedMs / 1e3)} s${why}`;
    }
    if (old.ran && state !== 'running' && isLast) return `source ${name} ran and does not${why}`;
    const share = shareOf(errors, received);
    if (sumOf(errors) >= ERRORS_MIN && share > ERRORS_FACTOR * old.errorShare) {
      return `source ${name} cannot use ${percent(share)} of what it gets, ${percent(old.errorShare)} before`;
    }
  }
  const lost = lostOf(status);
  if (lost > 0 && lost > 2 * before.lostPerS * (elapsedMs / 1e3)) return `${lost} samples were lost`;
  if (isLast && (centralSilentMs === undefined || centralSilentMs > CENTRAL_SILENT_MS)) {
    return 'the line to central did not come back';
  }
  return undefined;
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
