import type { LineStatus } from '../../gateway/status.ts';
import { BackOff } from './back-off.ts';
import type { PacerState } from './pacer.ts';
import type { PullClient, Way } from './way.ts';

/** For how long a better line must answer before a line that works is left for it, milliseconds; twice as long after each time it did not last. */
const TRUSTED_FIRST_MS = 10_000;
const TRUSTED_MAX_MS = 640_000;

/** A line that lived for so long has lasted, milliseconds. */
const LASTED_MS = 60_000;

/** How often a better line is asked whether it is well; one where bytes cost money, milliseconds. */
const PROBE_MS = 5_000;
const PROBE_METERED_MS = 60_000;

/** Of a budget, for what is on its way without having been granted: pings, acknowledgements, the end of the connection. Bytes. */
const BUDGET_REST_BYTES = 8 * 1024;

/** A budget of which less can be granted is used up, bytes. */
const GRANT_BYTES_MIN = 4 * 1024;

/** Part of the rest of a budget that is granted: framing comes on top of it. */
const GRANTED_PART = 0.93;

/** The longest wait before all lines are looked at again, milliseconds. */
const WAIT_MAX_MS = 60_000;

/** Why a line cannot be used now, and until when it can not, both for people. */
interface Closed {
  readonly why: string;
  /** UTC, milliseconds. */
  readonly untilMs?: number;
  /** Milliseconds until it is to be looked at again. */
  readonly waitMs: number;
}

export interface ChoiceParts<Client extends PullClient = PullClient> {
  /** The best first; at least one. */
  readonly ways: readonly Way<Client>[];
  /** Numbers in [0, 1). */
  readonly random?: (() => number) | undefined;
  /** Of a clock that never steps, milliseconds. */
  readonly steadyMs: () => number;
  /** UTC, milliseconds. */
  readonly utcMs: () => number;
}

/** What is known of one line. */
class LineRecord<Client extends PullClient> {
  readonly way: Way<Client>;
  readonly backOff: BackOff;
  /** Not to be tried before. */
  notBefore = 0;
  chosenAt = Number.NaN;
  trustedMs = TRUSTED_FIRST_MS;
  /** Since when it answers though another one is in use. */
  wellSince: number | undefined;
  probeAt = 0;
  /** Of the last failure, until it brings something again. */
  failure: { readonly text: string; readonly sinceMs: number } | undefined;
  connections = 0;
  failures = 0;
  /** What its last connection found. */
  pace: PacerState | undefined;
  /** Bytes of it that the budget knows of. */
  spent = 0;

  constructor(way: Way<Client>, random: (() => number) | undefined) {
    this.way = way;
    this.backOff = new BackOff(random);
  }
}

/** What to do next over lines: use one, or wait. */
export type Choice<Client extends PullClient = PullClient> =
  | { readonly way: Way<Client> }
  | { readonly way?: undefined; readonly why: string; readonly waitMs: number };

/** What to do beside using a line. */
export interface Look<Client extends PullClient = PullClient> {
  /** Why the line in use is to be left; undefined: it is not. */
  readonly leave?: string;
  /** A better line, to be asked whether it is well. */
  readonly probe?: Way<Client>;
}

/**
 * Which of several lines to one gateway is used: the best that may be used now and answers. A line that fails is tried again after a
 * back-off of its own while the next one works; a better one is taken again when it has answered for long enough. It decides by what
 * it is told and by clocks that are handed in.
 */
export class LineChoice<Client extends PullClient = PullClient> {
  readonly #parts: ChoiceParts<Client>;
  readonly #lines: readonly LineRecord<Client>[];
  #used: LineRecord<Client> | undefined;
  /** What waits took less than they were to take: who makes a wait short says that the time has passed. */
  #hurryMs = 0;

  constructor(parts: ChoiceParts<Client>) {
    this.#parts = parts;
    this.#lines = parts.ways.map((way) => new LineRecord(way, parts.random));
  }

  /** The best line that may be tried now. */
  choose(): Choice<Client> {
    const now = this.#now;
    const closed: Closed[] = [];
    for (const line of this.#lines) {
      const reason = this.#closed(line) ?? backedOff(line, now);
      if (reason === undefined) {
        this.#used = line;
        line.chosenAt = now;
        line.wellSince = undefined;
        return { way: line.way };
      }
      closed.push(reason);
    }
    const waitMs = Math.min(WAIT_MAX_MS, ...closed.map((each) => each.waitMs));
    const why = this.#lines.map((line, i) => named(line, closed[i]?.why ?? '')).join('; ');
    return { why, waitMs: Math.max(0, Math.ceil(waitMs)) };
  }

