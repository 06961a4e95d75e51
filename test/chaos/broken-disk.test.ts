import { join } from 'node:path';
import t from 'tap';
import { POWER_CUT, requireLab, runInMachine } from '../lab.ts';
import { lastNumber, machineFolder, program } from './machine.ts';

/** The disk is just large enough for a store, so that it is soon full. */
const DISK = '96M';

const cases = [
  { kind: 'full', name: 'a full ext4 costs no acknowledged sample' },
  { kind: 'failing', name: 'a disk that fails a sync, and then works again, costs no acknowledged sample' },
];

for (const { kind, name } of cases) {
  t.test(`${name}, power cut included`, async (t) => {
    if (!requireLab(t)) return;
    const disk = ['-d', `${join(machineFolder(t), 'disk')}:${DISK}`];
    const options = [...disk, '-M', 'dm-flakey', '-k', '^mended$', '-j', '200'];
    const cut = await runInMachine(options, [...program('broken-disk-writer'), kind]);
    t.equal(cut.code, POWER_CUT, cut.stderr);
    t.ok(cut.lines.includes('mended'), 'samples are durable again, and the ledger adds up');
    const acked = JSON.stringify([lastNumber(cut, 'acked')]);
    const after = await runInMachine(disk, [...program('cut-writer'), '/data/store', acked, '1']);
    t.equal(after.code, 0, `all that was acknowledged is there\n${after.stderr}`);
  });
}
