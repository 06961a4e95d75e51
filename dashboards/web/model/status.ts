import { type Fields, isObject, known, listOf, numberOf, objectOf, textOf } from './json-fields.ts';
import { destinationsOf, type ShownDestination } from './sync.ts';

/** What the strip shows of /api/v1/status. Fields that are missing or of another type have the values of nothing known. */
export interface ShownStatus {
  readonly now: number;
  readonly clockSource: string;
  readonly clockErrorUs: number;
  /** Sources whose clocks are not believed, and why. */
  readonly doubtedClocks: readonly string[];
  readonly ringShare: number;
  readonly refused: number;
  readonly commitMs: number;
  readonly samples: number;
  readonly lost: number;
  readonly blockBytes: number;
  /** Why a central's store takes nothing; empty where it does. */
  readonly storeProblem: string;
  readonly recorder: ShownRecorder | undefined;
  readonly sources: readonly ShownSource[];
  /** Kinds of cycles that the gateway looks for; none at a central. */
  readonly kinds: readonly ShownKind[];
  /** Centrals that have, or are to have, what is here; none at a central. */
  readonly destinations: readonly ShownDestination[];
  readonly problems: readonly { readonly time: number; readonly text: string }[];
}

/** A kind of cycle. */
export interface ShownKind {
  readonly name: string;
  /** Number or label of the one that is open; empty where none is. */
  readonly open: string;
  /** Why there are none; empty where nothing is wrong. */
  readonly problem: string;
}

/** How much of the past is kept, and for how long there is room; undefined where that is not known. */
export interface ShownRecorder {
  /** Hours until the oldest samples are given up; 0 where they are. */
  readonly hoursLeft: number | undefined;
  /** How far back samples reach, seconds; the farthest class. */
  readonly reach: number;
  /** What is given up because the disk runs short; `none`: nothing. */
  readonly rung: string;
  readonly roomBytes: number;
  /** Bytes written to the disk a day. */
  readonly writtenPerDay: number | undefined;
  /** How long the disk lasts at that rate. */
  readonly yearsLeft: number | undefined;
}

export interface ShownSource {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly problem: string;
  /** Messages, frames or lines since the start. */
  readonly received: number;
  readonly rate: number;
  readonly errors: number;
  /** Reason and count of what could not be read, most frequent first. */
  readonly errorReasons: readonly (readonly [reason: string, count: number])[];
  /** By reason, for some: where it was met, such as a topic or a client. */
  readonly errorPlaces: Readonly<Record<string, string>>;
  readonly dropped: number;
  /** Reason and count of samples that the config leaves out, most frequent first. */
  readonly leftOut: readonly (readonly [reason: string, count: number])[];
  /** Channels that went quiet, and the names of some. */
  readonly stale: number;
  readonly staleNames: readonly string[];
}

/** What a person should look into, in one sentence; `time` is UTC in microseconds, undefined for what lasts. */
export interface Concern {
  readonly time: number | undefined;
  readonly text: string;
}

/** Everything a person should look into: what lasts first, then what happened, newest first. */
export function concernsOf(status: ShownStatus): Concern[] {
  const lasting: string[] = [];
  if (status.storeProblem !== '') lasting.push(`the store takes nothing: ${status.storeProblem}`);
  if (status.refused > 0) lasting.push(`${status.refused} samples were refused for want of room`);
  if (status.lost > 0) lasting.push(`${status.lost} samples were lost`);
  const rung = status.recorder?.rung ?? 'none';
  if (rung === 'critical-only') lasting.push('the disk is full: only critical samples are taken in');
  else if (rung !== 'none') lasting.push('the disk runs short: the past is given up sooner than the limits say');
  for (const { name, state, problem, stale, staleNames } of status.sources) {
    if (problem !== '') lasting.push(`${name}: ${problem}`);
    else if (state === 'stopped') lasting.push(`${name} is stopped`);
    if (stale > 0) lasting.push(staleText(name, stale, staleNames));
  }
  for (const { name, stores } of status.destinations) {
    if (stores > 1) lasting.push(`two centrals have the name ${name}: nothing is given up that one of them lacks`);
  }
  for (const { name, problem } of status.kinds) if (problem !== '') lasting.push(`no ${name}: ${problem}`);
  return [
    ...lasting.map((text) => ({ time: undefined, text })),
    ...[...status.problems].reverse().map(({ time, text }) => ({ time, text })),
  ];
}

