import type { Buffer } from 'node:buffer';
import { excerptOf, type LineFault, type LineReason } from './line-fault.ts';
import type { Precision } from './precision.ts';

/** Bad lines of one body that are told one by one. Further ones are counted. */
export const LINE_FAULTS_MAX = 100;

/** What was met in one body, or in one stream of lines, so far. */
export class LineBody {
  readonly precision: Precision;
  /** False where a line feed always ends the line, also within quotes: right for wires that may garble a quote. */
  readonly stringsSpanLines: boolean;
  /** Number of the line that comes next. */
  line = 1;
  /** True while the rest of a bad line is awaited, to be left out. */
  isSkipping = false;
  /** Good lines. */
  lines = 0;
  /** Good lines without a time of their own. */
  linesUntimed = 0;
  /** Bad lines, the first {@link LINE_FAULTS_MAX}. */
  readonly faults: LineFault[] = [];
  /** All bad lines by reason. */
  readonly faultCounts = new Map<LineReason, number>();

  constructor(precision: Precision, stringsSpanLines = true) {
    this.precision = precision;
    this.stringsSpanLines = stringsSpanLines;
  }

  /** Bad lines. */
  get bad(): number {
    let bad = 0;
    for (const count of this.faultCounts.values()) bad += count;
    return bad;
  }

  /** Counts the line that lies at `from` to `to` as bad. */
  addFault(reason: LineReason, bytes: Buffer, from: number, to: number): void {
    this.faultCounts.set(reason, (this.faultCounts.get(reason) ?? 0) + 1);
    if (this.faults.length >= LINE_FAULTS_MAX) return;
    this.faults.push({ line: this.line, reason, excerpt: excerptOf(bytes, from, to) });
  }
}
