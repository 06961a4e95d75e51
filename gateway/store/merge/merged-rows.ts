/**
 * One row a pack that was merged from others: how often its samples were merged, at most, and what it was made of
 * (`merged-parts.ts`). It goes with the samples.
 */
export const MERGED_SCHEMA = `
CREATE TABLE merged (
  roster INTEGER NOT NULL, ordinal INTEGER NOT NULL, merges INTEGER NOT NULL, parts BLOB NOT NULL,
  PRIMARY KEY (roster, ordinal)) STRICT, WITHOUT ROWID;
`;
