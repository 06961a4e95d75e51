import t from 'tap';
import { requireTools } from '../../debian.ts';
import { requireLab } from '../../lab.ts';
import { checkFound, findInMachine, SENT_KINDS } from './socketcan-scenarios.ts';

t.test('frames of can-utils are taken in or counted as lost, read by candump', async (t) => {
  if (!requireLab(t) || !requireTools(t, 'can-utils')) return;
  const found = await findInMachine(t, 'candump');
  checkFound(t, found);
  t.same(found.kinds?.heard, SENT_KINDS, 'CAN FD with its flags');
  const [ours, plain, stuffed] = ['ours', 'plain', 'stuffed'].map((name) => Number(found.load?.[name]));
  t.equal(ours, plain, 'the load is that of canbusload without stuff bits, to the bit');
  t.ok(Number(stuffed) > Number(plain) && Number(stuffed) < 1.2 * Number(plain), `${stuffed} with them, of ${plain}`);
});
