import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { BlockReader } from '../../../../gateway/store/block-reader.ts';
import { storeDamageOf } from '../../../../gateway/store/block-schema.ts';
import { checkStore } from '../../../../gateway/store/check/store-check.ts';
import { DATABASE_PAGE_BYTES } from '../../../../gateway/store/database.ts';
import { noteDamage, SET_ASIDE_MAX } from '../../../../gateway/store/mending/set-aside.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import type { StoreHost } from '../../../../gateway/store-host.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import { eventually } from '../../../scenarios/eventually.ts';
import { copyOf, fillBlock, CHANNELS as NAMES, wholeStore } from '../check/whole-store.ts';
import { StoreRig } from '../store-rig.ts';
import { openAsGateway, overwritePages, restorable, samplesByName } from './damaged-stores.ts';

const ROUNDS = Number(process.env.CAISSON_DAMAGE_ROUNDS ?? 2);
const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1e9);

/** Names of the channels as a store has them. */
const CHANNELS = NAMES.map((name) => name.replace(' ', '_'));

/** Pages that are overwritten in a round at most. */
const PAGES_MAX = 5;

/** From here on samples of the whole store are in its journal only. */
const IN_JOURNAL_FROM = 1e6 + 278 * 1000;

/** New samples of a start. */
const NEW = 50;

const rig = wholeStore();
rig.close();
const whole = samplesByName(rig.dir);
t.teardown(() => rmSync(rig.dir, { recursive: true }));

/** Root page of a table, from 0 on. */
function rootOf(path: string, table: string): number {
  const db = new Database(path, { readonly: true });
  const page = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(table) as number;
  db.close();
  return page - 1;
}

function faultsOf(dir: string): string[] {
  const steps = checkStore(dir);
  for (let next = steps.next(); ; next = steps.next()) {
    if (next.done === true) return next.value.findings.map(({ place, problem }) => `${place}: ${problem}`);
  }
}

async function takeIn(host: StoreHost, count = NEW): Promise<void> {
  const { id } = host.intake.channel({ name: 'new', source: 'test' });
  for (let i = 0; i < count; i += 1) host.intake.push(id, host.clock.now(), i);
  await host.intake.durable(host.intake.publish());
}

/** Seals all that a store has in its journal; true where that meets damage, which is noted. */
function sealAll(dir: string): boolean {
  try {
    const next = new StoreRig([], 1 << 14, dir);
    next.sealAll();
    next.close();
    return false;
  } catch (error) {
    const damage = storeDamageOf(error);
    if (damage === undefined) throw error;
    noteDamage(dir, damage);
    return true;
  }
}

/** Starts a gateway on a damaged store, and holds what is there then against what could be read of it. */
async function holdAgainst(t: Test, dir: string, names = (name: string) => name): Promise<void> {
  const before = await restorable(dir);
  let host = await openAsGateway(dir);
  await takeIn(host);
  await host.stop();
  if (sealAll(dir)) {
    host = await openAsGateway(dir);
    await host.stop();
    t.notOk(sealAll(dir), 'what was met later is mended by the next start');
  }
  const isMended = existsSync(join(dir, 'damaged-1'));
  const after = samplesByName(dir);
  t.equal(after.get('new')?.length, NEW, 'new samples are taken in');
  for (const name of CHANNELS) {
    const there = new Set(after.get(names(name)));
    t.equal(there.size, after.get(names(name))?.length, `${name}: nothing is there twice`);
    // Where no start has to read what is damaged, it is left where it stands.
    const known = isMended ? (before.get(name) ?? []) : [];
    t.same(known.filter((each) => !there.has(each)).length, 0, `${name}: what can be read`);
    const journal = whole.get(name)?.filter((each) => Number(each.split(' ')[0]) >= IN_JOURNAL_FROM) ?? [];
    t.ok(journal.length > 0);
    t.same(
      journal.filter((each) => !there.has(each)),
      [],
      `${name}: the journal`,
    );
    const real = new Set(whole.get(name));
    t.ok(
      [...there].every((each) => real.has(each)),
      `${name}: nothing that was not taken in`,
    );
  }
  if (!isMended) return;
  const telemetry = StoreTelemetry.open(dir);
  for (const { channel, taken, kept, lost } of telemetry.ledger())
    t.equal(taken, kept + lost, `channel ${channel}: taken in = kept + lost`);
  telemetry.close();
  t.same(faultsOf(dir), [], 'what was made anew is whole');
}

t.test('a gateway starts on a store of which pages are overwritten, by chance', async (t) => {
  t.comment(`seed ${SEED}, ${ROUNDS} rounds`);
  const random = new Random(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const dir = copyOf(rig);
    const { blocks } = storePaths(dir);
    const pages = Math.floor(statSync(blocks).size / DATABASE_PAGE_BYTES);
    const hit = Array.from({ length: 1 + random.below(PAGES_MAX) }, () => random.below(pages));
    overwritePages(blocks, hit, random);
    await t.test(`pages ${hit.join(', ')}`, (t) => holdAgainst(t, dir));
    rmSync(dir, { recursive: true });
  }
});

for (const table of ['boots', 'channels', 'clock', 'rosters', 'recent_index', 'meta', 'gaps', 'packs']) {
  t.test(`a gateway starts on a store that lost where ${table} begins`, async (t) => {
    const dir = copyOf(rig);
    const { blocks } = storePaths(dir);
    overwritePages(blocks, [rootOf(blocks, table)], new Random(SEED));
    await holdAgainst(t, dir);
    rmSync(dir, { recursive: true });
  });
}

