import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { Filler, NAMES } from '../gateway/store/merge/merge-steps.ts';
import { StoreRig } from '../gateway/store/store-rig.ts';
import { runToEnd } from '../lab.ts';
import { faultEnvironment } from './failing-calls.ts';
import { NO_COMPILER } from './failing-disk.ts';
import { machineFolder } from './machine.ts';
import type { MergeOutcome } from './merge-walk.ts';

const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1000);
const POINTS = 12;

t.comment(`seed ${SEED}`);

t.test(
  'a write that fails while packs are merged, or a kill there, leaves either them or what is made of them',
  {
    skip: NO_COMPILER,
  },
  async (t) => {
    const rig = new StoreRig(NAMES, 1 << 14);
    t.teardown(() => rig.dispose());
    const filler = new Filler(rig);
    filler.take({ kind: 'fill', channels: [1, 2, 3, 4, 5, 6], packs: 70, samples: 20, isLate: true });
    rig.close();
    const folder = machineFolder(t);
    const environment = faultEnvironment(folder, join(folder, 'disk'));
    const walk = [join(import.meta.dirname, 'merge-walk.js'), rig.dir, String(SEED / 1000), String(POINTS)];
    const ended = await runToEnd(process.execPath, walk, environment);
    t.equal(ended.code, 0, ended.stderr);
    const [sound, ...outcomes] = ended.lines.map((line) => JSON.parse(line) as MergeOutcome);
    t.match(sound, { failed: 0, faults: [] });
    t.ok((sound?.after ?? 0) > 4, `${sound?.after} packs were made of others in ${sound?.calls} calls`);
    for (const { fault, first, faults, after } of outcomes) {
      t.same(faults, [], `${fault} at call ${first}`);
      t.equal(after, sound?.after, 'merging goes on afterwards');
    }
    t.ok(outcomes.filter(({ failed }) => failed > 0).length > POINTS, 'calls were made to fail');
    t.ok(new Set(outcomes.map(({ before }) => before)).size > 2, 'some before the first merge, some between');
  },
);