function staleText(source: string, count: number, names: readonly string[]): string {
  const [first = ''] = names;
  return count === 1 ? `${first} went quiet` : `${source}: ${count} channels went quiet, ${first} first`;
}

/** The worst of the states of all sources; `running` where there is none. */
export function worstState(sources: readonly ShownSource[]): string {
  return (
    ['stopped', 'waiting', 'starting'].find((state) => sources.some((source) => source.state === state)) ?? 'running'
  );
}

/** What the state of a source is called: one that nobody has sent anything to yet is not at fault. */
export function stateLabel(state: string): string {
  return state === 'starting' ? 'none yet' : state;
}

/** Undefined where the text is no JSON object. */
export function parseStatus(json: string): ShownStatus | undefined {
  let root: unknown;
  try {
    root = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isObject(root)) return undefined;
  const clock = objectOf(root.clock);
  const ring = objectOf(root.ring);
  const store = objectOf(root.store);
  return {
    now: numberOf(root.now),
    clockSource: textOf(clock.source),
    clockErrorUs: numberOf(clock.errorUs),
    doubtedClocks: listOf(clock.doubted).map(({ teller, why }) => `${textOf(teller)} ${textOf(why)}`),
    ringShare: numberOf(ring.used) / Math.max(1, numberOf(ring.slots)),
    refused: numberOf(ring.refused),
    commitMs: numberOf(store.commitMs),
    samples: numberOf(store.samples),
    lost: numberOf(store.lost),
    blockBytes: numberOf(store.blockBytes),
    storeProblem: textOf(store.problem),
    recorder: recorderOf(objectOf(store.retention), objectOf(root.wear)),
    sources: listOf(root.sources).map((source) => ({
      name: textOf(source.name),
      kind: textOf(source.kind),
      state: textOf(source.state),
      problem: textOf(source.problem),
      received: numberOf(source.received),
      rate: numberOf(source.rate),
      ...errorsOf(objectOf(source.errors)),
      errorPlaces: textsOf(objectOf(source.errorPlaces)),
      dropped: numberOf(source.dropped),
      leftOut: reasonsOf(objectOf(source.leftOut)),
      stale: numberOf(objectOf(source.stale).count),
      staleNames: listOf(objectOf(source.stale).channels).map(({ name }) => textOf(name)),
    })),
    kinds: listOf(root.cycles).map(({ name, open, problem }) => ({
      ...{ name: textOf(name), open: textOf(open), problem: textOf(problem) },
    })),
    destinations: destinationsOf(root),
    problems: listOf(root.problems).map((problem) => ({ time: numberOf(problem.time), text: textOf(problem.text) })),
  };
}

function recorderOf(retention: Fields, wear: Fields): ShownRecorder | undefined {
  if (typeof retention.rung !== 'string') return undefined;
  const reaches = listOf(retention.classes).map((each) => numberOf(each.reachUs) / 1e6);
  return {
    hoursLeft: known(retention.hoursLeft),
    reach: Math.max(0, ...reaches),
    rung: retention.rung,
    roomBytes: numberOf(retention.roomBytes),
    writtenPerDay: known(wear.bytesPerDay),
    yearsLeft: known(wear.yearsLeft),
  };
}

function errorsOf(counts: Fields): Pick<ShownSource, 'errors' | 'errorReasons'> {
  const errorReasons = reasonsOf(counts);
  return { errors: errorReasons.reduce((sum, [, count]) => sum + count, 0), errorReasons };
}

function textsOf(fields: Fields): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([key, text]) => [key, textOf(text)]));
}

/** Most frequent first. */
function reasonsOf(counts: Fields): (readonly [reason: string, count: number])[] {
  return Object.entries(counts)
    .map(([reason, count]) => [reason, numberOf(count)] as const)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
}
