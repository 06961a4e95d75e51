import t from 'tap';
import { requireLab } from '../lab.ts';
import { overKernelLink } from './over-kernel-link.ts';

t.test('the same where central dials', async (t) => {
  if (requireLab(t)) await overKernelLink(t, 'central');
});
