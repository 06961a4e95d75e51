/** What one drill found; a line of a vault's `drills.jsonl`. Times ISO 8601, durations milliseconds. */
export interface DrillRecord {
  readonly begun: string;
  /** Whose store was copied: id of a gateway, or name of a central. */
  readonly gateway: string;
  /** Name of the backup; missing where none was made. */
  readonly copy?: string;
  /** True: it was restored, and what was restored is what the store has. */
  readonly ok: boolean;
  readonly pullMs: number;
  readonly copyMs: number;
  readonly restoreMs: number;
  readonly compareMs: number;
  /** New samples that were pulled for it. */
  readonly pulled: number;
  /** Samples in the restored store, and of them those whose digests were held against the store's own. */
  readonly samples: number;
  readonly compared: number;
  /** Samples of the restored store that the store gave up meanwhile. */
  readonly onlyHere: number;
  /** What differs; `differenceCount` counts those too that are too many to be listed. */
  readonly differences: readonly DrillDifference[];
  readonly differenceCount: number;
  /** Why it could not be brought to its end. */
  readonly problem?: string;
}

/** Samples that are not what they should be. */
export interface DrillDifference {
  readonly gateway: string;
  readonly boot: string;
  readonly channel: string;
  readonly first: number;
  /** One past the last. */
  readonly end: number;
  /** `missing` the store has them and the backup does not; `other` they are others; else what the ledgers say, in words. */
  readonly what: string;
}

/** Differences that are listed. At the maximum: further ones are counted. */
export const DIFFERENCES_MAX = 100;

/** What a drill found wrong, in a line; undefined where it found nothing. */
export function problemOf({ ok, problem, differences, differenceCount }: DrillRecord): string | undefined {
  if (ok) return undefined;
  const [first] = differences;
  if (first === undefined) return problem ?? 'it was not brought to its end';
  const more = differenceCount > 1 ? `, and ${differenceCount - 1} more` : '';
  return `${differenceText(first)}${more}`;
}

export function differenceText({ gateway, boot, channel, first, end, what }: DrillDifference): string {
  return `${channel} of ${gateway}, boot ${boot}, samples ${first} to ${end - 1}: ${what}`;
}
