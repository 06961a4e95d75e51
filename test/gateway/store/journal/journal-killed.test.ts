import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import t from 'tap';
import { Journal } from '../../../../gateway/store/journal/journal.ts';
import { BOOT, seenRows } from './journal-rig.ts';

const KILLS = 8;

/** Commits forever, and says each row that is on disk. */
function startWriter(dir: string): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'journal-child.js'), dir, BOOT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

t.test('a writer that is killed at any moment has lost nothing that it said was on disk', async (t) => {
  const dir = join(mkdtempSync(join(tmpdir(), 'caisson-journal-')), 'journal');
  let acked = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = startWriter(dir);
    const enough = acked + 20 + kill * 13;
    const ended = new Promise((resolve) => child.once('close', resolve));
    for await (const line of createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })) {
      acked = Number(line);
      if (acked >= enough) child.kill('SIGKILL');
    }
    await ended;
    const journal = Journal.open(dir, { boots: new Set([BOOT]), segmentBytes: 64 * 4096 });
    t.same(journal.damaged, []);
    const rows = seenRows(journal.rows());
    t.ok((rows.at(-1)?.id ?? 0) >= acked, `row ${acked} is there`);
    const wrong = rows.find(
      ({ id, text }, i) => id !== (rows[0]?.id ?? 0) + i || text !== 'r'.repeat((id * 37) % 9000),
    );
    t.equal(wrong, undefined);
    journal.close();
  }
  rmSync(join(dir, '..'), { recursive: true, force: true });
});
