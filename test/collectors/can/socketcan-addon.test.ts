import process from 'node:process';
import t, { type Test } from 'tap';
import { probeAddon } from '../../../hardware/can/socketcan/addon.ts';
import { requireTools } from '../../debian.ts';
import { requireLab } from '../../lab.ts';
import { checkFound, findInMachine, SENT_KINDS } from './socketcan-scenarios.ts';

/** True where the optional package was built; otherwise the test is skipped, or fails under `CI=true`. */
async function requireAddon(t: Test): Promise<boolean> {
  const probe = await probeAddon();
  if ('addon' in probe) return true;
  if (process.env.CI === 'true') t.fail(probe.problem);
  else t.pass(probe.problem, { skip: probe.problem });
  return false;
}

t.test('frames of can-utils are taken in or counted as lost, read by the npm package', async (t) => {
  if (!requireLab(t) || !requireTools(t, 'can-utils') || !(await requireAddon(t))) return;
  const found = await findInMachine(t, 'addon');
  checkFound(t, found);
  const known = SENT_KINDS.map((frame) => (frame === '123##1AABB' ? '123#AABB' : frame.replace('##1', '##0')));
  t.same(found.kinds?.heard, known, 'it tells CAN FD by length, and no flags of it');
});

t.test('where nothing can read an interface it is told what to install', async (t) => {
  if (!requireLab(t) || !(await requireAddon(t))) return;
  const { missing } = await findInMachine(t, 'missing');
  t.match(missing, {
    candump: /candump is not installed; `apt-get install can-utils`/,
    addon: /the npm package socketcan cannot be loaded \(.*\); npm install socketcan/,
    auto: /candump is not installed.*Nor is there another reader: the npm package socketcan/,
    autoWithAddon: 'open',
  });
});
