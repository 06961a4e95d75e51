import t from 'tap';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';

const policy = new DestinationPolicy({
  team: { region: 'eu', except: ['driver/**'] },
  maker: { only: ['engine/**', 'caisson/cycles/*'] },
});

const CASES: readonly [destination: string, name: string, residency: 'any' | 'local' | string[], goes: boolean][] = [
  ['team', 'caisson/cycles/lap', 'any', true],
  ['team', 'caisson/cycles/lap/car/rpm', 'any', true],
  ['team', 'caisson/cycles/lap/driver/heart', 'any', false],
  ['team', 'caisson/cycles/lap/car/fuel', ['eu'], true],
  ['team', 'caisson/cycles/lap/car/fuel', ['us'], false],
  ['team', 'caisson/cycles/lap/car/fuel', 'local', false],
  ['maker', 'caisson/cycles/lap', 'any', true],
  ['maker', 'caisson/cycles/lap/engine/rpm', 'any', true],
  ['maker', 'caisson/cycles/lap/car/speed', 'any', false],
  ['maker', 'caisson/cycles/lap/engine/rpm', 'local', false],
  ['nobody', 'caisson/cycles/lap/engine/rpm', 'any', true],
];
for (const [destination, name, residency, goes] of CASES) {
  t.test(`${name}, ${residency}, ${goes ? 'goes' : 'does not go'} to ${destination}`, async (t) => {
    t.equal(policy.scopeOf(destination).allows({ name, residency }), goes);
  });
}
