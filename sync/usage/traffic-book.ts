import { DAY_MS } from '../line/daily-budget.ts';
import type { WireBytes, WireMeter } from '../line/wire-meter.ts';
import type { TrafficRow, UsageDb } from './usage-db.ts';

/** How often what has passed is written down, milliseconds: what a kill forgets at most. */
const WRITE_MS = 60_000;

export interface TrafficBookParts {
  readonly db: UsageDb;
  /** UTC, milliseconds. */
  readonly utcMs: () => number;
  /** Of what is known before it is written: the end that serves finds out who calls. */
  readonly drain?: () => readonly Omit<TrafficRow, 'day'>[];
}

/** Writes down what lines carry: what passes between two looks counts on the day of the later one. */
export class TrafficBook {
  readonly #parts: TrafficBookParts;
  readonly #meters: {
    readonly peer: () => string;
    readonly line: string;
    readonly meter: WireMeter;
    told: WireBytes;
  }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(parts: TrafficBookParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.write(), WRITE_MS);
    this.#timer.unref();
  }

  /** Counts what that meter counts for a line to `peer`, asked each time: who it is may be found out later. */
  follow(peer: () => string, line: string, meter: WireMeter): void {
    this.#meters.push({ peer, line, meter, told: meter.bytes });
  }

  /** Writes down what has passed since the last time; durable when it returns. */
  write(): void {
    const { db, utcMs, drain } = this.#parts;
    const day = Math.floor(utcMs() / DAY_MS);
    const rows: TrafficRow[] = (drain?.() ?? []).map((row) => ({ day, ...row }));
    for (const each of this.#meters) {
      const { peer, line, meter, told } = each;
      const { received, sent } = meter.bytes;
      each.told = { received, sent };
      if (received === told.received && sent === told.sent) continue;
      rows.push({ day, peer: peer(), line, received: received - told.received, sent: sent - told.sent });
    }
    db.add(rows);
  }

  /** Of the days from `from` on and before `to`, up to now. */
  rows(from: number, to: number): TrafficRow[] {
    this.write();
    return this.#parts.db.rows(from, to);
  }

  close(): void {
    clearInterval(this.#timer);
    this.write();
  }
}
