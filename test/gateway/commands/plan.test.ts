import t from 'tap';
import { checkConfigText } from '../../../gateway/commands/config.ts';
import { planOf } from '../../../gateway/commands/plan.ts';

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
