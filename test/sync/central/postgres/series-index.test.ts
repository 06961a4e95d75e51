import t from 'tap';
import type { IndexRow } from '../../../../gateway/store/index-tree.ts';
import { Catalogue } from '../../../../sync/central/postgres/catalogue.ts';
import type { Statements } from '../../../../sync/central/postgres/database.ts';
import { idsBefore, positionsBefore } from '../../../../sync/central/postgres/ids.ts';
import { SeriesIndex } from '../../../../sync/central/postgres/series-index.ts';

const ROSTER = idsBefore(1) + 1;
const FIRST = positionsBefore(1) + 1;
const MONTH = 650;

/** A row of the database, as its client gives it. */
function storedRow(ordinal: number) {
  const position = FIRST + ordinal;
  const place = { roster: ROSTER, level: 0, ordinal, position_first: position, position_last: position };
  const rest = { boot: 1, stamp: 'arrival', time_min: 0, time_max: 0, entries: Buffer.alloc(0) };
  return { ...place, ...rest, month: MONTH + ordinal };
}

/** Answers with so many rows of one roster, whatever is asked. */
function database(count: number): Statements {
  const answer = async () => ({ rows: Array.from({ length: count }, (_, ordinal) => storedRow(ordinal)) });
  return { query: answer } as unknown as Statements;
}

function rowAt(ordinal: number): IndexRow {
  const position = FIRST + ordinal;
  const place = { roster: ROSTER, level: 0, ordinal, firstPosition: position, lastPosition: position };
  return { ...place, boot: 1, stamp: 'arrival', timeMin: 0, timeMax: 0, thinned: undefined, entries: () => [] };
}

t.test('it is known where every pack is, however often more of them came', async (t) => {
  const catalogue = new Catalogue();
  catalogue.addRoster({ id: ROSTER, channels: [1], packs: 2, source: undefined });
  const index = new SeriesIndex(catalogue);
  const key = { roster: ROSTER, level: 0, group: 0 };
  const months = (count: number) => Array.from({ length: count }, (_, i) => index.placeOf(FIRST + i)?.month);
  const expected = (count: number) => Array.from({ length: count }, (_, i) => MONTH + i);
  for (const count of [2, 5]) {
    t.same(index.rows(key, 0, count), []);
    await index.fetch(database(count), index.takeMissing());
    t.equal(index.rows(key, 0, count).length, count);
    t.same(months(count), expected(count), `after ${count} were fetched`);
  }
  for (const ordinal of [5, 6]) index.add([{ row: rowAt(ordinal), month: MONTH + ordinal, isMerged: false }]);
  t.same(months(7), expected(7), 'after two were added');
});
