import type { Test } from 'tap';
import { runInMachine } from '../lab.ts';
import type { LinkReport } from './kernel-link.ts';
import { program } from './machine.ts';

/** The link as it is at first, each way. */
const LINK = 'delay 50ms 10ms loss 1% rate 5mbit';

/** Has a box and a central speak over a link of the kernel, and looks at what became of every message. @param who dials */
export async function overKernelLink(t: Test, who: 'box' | 'central'): Promise<void> {
  const inBox = ['ip', 'netns', 'exec', 'box', ...program('kernel-link'), who];
  const { code, lines, stderr } = await runInMachine(['-n', LINK], inBox);
  t.equal(code, 0, stderr);
  const report = JSON.parse(lines.at(-1) ?? '{}') as LinkReport;
  t.comment(`blocks at central: ${JSON.stringify(report.blocks)}`);
  t.ok(report.acknowledged > 0, `${report.acknowledged} messages were acknowledged`);
  t.same(report.missing, [], 'central has all that was acknowledged');
  t.same(report.twice, [], 'and nothing twice');
  t.ok(
    report.isBeginning && report.there > 0,
    `${report.there} of ${report.here} blocks, in their order, byte for byte`,
  );
  t.same(report.gaps, [], 'no gap that the box does not know');
}