  /** So long was waited, of which so much really passed. */
  waited(waitMs: number, passedMs: number): void {
    this.#hurryMs += Math.max(0, waitMs - passedMs);
  }

  /** The line that was chosen has a connection. */
  connected(): void {
    if (this.#used !== undefined) this.#used.connections += 1;
  }

  /** It brought something. */
  brought(): void {
    const line = this.#used;
    if (line === undefined) return;
    line.failure = undefined;
    line.backOff.reset();
  }

  /**
   * It is not used any more.
   * @param failure why not; undefined: it was left in good order
   * @param leastMs how long the other end asks to be left alone
   */
  ended(failure: string | undefined, leastMs?: number): void {
    const line = this.#used;
    this.#used = undefined;
    if (line === undefined) return;
    this.spent(line.way);
    if (failure === undefined) return;
    const now = this.#now;
    line.trustedMs = now - line.chosenAt < LASTED_MS ? Math.min(TRUSTED_MAX_MS, line.trustedMs * 2) : TRUSTED_FIRST_MS;
    this.#failed(line, failure, leastMs);
  }

  /** What its pacer found, while it is used. */
  paced(pace: PacerState): void {
    if (this.#used !== undefined) this.#used.pace = pace;
  }

  /** What an earlier connection over that line found. */
  paceOf(way: Way<Client>): PacerState | undefined {
    return this.#recordOf(way)?.pace;
  }

  /** Tells the budget of a line what has passed over it. */
  spent(way: Way<Client>): void {
    const line = this.#recordOf(way);
    const { budget, meter } = way;
    if (line === undefined || budget === undefined || meter === undefined) return;
    const { received, sent } = meter.bytes;
    budget.spend(received + sent - line.spent);
    line.spent = received + sent;
  }

  /** What may still be granted on a line, bytes; infinite without a budget. */
  grantable(way: Way<Client>): number {
    if (way.budget === undefined) return Number.POSITIVE_INFINITY;
    this.spent(way);
    return Math.max(0, way.budget.left * GRANTED_PART - BUDGET_REST_BYTES);
  }

  /** To be asked about once a second while a line is used. */
  look(): Look<Client> {
    const used = this.#used;
    if (used === undefined) return {};
    this.spent(used.way);
    const closed = this.#closed(used);
    if (closed !== undefined) return { leave: closed.why };
    const now = this.#now;
    let probe: Way<Client> | undefined;
    for (const line of this.#lines) {
      if (line === used) break;
      if (this.#closed(line) !== undefined || backedOff(line, now) !== undefined) {
        line.wellSince = undefined;
        continue;
      }
      if (line.way.arrival !== undefined) line.wellSince ??= now;
      else if (now >= line.probeAt) {
        line.probeAt = now + (line.way.isMetered === true ? PROBE_METERED_MS : PROBE_MS);
        probe ??= line.way;
      }
      if (line.wellSince !== undefined && now - line.wellSince >= line.trustedMs) {
        return { leave: `${line.way.name} is well again` };
      }
    }
    return probe === undefined ? {} : { probe };
  }

  /** What a better line said when it was asked. @param failure undefined: it is well */
  probed(way: Way<Client>, failure: string | undefined): void {
    const line = this.#recordOf(way);
    if (line === undefined || line === this.#used) return;
    this.spent(way);
    if (failure === undefined) {
      line.wellSince ??= this.#now;
      line.failure = undefined;
      line.backOff.reset();
    } else {
      line.wellSince = undefined;
      this.#failed(line, failure);
    }
  }

  status(): Omit<LineStatus, 'gateway'>[] {
    return this.#lines.map((line) => this.#statusOf(line));
  }

  /** Writes down what budgets have spent. */
  close(): void {
    for (const { way } of this.#lines) {
      this.spent(way);
      way.budget?.close();
    }
  }

  get #now(): number {
    return this.#parts.steadyMs() + this.#hurryMs;
  }

  #failed(line: LineRecord<Client>, text: string, leastMs?: number): void {
    line.failures += 1;
    line.failure = { text, sinceMs: line.failure?.sinceMs ?? this.#parts.utcMs() };
    // Who opens it from the other end waits between two attempts, and there is nothing to wait for once it is there.
    if (line.way.arrival === undefined) line.notBefore = this.#now + line.backOff.next(leastMs);
  }

  #recordOf(way: Way<Client>): LineRecord<Client> | undefined {
    return this.#lines.find((line) => line.way === way);
  }

  /** Why its config, or whoever opens it, keeps it from being used; undefined: nothing does. */
  #closed(line: LineRecord<Client>): Closed | undefined {
    const { way, pace } = line;
    const utcMs = this.#parts.utcMs();
    const { windows, budget, arrival } = way;
    if (windows?.isOpen(utcMs) === false) {
      const untilMs = windows.nextChange(utcMs);
      if (untilMs === undefined) return { why: 'shut', waitMs: WAIT_MAX_MS };
      return { why: `shut until ${utcText(untilMs)}`, untilMs, waitMs: untilMs - utcMs };
    }
    // With less than a message left, the line would stand still instead of ending.
    if (budget !== undefined && this.grantable(way) < Math.max(GRANT_BYTES_MIN, 2 * (pace?.quantumBytes ?? 0))) {
      const untilMs = budget.nextDayMs;
      return { why: `budget used up until ${utcText(untilMs)}`, untilMs, waitMs: untilMs - utcMs };
    }
    if (line !== this.#used && arrival?.isThere() === false) {
      const why = line.failure?.text ?? 'the gateway has not dialled in';
      return { why, waitMs: Number.POSITIVE_INFINITY };
    }
    return undefined;
  }

