/**
 * How far outlines of a feed have come: of packs up to `upTo`, and of those in (`from`, `to`], since what is behind `upTo` is gone through
 * from the newest on. Where nothing is under way `from` and `to` are `upTo`. What packs refer to has come up to `terms`.
 */
export interface Outlined {
  readonly upTo: number;
  readonly from: number;
  readonly to: number;
  readonly terms: number;
}

export const NOTHING_OUTLINED: Outlined = { upTo: 0, from: 0, to: 0, terms: 0 };
