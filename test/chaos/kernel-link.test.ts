import t from 'tap';
import { requireLab } from '../lab.ts';
import { overKernelLink } from './over-kernel-link.ts';

t.test('a box that dials over a link which loses packets, is cut and comes back loses nothing', async (t) => {
  if (requireLab(t)) await overKernelLink(t, 'box');
});
