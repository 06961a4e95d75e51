import { randomBytes } from 'node:crypto';
import type { GatewayStatus, LineStatus, MergeStatus, RetiredStatus, SourceStatus } from '../../gateway/status.ts';
import type { PullLine } from '../line/pull-line.ts';
import type { KeeperCounters } from './keeper.ts';
import type { StoreWatch } from './store-watch.ts';

/** Problems shown. At the maximum: the oldest are forgotten. */
const PROBLEMS_MAX = 100;

/** Weight of the newest second in a rate. */
const RATE_WEIGHT = 0.3;

export interface CentralStatusParts {
  readonly name: string;
  readonly version: string;
  readonly watch: Pick<StoreWatch, 'problem' | 'totals'>;
  readonly counters: Readonly<KeeperCounters>;
  /** What is pulled from: a place that was dialled, or a gateway that dialled in. */
  readonly lines: () => readonly CentralLine[];
  /** The cluster that it tells its news, where there is one. */
  readonly fanout: () => SourceStatus | undefined;
  /** What went by its rules, where it has any. */
  readonly retired: () => RetiredStatus | undefined;
  /** What was merged, where it merges. */
  readonly merge: () => MergeStatus | undefined;
  readonly problems: ProblemList;
}

/** What a person should know. */
export class ProblemList {
  readonly #problems: { time: number; text: string }[] = [];

  add(text: string): void {
    this.#problems.push({ time: Date.now() * 1e3, text });
    if (this.#problems.length > PROBLEMS_MAX) this.#problems.shift();
  }

  all(): { time: number; text: string }[] {
    return [...this.#problems];
  }
}

export interface CentralLine {
  readonly name: string;
  readonly kind: 'pull' | 'reverse';
  readonly line: Pick<PullLine, 'health'>;
}

/** Central in the words of a gateway's status: its sources are the lines it pulls from. */
export class CentralStatus {
  readonly #parts: CentralStatusParts;
  readonly #boot = randomBytes(8).toString('hex');
  /** Of the monotonic clock, milliseconds. */
  readonly #started = performance.now();
  readonly #rates = new Map<string, { samples: number; at: number; rate: number }>();

  constructor(parts: CentralStatusParts) {
    this.#parts = parts;
  }

  /** Works out the rates of the lines since the last call; to be called about once a second. */
  takeRates(): void {
    const at = performance.now();
    for (const { name, line } of this.#parts.lines()) {
      const { samples } = line.health();
      const last = this.#rates.get(name) ?? { samples, at, rate: 0 };
      const now = at > last.at ? ((samples - last.samples) * 1e3) / (at - last.at) : 0;
      this.#rates.set(name, { samples, at, rate: last.rate + RATE_WEIGHT * (now - last.rate) });
    }
  }

  snapshot(): GatewayStatus {
    const { name, version, watch, counters, lines, problems } = this.#parts;
    const { problem, totals } = watch;
    const beside = this.#parts.fanout();
    const retired = this.#parts.retired();
    const now = Date.now() * 1e3;
    const merge = this.#parts.merge();
    const { known, conflicts, holes, setBacks } = counters;
    return {
      role: 'central',
      gateway: name,
      boot: this.#boot,
      version,
      startedAt: now - Math.round((performance.now() - this.#started) * 1e3),
      now,
      clock: { source: 'none', errorUs: Number.POSITIVE_INFINITY, doubted: [] },
      ring: { slots: 0, used: 0, refused: 0 },
      store: {
        commits: counters.commits,
        samples: counters.samples,
        commitMs: counters.commits === 0 ? 0 : counters.commitMs / counters.commits,
        journalRows: 0,
        unsealed: 0,
        sealWaits: 0,
        ...(totals !== undefined && { blocks: totals.blocks, blockBytes: totals.bytes }),
        lost: counters.lost,
        ...(problem !== undefined && { problem }),
        ...(retired !== undefined && { retired }),
        ...(merge !== undefined && { merge }),
        pulled: { known, conflicts, holes, setBacks },
      },
      lines: lines().flatMap(linesOf),
      sources: [...lines().map((each) => this.#source(each)), ...(beside === undefined ? [] : [beside])],
      problems: problems.all(),
    };
  }

  #source({ name, kind, line }: CentralLine): SourceStatus {
    const { state, problem, peer, items, samples, errors, skipped } = line.health();
    return {
      name: peer === undefined || kind === 'reverse' ? name : `${peer.gateway} at ${name}`,
      kind,
      state,
      ...(problem === undefined ? {} : { problem }),
      received: items,
      samples,
      rate: this.#rates.get(name)?.rate ?? 0,
      errors,
      dropped: skipped,
    };
  }
}

/** The lines to one gateway. */
function linesOf({ name, line }: CentralLine): LineStatus[] {
  const { peer, lines } = line.health();
  return lines.map((each) => ({ gateway: peer?.gateway ?? name, ...each }));
}
