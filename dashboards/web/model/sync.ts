import { formatAge, formatBytes } from './format.ts';
import { type Fields, known, listOf, numberOf, objectOf, textOf } from './json-fields.ts';

/** One line between this end and another one, as the status has it. */
export interface ShownLine {
  /** Who is at the other end. */
  readonly peer: string;
  readonly name: string;
  readonly state: string;
  readonly why: string;
  /** Bytes a second that it was found to carry; undefined before the first contact. */
  readonly bytesPerS: number | undefined;
  readonly budgetLeft: number | undefined;
  /** UTC at which who decides over it was last heard, microseconds; undefined at the end that decides. */
  readonly heard: number | undefined;
}

/** A central that has, or is to have, what is here. */
export interface ShownDestination {
  readonly name: string;
  /** The line in use or, where there is none, the one that says best why not; undefined where none is known. */
  readonly line: ShownLine | undefined;
  readonly lines: readonly ShownLine[];
  /** What it lacks, bytes, and UTC since when the oldest of it is here; undefined where that is not known. */
  readonly behindBytes: number | undefined;
  readonly since: number | undefined;
  /** What it takes, bytes a second. */
  readonly takesPerS: number | undefined;
  /** Seconds until it has all; 0: it is up to date; undefined: never at this rate, or not known yet. */
  readonly caughtUpS: number | undefined;
  /** UTC at which it last said what it has, and whether it must prove that. */
  readonly told: number | undefined;
  readonly proven: boolean;
  readonly refused: number;
  /** Stores that are heard under its name, where there are several: then two centrals have it. */
  readonly stores: number;
}

/** How blocks reach the centrals of a gateway, out of the JSON of its status; destinations of which only lines are known come last. */
export function destinationsOf(root: Fields): ShownDestination[] {
  const lines = listOf(root.lines).map(lineOf);
  const told = listOf(root.destinations).map((fields) => destinationOf(fields, lines));
  const names = new Set(told.map(({ name }) => name));
  const others = [...new Set(lines.map(({ peer }) => peer))].filter((peer) => !names.has(peer));
  return textOf(root.role) === 'central' ? [] : [...told, ...others.map((name) => destinationOf({ name }, lines))];
}

/** What a glance must say of all destinations, and whether somebody should look. */
export function syncSummary(destinations: readonly ShownDestination[]): {
  readonly text: string;
  readonly tone: string;
} {
  const [first] = destinations;
  if (first === undefined) return { text: '', tone: '' };
  const behind = destinations.filter((each) => each.caughtUpS !== 0);
  const isCut = behind.some(({ line }) => line?.state !== 'in-use');
  const tone = isCut ? 'is-bad' : behind.length > 0 ? 'is-unsure' : '';
  if (behind.length === 0) return { text: 'up to date', tone };
  const bytes = behind.map(({ behindBytes }) => behindBytes ?? 0).reduce((a, b) => Math.max(a, b));
  return { text: `${formatBytes(bytes)} behind`, tone };
}

/** When a destination has all, in words. */
export function etaText({ caughtUpS, behindBytes }: ShownDestination): string {
  if (caughtUpS === 0) return 'up to date';
  if (caughtUpS !== undefined) return `in ${formatAge(caughtUpS)}`;
  return behindBytes === undefined ? 'not known' : 'not at this rate';
}

function destinationOf(fields: Fields, lines: readonly ShownLine[]): ShownDestination {
  const name = textOf(fields.name);
  const own = lines.filter(({ peer }) => peer === name);
  const behind = objectOf(fields.behind);
  const refused = Object.values(objectOf(fields.refused));
  return {
    name,
    lines: own,
    line:
      ['in-use', 'waiting', 'dead'].map((state) => own.find((line) => line.state === state)).find(Boolean) ?? own[0],
    behindBytes: known(behind.bytes),
    since: known(behind.since),
    takesPerS: known(behind.bytesPerS),
    caughtUpS: known(behind.caughtUpS),
    told: known(fields.told),
    proven: fields.proven === true,
    refused: refused.reduce<number>((sum, count) => sum + numberOf(count), 0),
    stores: listOf(fields.stores).length,
  };
}

function lineOf(fields: Fields): ShownLine {
  const budget = known(fields.budgetBytes);
  return {
    peer: textOf(fields.gateway),
    name: textOf(fields.name),
    state: textOf(fields.state),
    why: textOf(fields.why),
    bytesPerS: known(objectOf(fields.pace).bytesPerS),
    budgetLeft: budget === undefined ? undefined : Math.max(0, budget - numberOf(fields.budgetUsedBytes)),
    heard: known(fields.heard),
  };
}
