/**
 * What an answer has of a stretch of time, and why the rest is missing. Pure: evidence of what is here goes in, stretches come out.
 *
 * On a gateway everything that was taken in is here, or in a gap. A central knows what came: what is between two numbers that it has
 * was not sent yet, and behind the newest of what came in its turn nobody has said whether there is anything.
 */

/** `outline`: envelopes only, of a second each, or of a block whose samples were given up. */
export type CoverageState = 'full' | 'outline' | 'missing';

/** The sample exists, and has not come yet. */
export const NOT_SENT = 'not-sent';

/** Nothing has been heard of that time: perhaps nothing was taken in, perhaps it has not come yet. */
export const NOT_HEARD = 'not-heard';

/** Different causes side by side, where there are more stretches than COVERAGE_STRETCHES_MAX. */
export const SEVERAL_CAUSES = 'several';

/** Stretches of one answer. At the maximum: those that are next to each other become one, those with the least between them first. */
export const COVERAGE_STRETCHES_MAX = 256;

/** Times UTC, microseconds; `to` exclusive. */
export interface CoverageStretch {
  readonly from: number;
  readonly to: number;
  readonly state: CoverageState;
  /** Why it is not full: that of a gap, NOT_SENT or NOT_HEARD; empty where it is. */
  readonly cause: string;
  /** Samples that lack, also those beyond the range of a run that reaches beyond it; 0 where nobody knows how many. */
  readonly count: number;
}

/** What there is of one channel in a range, of what was taken in: samples that were made anew count for nothing. */
export interface Coverage {
  readonly from: number;
  readonly to: number;
  /** Ascending, without a hole between, from `from` to `to`. */
  readonly stretches: readonly CoverageStretch[];
  /** What keeps what was not sent, or not heard of, from coming, for people; empty where nothing is known to, or nothing lacks. */
  readonly waits: string;
}

/** What is known of numbers [first, end) of a boot. */
export interface Evidence {
  readonly first: number;
  readonly end: number;
  /** Times of the first and the last sample, UTC, microseconds, both inclusive. */
  readonly from: number;
  readonly to: number;
  readonly state: CoverageState;
  readonly cause: string;
  /** Samples that lack. */
  readonly count: number;
  /** True where it came ahead of its turn: it says nothing of what was before. */
  readonly isAhead: boolean;
}

export interface BootEvidence {
  /** UTC, microseconds. */
  readonly began: number;
  /** In any order. */
  readonly parts: readonly Evidence[];
}

/** How far it is known that nothing lacks but what evidence says. */
export interface Reach {
  /** UTC, microseconds; infinite on a gateway. */
  readonly until: number;
  /** What keeps the rest from coming, for people. */
  readonly waits: string;
}

/** By gateway; undefined where nothing is known of it. */
export type ReachOf = (gateway: string) => Reach | undefined;

const NO_REACH: Reach = { until: Number.NEGATIVE_INFINITY, waits: '' };

const FULL = { state: 'full', cause: '' } as const;

/** Worse ones win. */
const RANKS: Readonly<Record<CoverageState, number>> = { full: 0, outline: 1, missing: 2 };

/** What evidence says of [from, to). */
export function coverageOf(
  { from, to }: { readonly from: number; readonly to: number },
  boots: readonly BootEvidence[],
  reach: Reach = NO_REACH,
): Coverage {
  const spans = boots.flatMap(spansOf);
  const inTurn = boots.flatMap(({ parts }) => parts.filter(({ isAhead }) => !isAhead));
  const settled = inTurn.reduce((latest, part) => Math.max(latest, part.to + 1), reach.until);
  const stretches = limited(painted(spans, { from, to, settled }));
  const isWaiting = stretches.some(
    ({ cause }) => cause === NOT_SENT || cause === NOT_HEARD || cause === SEVERAL_CAUSES,
  );
  return { from, to, stretches, waits: isWaiting ? reach.waits : '' };
}

/** True where nothing lacks. */
export function isFull({ stretches }: Coverage): boolean {
  return stretches.every(({ state }) => state === 'full');
}

