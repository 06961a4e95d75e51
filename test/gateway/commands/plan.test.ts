import t from 'tap';
import { checkConfigText } from '../../../gateway/commands/config.ts';
import { planOf, renderPlan } from '../../../gateway/commands/plan.ts';

const CASES: readonly (readonly [bus: string, opens: string])[] = [
  ['{ socketcand: 10.0.0.9 }', 'can0 of socketcand at 10.0.0.9:29536'],
  ['{ socketcand: "fd00::9", port: 28600, interface: vcan1 }', 'vcan1 of socketcand at [fd00::9]:28600'],
  ['{ socketcan: can1 }', 'CAN interface can1'],
];

for (const [bus, opens] of CASES) {
  t.test(`says what a source with ${bus} opens`, async (t) => {
    const { config } = checkConfigText('caisson.yaml', `sources: { car: { type: can, bus: ${bus} } }`);
    if (config === undefined) throw new Error('the config does not fit');
    t.match(planOf(config).sources, [{ name: 'car', opens }]);
  });
}

t.test(
  'says what tells of each kind of cycle, and names the nearest channel of the store where it has none',
  async (t) => {
    const text =
      'cycles: { lap: { trigger: value, channel: car/lapp }, haul: { trigger: above, channel: a, threshold: 1 } }';
    const { config } = checkConfigText('caisson.yaml', text);
    if (config === undefined) throw new Error('the config does not fit');
    const lap = { name: 'lap', told: 'value of car/lapp' };
    const haul = { name: 'haul', told: 'above of a' };
    t.same(planOf(config).cycles, [lap, haul]);
    const note = 'no channel is named car/lapp; did you mean car/lap?; it may not have come yet';
    const known = planOf(config, ['car/lap', 'a', 'caisson/cycles/lapp']);
    t.same(known.cycles, [{ ...lap, note }, haul]);
    t.match(
      renderPlan('caisson.yaml', known),
      `  cycle      lap  value of car/lapp\n    note     ${note}\n  cycle      haul`,
    );
  },
);
