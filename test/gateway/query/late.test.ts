import t from 'tap';
import { SqlRig } from './sql/sql-rig.ts';

t.test('a sample is late where one with a greater time was taken in before it, wherever either lies', async (t) => {
  // Each inner list is a block, the last one the journal's; then what is late, in the order of time.
  const cases: { blocks: number[][]; late: number[] }[] = [
    { blocks: [[1, 2, 3], [4]], late: [] },
    { blocks: [[1, 3, 2], [4]], late: [2] },
    { blocks: [[10, 20], [5, 25], [26]], late: [5] },
    {
      blocks: [
        [10, 20],
        [5, 6],
        [7, 30],
      ],
      late: [5, 6, 7],
    },
    { blocks: [[10, 20], [20], [20]], late: [] },
    {
      blocks: [[100], ...Array.from({ length: 40 }, (_, i) => [i]), [200]],
      late: Array.from({ length: 40 }, (_, i) => i),
    },
  ];
  for (const { blocks, late } of cases) {
    const rig = new SqlRig(['a'], (store) => {
      for (const [index, times] of blocks.entries()) {
        for (const time of times) store.ring.writeSample(1, time, 0);
        store.commit();
        if (index < blocks.length - 1) store.sealAll();
      }
    });
    const rows = rig.run("select time from samples where channel = 'a' and late order by time").rows;
    t.same(
      rows.map(([time]) => time),
      late,
    );
    for (const time of late) {
      const alone = rig.run(`select late from samples where channel = 'a' and time between ${time} and ${time}`).rows;
      t.same(alone, [[1]], `also where nothing else is read, at ${time}`);
    }
    rig.dispose();
  }
});

t.test('a new boot has no late samples because of the one before', async (t) => {
  const rig = new SqlRig(['a device'], (store) => {
    store.ring.writeSample(1, 100, 0);
    store.commit();
    store.sealAll();
    store.restartProcess();
    store.ring.writeSample(1, 50, 0);
    store.commit();
  });
  t.same(rig.run('select time, late from samples order by time').rows, [
    [50, 0],
    [100, 0],
  ]);
  rig.dispose();
});
