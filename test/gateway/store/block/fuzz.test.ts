import t from 'tap';
import { fuzzColumns } from './column-fuzz.ts';

t.test('changed columns are refused, or read as the specification says', async (t) => {
  const { read, refused } = fuzzColumns(20_000, 1);
  t.ok(read > 500, `${read} read`);
  t.ok(refused > 5000, `${refused} refused`);
});
