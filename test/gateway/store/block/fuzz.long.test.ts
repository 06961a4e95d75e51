import t from 'tap';
import { fuzzColumns } from './column-fuzz.ts';
import { fuzzPacks } from './pack-fuzz.ts';

const SEEDS = 20;

for (let seed = 1; seed <= SEEDS; seed++) {
  t.test(`50,000 changed columns of seed ${seed} are refused, or read as the specification says`, async (t) => {
    const before = process.memoryUsage().arrayBuffers;
    const { read, refused } = fuzzColumns(50_000, seed);
    t.ok(read > 1000, `${read} read`);
    t.ok(refused > 10_000, `${refused} refused`);
    t.ok(process.memoryUsage().arrayBuffers - before < 2 ** 28, 'memory stays bounded');
  });
  t.test(
    `50,000 changed packs of seed ${seed}, under right checksums, are refused or read as what can be written again`,
    async (t) => {
      const { read, refused } = fuzzPacks(50_000, seed);
      t.ok(read > 1000, `${read} read`);
      t.ok(refused > 5000, `${refused} refused`);
    },
  );
}