t.test('a store without its first page is made anew with all that it has', async (t) => {
  const dir = copyOf(rig);
  overwritePages(storePaths(dir).blocks, [0], new Random(SEED));
  await holdAgainst(t, dir);
  const after = samplesByName(dir);
  for (const name of CHANNELS) t.equal(after.get(name)?.length, whole.get(name)?.length, name);
  rmSync(dir, { recursive: true });
});

t.test('a store whose second half is cut off keeps the first', async (t) => {
  const dir = copyOf(rig);
  const { blocks } = storePaths(dir);
  truncateSync(blocks, Math.floor(statSync(blocks).size / 2));
  await holdAgainst(t, dir);
  t.ok((samplesByName(dir).get('a')?.length ?? 0) > (whole.get('a')?.length ?? 0) / 4);
  rmSync(dir, { recursive: true });
});

t.test('of a store whose database is empty the journal is left, though not the names of its channels', async (t) => {
  const dir = copyOf(rig);
  truncateSync(storePaths(dir).blocks, 0);
  await holdAgainst(t, dir, (name) => `nameless/${CHANNELS.indexOf(name) + 1}`);
  rmSync(dir, { recursive: true });
});

t.test('a store that lost its write-ahead log starts, and takes in', async (t) => {
  const live = wholeStore();
  const dir = mkdtempSync(join(tmpdir(), 'caisson-copy-'));
  cpSync(live.dir, dir, { recursive: true });
  live.dispose();
  rmSync(`${storePaths(dir).blocks}-wal`);
  const host = await openAsGateway(dir);
  await takeIn(host);
  await host.stop();
  t.equal(samplesByName(dir).get('new')?.length, NEW);
  rmSync(dir, { recursive: true });
});

const LOST_PACKS: Readonly<Record<string, (blocks: string) => void>> = {
  'every pack is': (blocks) => overwritePages(blocks, [rootOf(blocks, 'packs')], new Random(SEED)),
  'packs between others are': (blocks) => {
    const db = new Database(blocks);
    const third = 'SELECT MIN(position) + 2 * (MAX(position) - MIN(position)) / 3 FROM packs';
    const first = 'SELECT MIN(position) + (MAX(position) - MIN(position)) / 3 FROM packs';
    db.exec(`UPDATE packs SET bytes = zeroblob(size) WHERE position BETWEEN (${first}) AND (${third})`);
    db.close();
  },
};

for (const [what, lose] of Object.entries(LOST_PACKS)) {
  t.test(`where ${what} lost, samples come back that the journal still has`, async (t) => {
    const live = new StoreRig(NAMES, 1 << 14);
    for (let block = 0; block < 6; block += 1) {
      fillBlock(live, block);
      live.sealAll();
    }
    live.close();
    const before = samplesByName(live.dir);
    const { blocks } = storePaths(live.dir);
    lose(blocks);
    overwritePages(blocks, [rootOf(blocks, 'boots')], new Random(SEED));
    const host = await openAsGateway(live.dir);
    await host.stop();
    t.notOk(sealAll(live.dir));
    const after = samplesByName(live.dir);
    for (const [name, samples] of before) t.same(after.get(name)?.toSorted(), samples.toSorted(), name);
    t.same(faultsOf(live.dir), []);
    rmSync(live.dir, { recursive: true });
  });
}

t.test(
  'a store that was made anew has another feed, of which nothing is acknowledged, and says what was done',
  async (t) => {
    const dir = copyOf(rig);
    const { blocks } = storePaths(dir);
    overwritePages(blocks, [rootOf(blocks, 'recent_index')], new Random(SEED));
    const problems: string[] = [];
    const progress: string[] = [];
    const onMending = (text: string) => progress.push(text);
    const open = () => openAsGateway(dir, { onProblem: (text) => problems.push(text), onMending });
    let host = await open();
    await eventually('the status tells of it', () => host.status.mended !== undefined);
    t.match(host.status.mended, { why: /malformed|not a database|damaged/, folder: 'damaged-1', left: 0 });
    t.match(progress, [/the database is damaged \(.*\): what can be read of it moves to a new one/]);
    t.match(problems, [/was made anew of what could be read: \d+ samples are back/]);
    await host.stop();
    const reader = BlockReader.openReadonly(blocks);
    t.match(reader.feedId(), /^[0-9a-f]{16}$/);
    t.equal(reader.meta('acknowledged'), '{}');
    reader.close();
    t.same(
      readdirSync(join(dir, 'damaged-1')).filter((name) => name === 'blocks.db'),
      ['blocks.db'],
    );

    rmSync(join(dir, 'damaged-1'), { recursive: true });
    problems.length = 0;
    host = await open();
    await eventually('a status', () => host.status.journalRows > 0);
    t.equal(host.status.mended, undefined, 'once somebody took the damaged files away it is no news');
    t.same(problems, []);
    await host.stop();
    rmSync(dir, { recursive: true });
  },
);

t.test('a disk that damages one database after the other is for a person to replace', async (t) => {
  const dir = copyOf(rig);
  const { blocks } = storePaths(dir);
  const damage = () => overwritePages(blocks, [rootOf(blocks, 'boots')], new Random(SEED));
  for (let count = 1; count <= SET_ASIDE_MAX; count += 1) {
    damage();
    await (await openAsGateway(dir)).stop();
    t.ok(existsSync(join(dir, `damaged-${count}`, 'blocks.db')));
  }
  damage();
  await t.rejects(openAsGateway(dir), { code: 'store-unusable', hint: /replace it.*caisson restore/ });
  t.ok(existsSync(blocks), 'it is left where it stands');
  rmSync(join(dir, 'damaged-2'), { recursive: true });
  await (await openAsGateway(dir)).stop();
  rmSync(dir, { recursive: true });
});
