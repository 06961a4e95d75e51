import t from 'tap';
import { channelPattern, patternFault } from '../../gateway/channel-pattern.ts';

const cases: [pattern: string, fits: readonly string[], others: readonly string[]][] = [
  ['car/speed', ['car/speed'], ['car/speed2', 'xcar/speed', 'car', 'car/speed/x']],
  ['car/*', ['car/speed', 'car/a.b'], ['car', 'car/engine/rpm']],
  ['car/**', ['car/speed', 'car/engine/rpm'], ['car', 'carx/speed']],
  ['**', ['car', 'car/speed', 'a/b/c'], []],
  ['**/speed', ['speed', 'car/speed', 'a/b/speed'], ['xspeed', 'car/xspeed']],
  ['car/**/rpm', ['car/rpm', 'car/engine/rpm', 'car/a/b/rpm'], ['car/xrpm', 'rpm']],
  ['car/tyre_*/t', ['car/tyre_fl/t', 'car/tyre_/t'], ['car/tyre_fl/x', 'car/tyre_f/l/t']],
  ['a.b(c)[d]+', ['a.b(c)[d]+'], ['axb(c)[d]+']],
];
for (const [pattern, fits, others] of cases) {
  t.test(`${pattern} means ${fits.join(', ')}`, async (t) => {
    const isMeant = channelPattern(pattern);
    t.equal(patternFault(pattern), undefined);
    for (const name of fits) t.ok(isMeant(name), name);
    for (const name of others) t.notOk(isMeant(name), name);
  });
}

t.test('patterns that no channel fits are faults', async (t) => {
  for (const pattern of ['a//b', '/a', 'a/', 'a b', 'a***', '*/'.repeat(9).slice(0, -1), 'a'.repeat(513)]) {
    t.type(patternFault(pattern), 'string', pattern);
  }
});
