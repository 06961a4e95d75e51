import type { Row } from './block-rows.ts';

/**
 * Which recordings were imported. The row is kept in the transaction that keeps the samples, so that a recording is here
 * wholly, with its row, or not at all. It stays when its samples are given up: what retention took does not come back by
 * itself.
 */
export const IMPORTS_SCHEMA = `
CREATE TABLE imports (
  boot INTEGER PRIMARY KEY REFERENCES boots, digest TEXT NOT NULL, file TEXT NOT NULL, made REAL NOT NULL,
  samples INTEGER NOT NULL, time_from INTEGER NOT NULL, time_to INTEGER NOT NULL, recipe TEXT NOT NULL) STRICT;
`;

/** A recording that was imported, under a boot of its own. */
export interface KeptImport {
  /** Local id of that boot. */
  readonly boot: number;
  /** SHA-256 of the recording, unpacked, 64 hex digits. */
  readonly digest: string;
  /** Its name when it was imported, without folders. */
  readonly file: string;
  /** When it was imported, UTC, microseconds. */
  readonly made: number;
  readonly samples: number;
  /** First and last time of a sample, UTC, microseconds. */
  readonly from: number;
  readonly to: number;
  /** How it was decoded, as JSON: the same text for the same settings. */
  readonly recipe: string;
}

/** A row of `imports`. */
export function importOf(row: Row): KeptImport {
  return {
    boot: Number(row.boot),
    digest: String(row.digest),
    file: String(row.file),
    made: Number(row.made),
    samples: Number(row.samples),
    from: Number(row.time_from),
    to: Number(row.time_to),
    recipe: String(row.recipe),
  };
}
