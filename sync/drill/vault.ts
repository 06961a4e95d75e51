import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { syncPath, writeWhole } from '../../gateway/durable-files.ts';
import type { DrillStatus } from '../../gateway/status.ts';
import { type DrillRecord, problemOf } from './drill-record.ts';
import { type KeepRule, type KeptCopy, keptCopies } from './keep-rule.ts';

/** Records that are kept. At the maximum: the oldest go. */
const RECORDS_MAX = 10_000;

/** Within a backup: that a drill restored it and found everything right. */
const RESTORED_FILE = 'restored.json';

/** A backup of a vault. */
export interface VaultCopy extends KeptCopy {
  readonly name: string;
  readonly path: string;
}

/**
 * The folder of one gateway's backups: `mirror`, a store that follows the gateway's feed; `copies`, backups as `caisson backup` makes
 * them, by the time at which they were begun; `drills.jsonl`, what each drill found; `scratch`, where backups are restored for
 * a drill.
 */
export class Vault {
  readonly mirror: string;
  readonly scratch: string;
  readonly #copies: string;
  readonly #drills: string;

  constructor(dir: string) {
    this.mirror = join(dir, 'mirror');
    this.scratch = join(dir, 'scratch');
    this.#copies = join(dir, 'copies');
    this.#drills = join(dir, 'drills.jsonl');
  }

  /** Makes the folder where it is not there, and clears away what a drill that was killed left. */
  open(): void {
    mkdirSync(this.#copies, { recursive: true });
    this.clearScratch();
    for (const { path } of this.copies()) if (!existsSync(join(path, 'backup.json'))) rmSync(path, { recursive: true });
  }

  clearScratch(): void {
    rmSync(this.scratch, { recursive: true, force: true });
  }

  /** Where a backup that is begun now belongs. Its name says when. */
  nextCopy(begun: Date): VaultCopy {
    return this.#copyOf(begun.toISOString().replaceAll(':', '-'));
  }

  /** Every backup, the oldest first. */
  copies(): VaultCopy[] {
    if (!existsSync(this.#copies)) return [];
    return readdirSync(this.#copies)
      .sort()
      .map((name) => this.#copyOf(name));
  }

  /** A drill restored that backup and found everything right: from now on it counts. */
  markRestored({ path }: VaultCopy, record: DrillRecord): void {
    writeWhole(join(path, RESTORED_FILE), `${JSON.stringify(record, undefined, 2)}\n`, 0o644);
  }

  /** Deletes the backups that the rule does not keep. Returns their names. */
  prune(rule: KeepRule): string[] {
    const copies = this.copies();
    const kept = new Set(keptCopies(copies, rule).map(({ name }) => name));
    const gone = copies.filter(({ name }) => !kept.has(name));
    for (const { path } of gone) rmSync(path, { recursive: true });
    return gone.map(({ name }) => name);
  }

  /** Adds what a drill found, on disk when this returns. */
  record(record: DrillRecord): void {
    const records = this.records();
    if (records.length >= RECORDS_MAX) this.#rewrite(records.slice(-RECORDS_MAX / 2));
    const isNew = !existsSync(this.#drills);
    const file = openSync(this.#drills, 'a');
    try {
      appendFileSync(file, `${JSON.stringify(record)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (isNew) syncPath(dirname(this.#drills));
  }

  /** What every drill found, the oldest first. A line that a power cut left is passed over. */
  records(): DrillRecord[] {
    if (!existsSync(this.#drills)) return [];
    return readFileSync(this.#drills, 'utf8')
      .split('\n')
      .flatMap((line) => {
        try {
          return line === '' ? [] : [JSON.parse(line) as DrillRecord];
        } catch {
          return [];
        }
      });
  }

  /** How the backups do; undefined before the first drill. */
  status(): DrillStatus | undefined {
    const records = this.records();
    const last = records.at(-1);
    if (last === undefined) return undefined;
    const good = records.findLast(({ ok }) => ok);
    const copies = this.copies();
    const problem = problemOf(last);
    return {
      gateway: last.gateway,
      copies: copies.length,
      restored: copies.filter(({ isRestored }) => isRestored).length,
      last: microsecondsOf(last.begun),
      ok: last.ok,
      good: good === undefined ? 0 : microsecondsOf(good.begun),
      ...(problem !== undefined && { problem }),
    };
  }

  #copyOf(name: string): VaultCopy {
    const path = join(this.#copies, name);
    const begun = name.replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:');
    return { name, path, begun, isRestored: existsSync(join(path, RESTORED_FILE)) };
  }

  #rewrite(records: readonly DrillRecord[]): void {
    writeWhole(this.#drills, records.map((record) => `${JSON.stringify(record)}\n`).join(''), 0o644);
  }
}

function microsecondsOf(iso: string): number {
  return Date.parse(iso) * 1e3;
}
