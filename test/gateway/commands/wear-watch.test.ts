import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { WearWatch } from '../../../gateway/commands/wear-watch.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

t.test(
  'a disk that will not last as long as it must is told of after an hour, and nothing is merged any more',
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-wear-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const file = openSync(join(dir, 'written'), 'w');
    t.teardown(() => closeSync(file));
    let now = 0;
    const merges: boolean[] = [];
    const problems: string[] = [];
    const watchOf = (enduranceTB: number) =>
      WearWatch.open({
        dir,
        budget: { lifetimeYears: 5, enduranceTB },
        store: {
          ...{ wear: undefined, status: { samples: 0 } as never, utcNow: () => now * 1e3, keepWear: () => {} },
          letMerge: (isOn) => merges.push(isOn),
        },
        onProblem: (text) => problems.push(text),
        now: () => now,
      });
    const look = (watch: WearWatch, afterMs: number) => {
      writeSync(file, Buffer.alloc(64 << 10, now % 251));
      fsyncSync(file);
      now += afterMs;
      return watch.look();
    };

    // Worn out by some bytes, and by none that a disk takes in a life.
    const frail = await watchOf(1e-9);
    look(frail, 0);
    t.equal(look(frail, 2 * MINUTE_MS).isOverBudget, true);
    t.same([merges, problems], [[], []], 'the first hour says little');
    look(frail, HOUR_MS);
    t.same(merges, [false]);
    t.match(problems, [/^the disk of the store wears too fast: .* it must last 5 in all$/]);
    look(frail, HOUR_MS);
    t.equal(problems.length, 1, 'said once');
    frail.stop();

    const sound = await watchOf(1e12);
    look(sound, 0);
    t.equal(look(sound, 2 * HOUR_MS).isOverBudget, false);
    t.same(merges, [false]);
    sound.stop();
  },
);
