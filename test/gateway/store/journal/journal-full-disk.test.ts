import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Journal } from '../../../../gateway/store/journal/journal.ts';
import { fillDisk, skipSmallDisk, smallDisk } from '../../small-disk.ts';
import { BOOT, SEGMENT_BYTES, seenRows } from './journal-rig.ts';

const SEGMENT_PAGES = SEGMENT_BYTES / 4096;

t.test(
  'on a full disk commits go on in the spare segments, then fail, and nothing is lost',
  { skip: skipSmallDisk },
  async (t) => {
    const disk = smallDisk(t, 2);
    const dir = join(disk, 'journal');
    const open = () => Journal.open(dir, { boots: new Set([BOOT]), segmentBytes: SEGMENT_BYTES });
    let journal = open();
    let kept = 0;
    const commit = () => {
      journal.append({ boot: BOOT, ringEnd: 0, bytes: Uint8Array.of(journal.nextRow & 0xff) }, []);
      kept += 1;
    };
    commit();
    for (let step = 0; step < 4; step += 1) journal.prepare();
    const hog = join(disk, 'hog');
    fillDisk(hog);
    journal.prepare();
    // A start on the full disk takes no room either.
    journal.close();
    journal = open();
    const full = { code: 'store-failed', message: /: the disk is full$/, retryable: true };
    t.throws(() => {
      for (;;) commit();
    }, full);
    t.equal(kept, 3 * SEGMENT_PAGES, 'the first segment and two spare ones are full');
    journal.close();
    journal = open();
    t.throws(commit, full, 'and again, for another thread');
    journal.close();
    rmSync(hog);
    journal = open();
    commit();
    t.same(journal.damaged, []);
    t.same(
      seenRows(journal.rows()).map(({ id }) => id),
      Array.from({ length: kept }, (_, i) => i + 1),
    );
    journal.trimBefore(kept);
    fillDisk(hog);
    for (let more = 0; more < 2 * SEGMENT_PAGES; more += 1) commit();
    journal.close();
  },
);
