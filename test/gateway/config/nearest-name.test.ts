import t from 'tap';
import { editDistance, nearestName } from '../../../gateway/config/nearest-name.ts';

const distances: [a: string, b: string, distance: number][] = [
  ['', '', 0],
  ['', 'port', 4],
  ['port', 'port', 0],
  ['prt', 'port', 1],
  ['ports', 'port', 1],
  ['pork', 'port', 1],
  ['prot', 'port', 1],
  ['bitrat', 'bitrate', 1],
  ['kitten', 'sitting', 3],
];
for (const [a, b, distance] of distances) {
  t.test(`'${a}' and '${b}' are ${distance} apart`, async (t) => {
    t.equal(editDistance(a, b), distance);
    t.equal(editDistance(b, a), distance);
  });
}

t.test('the nearest name is found whatever its case', async (t) => {
  t.equal(nearestName('baudrate', ['bitrate', 'baudRate', 'path']), 'baudRate');
});

t.test('no name is near when all are wholly different', async (t) => {
  t.equal(nearestName('colour', ['port', 'host', 'path']), undefined);
  t.equal(nearestName('x', []), undefined);
});
