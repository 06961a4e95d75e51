import type { ChannelSpec } from '../../gateway/channel.ts';
import type { Clock } from '../../gateway/clock.ts';
import type { Intake } from '../../gateway/intake.ts';
import { BACKLOG_SAMPLES_MAX, Backlog } from './backlog.ts';
import { RankedChoice } from './ranked-choice.ts';
import type { RedundantChannelConfig } from './redundancy-config.ts';

/**
 * How far the times of a source may be behind those of the one before and still tell of the same moments, microseconds. What is
 * farther behind comes from another clock; leaving it out would make the channel silent until that clock has caught up.
 */
const OVERLAP_US_MAX = 60e6;

export interface RedundantParts {
  /** Where the samples go, of which each source's own go as well. */
  readonly intake: Intake;
  readonly clock: Pick<Clock, 'now'>;
  /** Told of every change of the source, and of sources that cannot stand for each other. */
  readonly onProblem: (text: string) => void;
}

/**
 * One channel that is made of the best of several, in order at every change, without a sample twice. A source that takes over fills in
 * what it told since the one before was last heard.
 */
export class RedundantChannel {
  readonly name: string;
  readonly members: readonly string[];
  readonly #parts: RedundantParts;
  readonly #choice: RankedChoice;
  /** By rank: what those who are not chosen told. */
  readonly #backlogs: readonly Backlog[];
  readonly #refused = new Set<string>();
  /** What the channel is, and the rank of the one it has that of. */
  #spec: ChannelSpec | undefined;
  #specRank = Number.POSITIVE_INFINITY;
  #id = 0;
  #sourceId: number | undefined;
  /** Greatest time so far; and that at the last change, up to which nothing is taken. Microseconds. */
  #greatest = Number.NEGATIVE_INFINITY;
  #takenTo = Number.NEGATIVE_INFINITY;
  #overlaps = 0;

  constructor({ channel, from, silentMs, returnS = 5 }: RedundantChannelConfig, parts: RedundantParts) {
    this.name = channel;
    this.members = from;
    this.#parts = parts;
    const silentUs = silentMs === undefined ? undefined : silentMs * 1e3;
    this.#backlogs = from.map(() => new Backlog());
    this.#choice = new RankedChoice(from.length, { silentUs, returnUs: returnS * 1e6 });
  }

  /** Samples of a new source that told of moments which were there from the one before. */
  get overlaps(): number {
    return this.#overlaps;
  }

  /** A member is there. False when it cannot stand for the others. */
  join(rank: number, spec: ChannelSpec): boolean {
    const difference = this.#spec === undefined ? textOnly(spec) : differenceOf(this.#spec, spec);
    if (difference !== undefined) {
      if (!this.#refused.has(spec.name)) {
        this.#parts.onProblem(`${this.name} takes nothing from ${spec.name}: ${difference}`);
      }
      this.#refused.add(spec.name);
      return false;
    }
    if (rank < this.#specRank) {
      this.#specRank = rank;
      this.#spec = { ...spec, name: this.name };
      this.#id = this.#parts.intake.channel(this.#spec).id;
    }
    return true;
  }

  offer(rank: number, time: number, value: number): void {
    if (!this.#isChosen(rank)) this.#backlogs[rank]?.add(time, value, this.#greatest);
    else if (!this.#isThere(time)) this.#push(time, value);
  }

  #push(time: number, value: number): void {
    if (time > this.#greatest) this.#greatest = time;
    this.#parts.intake.push(this.#id, time, value);
  }

  offerColumns(rank: number, times: Float64Array, values: Float64Array, from: number, to: number): void {
    if (from >= to) return;
    if (!this.#isChosen(rank)) {
      const backlog = this.#backlogs[rank];
      for (let at = from; at < to; at += 1) {
        backlog?.add(times[at] as number, values[at] as number, this.#greatest);
      }
      return;
    }
    let first = from;
    while (first < to && this.#isThere(times[first] as number)) first += 1;
    for (let at = first; at < to; at += 1) {
      if ((times[at] as number) > this.#greatest) this.#greatest = times[at] as number;
    }
    if (first < to) this.#parts.intake.pushColumns(this.#id, times, values, first, to);
  }

  #isChosen(rank: number): boolean {
    const { chosen } = this.#choice;
    const now = this.#parts.clock.now();
    if (!this.#choice.hear(rank, now)) return false;
    if (chosen !== rank) this.#change(chosen, rank, now);
    return true;
  }

  #change(from: number, to: number, now: number): void {
    this.#takenTo = this.#greatest;
    const { intake, onProblem } = this.#parts;
    const source = this.#spec?.source ?? '';
    const description = `which channel ${this.name} is taken from`;
    this.#sourceId ??= intake.channel({ name: `${this.name}/from`, source, type: 'text', description }).id;
    const [before, after] = [this.members[from], this.members[to] ?? ''];
    intake.pushText(this.#sourceId, now, after);
    const isMissing = this.#backlogs[to]?.drain(this.#takenTo, (time, value) => this.#push(time, value)) ?? false;
    if (before === undefined) return;
    const why = to < from ? 'it is back' : `${before} is silent`;
    const missing = isMissing ? `; of what it told before, only the last ${BACKLOG_SAMPLES_MAX} samples are there` : '';
    onProblem(`${this.name} is taken from ${after}: ${why}${missing}`);
  }

  /** True for a moment that the source before has told of. */
  #isThere(time: number): boolean {
    if (time > this.#takenTo || this.#takenTo - time > OVERLAP_US_MAX) return false;
    this.#overlaps += 1;
    return true;
  }
}

function textOnly({ type }: ChannelSpec): string | undefined {
  return type === 'text' ? 'it is a text' : undefined;
}

/** Why one channel cannot stand for another. */
function differenceOf(known: ChannelSpec, spec: ChannelSpec): string | undefined {
  const { stamp = 'arrival', type = 'number', unit = '' } = known;
  const { stamp: otherStamp = 'arrival', type: otherType = 'number', unit: otherUnit = '' } = spec;
  if (type !== otherType) return `it is ${otherType}, the others are ${type}`;
  if (stamp !== otherStamp) return `its times are those of ${otherStamp}, the others' of ${stamp}`;
  if (unit !== otherUnit) return `its unit is ${JSON.stringify(otherUnit)}, that of the others ${JSON.stringify(unit)}`;
  return undefined;
}
