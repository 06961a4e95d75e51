/** Which backups stay: pure, from when each was made. */

/** How many backups are kept: the newest ones, and of so many days and months before the newest of each. */
export interface KeepRule {
  readonly newest: number;
  readonly daily: number;
  readonly monthly: number;
}

/** A backup, as the rule sees it. */
export interface KeptCopy {
  /** When it was begun, ISO 8601 in UTC. */
  readonly begun: string;
  /** True where a drill restored it and found everything right. */
  readonly isRestored: boolean;
}

/**
 * The backups that stay, newest first. Only those count that were restored; of the others the newest stays, to be looked at, while none
 * that is right is newer.
 */
export function keptCopies<Copy extends KeptCopy>(copies: readonly Copy[], rule: KeepRule): Copy[] {
  const ordered = copies.toSorted((a, b) => (a.begun < b.begun ? 1 : -1));
  const restored = ordered.filter(({ isRestored }) => isRestored);
  const kept = new Set<Copy>(restored.slice(0, Math.max(1, rule.newest)));
  for (const copy of newestOfEach(restored, 'YYYY-MM-DD'.length).slice(0, rule.daily)) kept.add(copy);
  for (const copy of newestOfEach(restored, 'YYYY-MM'.length).slice(0, rule.monthly)) kept.add(copy);
  const [newest] = ordered;
  if (newest !== undefined && !newest.isRestored) kept.add(newest);
  return ordered.filter((copy) => kept.has(copy));
}

/** The newest of each stretch of time that begins with the same so many characters; `copies` newest first. */
function newestOfEach<Copy extends KeptCopy>(copies: readonly Copy[], characters: number): Copy[] {
  const newest = new Map<string, Copy>();
  for (const copy of copies) {
    const stretch = copy.begun.slice(0, characters);
    if (!newest.has(stretch)) newest.set(stretch, copy);
  }
  return [...newest.values()];
}