  #statusOf(line: LineRecord<Client>): Omit<LineStatus, 'gateway'> {
    const { way, pace, failure, connections, failures } = line;
    const { name, isMetered = false, capBytesPerS, budget, meter, windows } = way;
    const { received, sent } = meter?.bytes ?? { received: 0, sent: 0 };
    return {
      ...{ name, ...this.#stateOf(line), metered: isMetered, connections, failures },
      ...(failure !== undefined && { failingSince: failure.sinceMs * 1e3 }),
      ...{ receivedBytes: received, sentBytes: sent },
      ...(capBytesPerS !== undefined && { capBytesPerS }),
      ...(windows !== undefined && { windows: windows.texts }),
      ...(budget !== undefined && { budgetBytes: budget.bytesPerDay, budgetUsedBytes: budget.used }),
      ...(pace !== undefined && {
        pace: {
          bytesPerS: pace.bytesPerS,
          roundTripMs: pace.roundTripMs,
          queueMs: pace.queueMs,
          windowBytes: pace.windowBytes,
          quantumBytes: pace.quantumBytes,
        },
      }),
    };
  }

  #stateOf(line: LineRecord<Client>): Pick<LineStatus, 'state' | 'why' | 'until'> {
    if (line === this.#used) {
      const why = line.failure === undefined ? (line.pace?.reason ?? 'connecting') : line.failure.text;
      return { state: line.failure === undefined ? 'in-use' : 'dead', why };
    }
    const closed = this.#closed(line);
    if (closed !== undefined) {
      const { why, untilMs } = closed;
      return { state: 'waiting', why, ...(untilMs !== undefined && { until: untilMs * 1e3 }) };
    }
    const waitMs = line.notBefore - this.#now;
    if (line.failure !== undefined) {
      const until = (this.#parts.utcMs() + Math.max(0, waitMs)) * 1e3;
      return { state: 'dead', why: line.failure.text, ...(waitMs > 0 && { until }) };
    }
    return { state: 'standby', why: line.wellSince === undefined ? 'a better line is in use' : 'answers again' };
  }
}

function backedOff(line: Pick<LineRecord<PullClient>, 'notBefore' | 'failure'>, now: number): Closed | undefined {
  if (line.notBefore <= now) return undefined;
  return { why: line.failure?.text ?? 'it failed', waitMs: line.notBefore - now };
}

/** A text about a way, behind its name unless the text begins with that by itself. */
function named({ way: { name } }: { readonly way: { readonly name: string } }, text: string): string {
  return name === '' || text.startsWith(`${name}: `) ? text : `${name}: ${text}`;
}

function utcText(utcMs: number): string {
  return `${new Date(utcMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
