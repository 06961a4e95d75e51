/** What a column of a table holds; time: whole microseconds. */
export type SqlColumnKind = 'time' | 'integer' | 'real' | 'text';

const COLUMNS: Readonly<Record<SqlColumnKind, string>> = {
  time: 'time since until begins ends started ended made',
  integer: 'late count number pixel first_sequence taken kept lost offset error version',
  real: 'value min max first last sum mean seconds rate_hz',
  text: 'gateway channel session name metadata cycle label text unit type class residency stamp source description labels boot state cause channels recipe',
};

/** The kind of each column of the store's tables, by its name, which means the same in all of them. */
export const COLUMN_KINDS: ReadonlyMap<string, SqlColumnKind> = new Map(
  Object.entries(COLUMNS).flatMap(([kind, names]) => names.split(' ').map((name) => [name, kind as SqlColumnKind])),
);
