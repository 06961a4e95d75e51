import type { IndexRow } from '../../../gateway/store/index-tree.ts';
import type { Statements } from './database.ts';
import { insertRows } from './insert-rows.ts';
import type { PackPlace } from './series-index.ts';

/*
 * Packs move from the roster that they came into to the one beside it, whose packs are made of them: oldest first, as they are or several as one,
 * so that the one has what the other lacks at any time.
 */

/** A pack as it is in the roster beside the one that it came into. */
export interface MovedPack extends PackPlace {
  readonly row: Omit<IndexRow, 'roster' | 'level' | 'ordinal'>;
  /** Number of the day of UTC on which it came. */
  readonly day: number;
  readonly size: number;
  readonly class: string;
}

/** What several packs became. */
export interface MergedBytes {
  readonly bytes: Uint8Array;
  /** As `merged-parts.ts` encodes them. */
  readonly parts: Uint8Array;
  /** Blocks and bytes that they had and it has not; where it is larger, less than none. */
  readonly saved: { readonly blocks: number; readonly bytes: number };
}

/** Packs that follow what moved before. */
export interface MovedPacks {
  readonly roster: number;
  /** Where they were, in their order. */
  readonly from: readonly { readonly position: number; readonly ordinal: number; readonly month: number }[];
  /** What they are there. */
  readonly to: readonly MovedPack[];
  /** Undefined where they are as they were. */
  readonly merged: MergedBytes | undefined;
  /** True where their samples are gone. */
  readonly areRetired: boolean;
}

/** The same in a change. */
export interface PlacedMove extends MovedPacks {
  readonly position: number;
  /** The roster that they go to, which is there, and the ordinal of the first of them in it. */
  readonly beside: number;
  readonly first: number;
}

/** Sends what moves packs but for their rows in the index; the roster that they go to has been written before. */
export function sendMoved(statements: Statements, gateway: number, move: PlacedMove): Promise<unknown>[] {
  const { roster, from, to, merged, areRetired, position, beside, first } = move;
  const end = (from.at(-1)?.ordinal ?? 0) + 1;
  const sent: Promise<unknown>[] = [
    statements.query(
      'UPDATE rosters SET moved = $3, looked = GREATEST(looked, $3), position = $4 WHERE gateway = $1 AND id = $2',
      [gateway, roster, end, position],
    ),
    ...insertRows(
      statements,
      'moved_packs',
      ['gateway', 'position', 'roster', 'ordinal', 'month', 'merged'],
      from.map((each) => [gateway, each.position, roster, each.ordinal, each.month, merged !== undefined]),
    ),
  ];
  const [made] = to;
  if (merged !== undefined && made !== undefined) {
    sent.push(
      ...insertRows(
        statements,
        'packs',
        ['gateway', 'month', 'position', 'merged', 'bytes', 'parts'],
        [[gateway, made.month, made.row.lastPosition, true, merged.bytes, merged.parts]],
      ),
    );
  }
  if (areRetired) {
    sent.push(
      statements.query('UPDATE rosters SET retired = $3, retired_at = now() WHERE gateway = $1 AND id = $2', [
        ...[gateway, beside, first + to.length],
      ]),
      statements.query(
        `UPDATE retired_packs SET roster = $3, ordinal = ordinal - $4::bigint + $5::bigint
         WHERE gateway = $1 AND roster = $2 AND ordinal >= $4 AND ordinal < $6 AND position = ANY ($7::bigint[])`,
        [gateway, roster, beside, from[0]?.ordinal ?? 0, first, end, from.map((each) => each.position)],
      ),
    );
  }
  return sent;
}
