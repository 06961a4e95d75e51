import { counted } from '../../quantity-text.ts';
import type { MendedStatus } from '../../status.ts';

/** Where a database that was made anew keeps {@link Mended}, as JSON. */
export const MENDED_KEY = 'mended';

/** A large database that was made anew of what could be read of a damaged one. */
export interface Mended extends MendedStatus {
  /** Boots up to this local id were there before: the journal may have samples of theirs that blocks lack between others. */
  readonly boots: number;
}

/** What a person is told of it. */
export function mendedText({ why, since, folder, kept, lost, left }: Mended): string {
  const room = left === 0 ? '' : `, for ${counted(left, 'sample')} there was no room`;
  return `the database was damaged (${why}), as was met at ${new Date(since / 1e3).toISOString()}, and was made anew of what could be read: ${counted(kept, 'sample')} are back, ${counted(lost, 'sample')} cannot be read${room}; the damaged files are in ${folder} until somebody deletes it`;
}

/** What the status tells of it. */
export function mendedStatus({ boots: _, ...status }: Mended): MendedStatus {
  return status;
}

/** What was kept by `mendStore`; undefined where nothing was. */
export function mendedOf(text: string | undefined): Mended | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Mended);
}
