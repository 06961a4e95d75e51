import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { salvageBlocks } from '../../../../gateway/store/mending/salvage-blocks.ts';
import { type DamageNote, noteDamage, notedDamage, setAside } from '../../../../gateway/store/mending/set-aside.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import { copyOf, wholeStore } from '../check/whole-store.ts';
import { openAsGateway, overwritePages, samplesByName } from './damaged-stores.ts';

const rig = wholeStore();
rig.close();
const whole = samplesByName(rig.dir);
t.teardown(() => rmSync(rig.dir, { recursive: true }));

/** Brings a store to where the process that made it anew was killed. @param dir of a store whose first page is lost */
type Kill = (dir: string) => void;

/** What `setAside` was asked for, as far as the note says it. */
function noted(dir: string): string {
  noteDamage(dir, 'file is not a database');
  const note = notedDamage(dir);
  if (note === undefined) throw new Error('nothing was noted');
  return setAside(dir, note);
}

/** The note as it stands once it is decided where the damaged files go to. */
function noteFolder(dir: string): void {
  const note: DamageNote = { why: 'malformed', since: new Date().toISOString(), folder: 'damaged-1' };
  writeFileSync(join(dir, 'mending.json'), JSON.stringify(note));
}

function salvage(dir: string, to: string): void {
  salvageBlocks({ dir: noted(dir), journalDir: dir, to: join(dir, to), gateway: 'rig', isSetAside: true });
}

const KILLS: Readonly<Record<string, Kill>> = {
  'the damage was noted': (dir) => noteDamage(dir, 'file is not a database'),
  'the folder was made': (dir) => {
    noteFolder(dir);
    mkdirSync(join(dir, 'damaged-1'));
  },
  'the log was moved and the database was not': (dir) => {
    const { blocks } = storePaths(dir);
    noteFolder(dir);
    mkdirSync(join(dir, 'damaged-1'));
    writeFileSync(`${blocks}-wal`, '');
    renameSync(`${blocks}-wal`, join(dir, 'damaged-1', 'blocks.db-wal'));
  },
  'the database was set aside': (dir) => {
    noted(dir);
  },
  'a part of the packs was moved': (dir) => {
    salvage(dir, 'blocks-new.db');
    const db = new Database(join(dir, 'blocks-new.db'));
    const last = Number(db.prepare('SELECT MAX(position) FROM packs').pluck().get());
    // As if what was kept in the last transactions had not come to the disk.
    db.prepare("UPDATE meta SET value = ? WHERE key = 'salvaged'").run(JSON.stringify({ from: 1, upTo: last >> 1 }));
    db.close();
  },
  'the new database was whole and had not taken its place': (dir) => salvage(dir, 'blocks-new.db'),
  'the new database cannot be read': (dir) => {
    noted(dir);
    writeFileSync(join(dir, 'blocks-new.db'), new Uint8Array(5000).fill(7));
  },
};

for (const [moment, kill] of Object.entries(KILLS)) {
  t.test(`killed when ${moment}, the next start goes on, and nothing is lost or there twice`, async (t) => {
    const dir = copyOf(rig);
    overwritePages(storePaths(dir).blocks, [0], new Random(1));
    const damaged = readFileSync(storePaths(dir).blocks);
    kill(dir);
    const host = await openAsGateway(dir);
    await host.stop();
    const after = samplesByName(dir);
    for (const [name, samples] of whole) t.same(after.get(name)?.toSorted(), samples.toSorted(), name);
    t.equal(notedDamage(dir), undefined, 'it is done');
    t.notOk(existsSync(join(dir, 'blocks-new.db')));
    t.notOk(existsSync(join(dir, 'damaged-2')), 'once');
    const aside = readFileSync(join(dir, 'damaged-1', 'blocks.db'));
    t.equal(aside.length, damaged.length);
    t.ok(
      readFileSync(join(dir, 'damaged-1', 'blocks.db-replaced'))
        .subarray(0, 1024)
        .equals(damaged.subarray(0, 1024)),
    );
    rmSync(dir, { recursive: true });
  });
}

t.test('killed when the new database had taken its place, the next start only forgets the damage', async (t) => {
  const dir = copyOf(rig);
  overwritePages(storePaths(dir).blocks, [0], new Random(1));
  const host = await openAsGateway(dir);
  const { id } = host.intake.channel({ name: 'new', source: 'test' });
  host.intake.push(id, host.clock.now(), 1);
  await host.intake.durable(host.intake.publish());
  await host.stop();
  noteFolder(dir);
  await (await openAsGateway(dir)).stop();
  t.equal(notedDamage(dir), undefined);
  t.notOk(existsSync(join(dir, 'damaged-2')));
  t.same(samplesByName(dir).get('a'), whole.get('a'));
  t.equal(samplesByName(dir).get('new')?.length, 1);
  rmSync(dir, { recursive: true });
});
