import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { MERGE_WINDOWS } from '../../../../gateway/store/merge/merger.ts';
import { StoreHost } from '../../../../gateway/store-host.ts';
import { waitFor } from '../../../wait-for.ts';
import { GATEWAY, StoreRig } from '../store-rig.ts';
import { findingsIn, samplesIn } from './merge-look.ts';
import { Filler, NAMES } from './merge-steps.ts';

t.test('nothing is merged while the disk wears too fast, and all is when it no longer does', async (t) => {
  const rig = new StoreRig(NAMES, 1 << 14);
  t.teardown(() => rig.dispose());
  const packs = (MERGE_WINDOWS[0] ?? 0) + 2;
  new Filler(rig).take({ kind: 'fill', channels: [1, 2, 3, 4, 5, 6], packs, samples: 4, isLate: true });
  rig.close();
  const expected = samplesIn(rig.dir);
  const folder = mkdtempSync(join(tmpdir(), 'caisson-merge-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const open = async (name: string) => {
    const dir = join(folder, name);
    cpSync(rig.dir, dir, { recursive: true });
    return {
      dir,
      host: await StoreHost.open({ dir, gateway: GATEWAY, commitFloorMs: 1, blockAgeSeconds: 60, onProblem: t.fail }),
    };
  };
  const held = await open('held');
  t.teardown(() => held.host.stop());
  held.host.letMerge(false);
  const free = await open('free');
  t.teardown(() => free.host.stop());
  const into = ({ host }: typeof held) => host.status.merge?.into ?? 0;
  await waitFor('the other store merged', () => into(free) > 0);
  t.equal(into(held), 0);
  held.host.letMerge(true);
  await waitFor('this one merged as well', () => into(held) > 0);
  for (const { dir, host } of [held, free]) {
    await host.stop();
    t.same(findingsIn(dir), []);
    t.equal(samplesIn(dir), expected);
  }
});
