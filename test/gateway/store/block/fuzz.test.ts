import t from 'tap';
import { fuzzColumns } from './column-fuzz.ts';
import { fuzzPacks } from './pack-fuzz.ts';

t.test('changed columns are refused, or read as the specification says', async (t) => {
  const { read, refused } = fuzzColumns(20_000, 1);
  t.ok(read > 500, `${read} read`);
  t.ok(refused > 5000, `${refused} refused`);
});

t.test('changed packs under a right checksum are refused, or read as what can be written again', async (t) => {
  const { read, refused } = fuzzPacks(3000, 1);
  t.ok(read > 100, `${read} read`);
  t.ok(refused > 500, `${refused} refused`);
});
