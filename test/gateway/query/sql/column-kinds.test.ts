import t from 'tap';
import { COLUMN_KINDS } from '../../../../gateway/query/sql/column-kinds.ts';
import { SQL_TABLES } from '../../../../gateway/query/sql/store-tables.ts';

t.test('the kind of every column of every table is known', async (t) => {
  for (const [table, { columns }] of Object.entries(SQL_TABLES)) {
    for (const column of columns) t.ok(COLUMN_KINDS.has(column), `${table}.${column}`);
  }
});
