import t from 'tap';
import { requireLab, runInMachine } from '../lab.ts';
import type { LinkReport } from './kernel-link.ts';
import { program } from './machine.ts';

/** The link as it is at first, each way. */
const LINK = 'delay 50ms 10ms loss 1% rate 5mbit';

for (const who of ['central', 'box']) {
  t.test(
    `${who} dials over a link of the kernel that loses packets, is cut and comes back: nothing is lost`,
    async (t) => {
      if (!requireLab(t)) return;
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
    },
  );
}