/** What each stretch of time is by the evidence of one boot; between two parts whose numbers follow one another there is no sample. */
function spansOf({ began, parts }: BootEvidence): CoverageStretch[] {
  const spans: CoverageStretch[] = [];
  let [end, until] = [0, began];
  let before: Evidence | undefined;
  for (const part of parts.toSorted((a, b) => a.first - b.first || a.end - b.end)) {
    const { first, from, to, state, cause, count } = part;
    if (first > end) {
      spans.push({ ...between(until, from), state: 'missing', cause: NOT_SENT, count: first - end });
    } else if (before !== undefined && from > until) {
      const isSame = before.state === state && before.cause === cause;
      spans.push({ ...between(until, from), ...(isSame ? { state, cause } : FULL), count: 0 });
    }
    before = part;
    spans.push({ from, to: to + 1, state, cause, count });
    end = Math.max(end, part.end);
    until = Math.max(until, to + 1);
  }
  return spans;
}

/** Of a device's own stamps the later sample may have the earlier time: then it is a moment. */
function between(from: number, to: number): { readonly from: number; readonly to: number } {
  return { from: Math.min(from, to - 1), to };
}

/** The range in stretches, each of the worst that is said of it; where nothing is said, full as far as all is settled. */
function painted(
  spans: readonly CoverageStretch[],
  { from, to, settled }: { readonly from: number; readonly to: number; readonly settled: number },
): CoverageStretch[] {
  const begins = spans.filter((span) => span.to > from && span.from < to).sort((a, b) => a.from - b.from);
  const edges = [from, to, settled, ...begins.flatMap((span) => [span.from, span.to])];
  const times = [...new Set(edges.filter((time) => time >= from && time <= to))].sort((a, b) => a - b);
  const stretches: CoverageStretch[] = [];
  const counted = new Set<CoverageStretch>();
  let [next, open] = [0, [] as CoverageStretch[]];
  for (let i = 0; i + 1 < times.length; i += 1) {
    const [start = from, end = to] = [times[i], times[i + 1]];
    for (let begun = begins[next]; begun !== undefined && begun.from <= start; begun = begins[next]) {
      open.push(begun);
      next += 1;
    }
    open = open.filter((span) => span.to > start);
    const worst = worstOf(open) ?? silence(start < settled);
    const count = counted.has(worst) ? 0 : worst.count;
    counted.add(worst);
    append(stretches, { from: start, to: end, state: worst.state, cause: worst.cause, count });
  }
  return stretches;
}

function worstOf(spans: readonly CoverageStretch[]): CoverageStretch | undefined {
  return spans.reduce<CoverageStretch | undefined>(
    (worst, span) => (worst === undefined || RANKS[span.state] > RANKS[worst.state] ? span : worst),
    undefined,
  );
}

function silence(isSettled: boolean): CoverageStretch {
  const rest = { from: 0, to: 0, count: 0 };
  return isSettled ? { ...rest, ...FULL } : { ...rest, state: 'missing', cause: NOT_HEARD };
}

/** Adds a stretch where the last one ends; what says the same becomes one. */
function append(stretches: CoverageStretch[], stretch: CoverageStretch): void {
  const last = stretches.at(-1);
  if (last === undefined || last.state !== stretch.state || last.cause !== stretch.cause) stretches.push(stretch);
  else stretches[stretches.length - 1] = joined(last, stretch);
}

function joined(first: CoverageStretch, second: CoverageStretch): CoverageStretch {
  const worse = RANKS[second.state] > RANKS[first.state] ? second : first;
  const causes = new Set([first.cause, second.cause].filter((cause) => cause !== ''));
  const cause = causes.size > 1 ? SEVERAL_CAUSES : ([...causes][0] ?? '');
  return { from: first.from, to: second.to, state: worse.state, cause, count: first.count + second.count };
}

/** At most COVERAGE_STRETCHES_MAX: the shortest are told with the one before. */
function limited(stretches: readonly CoverageStretch[]): readonly CoverageStretch[] {
  if (stretches.length <= COVERAGE_STRETCHES_MAX) return stretches;
  const rest = [...stretches.keys()].slice(1);
  const longest = rest.sort((a, b) => lengthOf(stretches[b]) - lengthOf(stretches[a]) || a - b);
  const kept = new Set(longest.slice(0, COVERAGE_STRETCHES_MAX - 1));
  const out: CoverageStretch[] = [];
  for (const [i, stretch] of stretches.entries()) {
    const last = out.at(-1);
    if (last === undefined || kept.has(i)) out.push(stretch);
    else out[out.length - 1] = joined(last, stretch);
  }
  return out;
}

function lengthOf(stretch: CoverageStretch | undefined): number {
  return stretch === undefined ? 0 : stretch.to - stretch.from;
}
