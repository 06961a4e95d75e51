import t from 'tap';
import { nearest } from '../../gateway/nearest.ts';

const NAMES = ['car7/engine/rpm', 'car7/engine/oil', 'car8/engine/rpm', 'pump/pressure'];

const cases = [
  { word: 'car7/engine/rpn', count: 3, expected: ['car7/engine/rpm', 'car8/engine/rpm', 'car7/engine/oil'] },
  { word: 'CAR7/Engine/RPM', count: 1, expected: ['car7/engine/rpm'] },
  { word: 'zzz', count: 3, expected: [] },
  { word: 'pump/presure', count: 0, expected: [] },
];

for (const { word, count, expected } of cases) {
  t.test(`names the ${count} nearest to ${word}, best first, and none that is wholly different`, async (t) => {
    t.same(nearest(word, NAMES, count), expected);
  });
}
