import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import t from 'tap';
import { checkStore, type StoreReport } from '../../../../gateway/store/check/store-check.ts';
import { StoreRig } from '../store-rig.ts';
import { CHANNELS, copyOf, fillBlock, wholeStore } from './whole-store.ts';

function check(dir: string, between: () => void = () => {}): StoreReport {
  const steps = checkStore(dir);
  for (let next = steps.next(); ; next = steps.next()) {
    if (next.done === true) return next.value;
    between();
  }
}

t.test('a store with something of everything is found whole, and all of it is counted', async (t) => {
  const rig = wholeStore();
  const report = check(rig.dir);
  t.same(report.findings, []);
  t.ok(report.ok);
  const sealed = 278 * 21 + 93 * 10;
  t.equal(report.packs.samples, sealed);
  t.ok(report.packs.packs >= 278);
  t.ok(report.envelopes > 17, 'more than one level');
  t.ok((report.journal?.samples ?? 0) >= 2 * 21);
  rig.dispose();
});

t.test('a store that takes in and seals meanwhile is found whole', async (t) => {
  const rig = wholeStore();
  let block = 280;
  const report = check(rig.dir, () => {
    if (block > 400) return;
    fillBlock(rig, block);
    if (block % 3 === 0) rig.sealAll();
    rig.writer.trim();
    block += 1;
  });
  t.same(report.findings, []);
  rig.dispose();
});

t.test('what is wrong is named with its place and what is lost', async (t) => {
  const cases: { sql: string; place: RegExp; problem: RegExp; lost?: { samples: number; channels: string[] } }[] = [
    {
      sql: 'UPDATE packs SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) AS BLOB) WHERE position = (SELECT MAX(position) FROM packs)',
      place: /^blocks\.db, pack \d+$/,
      problem: /PACK-/,
    },
    {
      sql: 'DELETE FROM packs WHERE position = (SELECT MIN(position) FROM packs)',
      place: /^blocks\.db, pack \d+$/,
      problem: /it is in the index and nowhere else/,
    },
    {
      sql: 'UPDATE pack_index SET time_max = time_max + 1 WHERE ordinal = 3',
      place: /^blocks\.db, (pack|envelope) \d+/,
      problem: /time|covers/,
    },
    {
      sql: 'UPDATE recent_index SET time_max = time_max + 1 WHERE position = (SELECT MAX(position) FROM recent_index)',
      place: /^blocks\.db, (pack|envelope) \d+/,
      problem: /time|covers/,
    },
    {
      sql: 'DELETE FROM recent_index WHERE position = (SELECT MAX(position) FROM recent_index)',
      place: /^blocks\.db, pack \d+/,
      problem: /index/,
    },
    {
      sql: "UPDATE pack_index SET entries = CAST(substr(entries, 1, length(entries) - 1) || x'00' AS BLOB) WHERE ordinal = 4",
      place: /^blocks\.db/,
      problem: /checksum/,
    },
    {
      sql: 'UPDATE pack_index SET entries = (SELECT entries FROM pack_index WHERE ordinal = 5 LIMIT 1) WHERE ordinal = 4',
      place: /^blocks\.db, pack \d+/,
      problem: /the index says (first sequence|count|channel) /,
    },
    {
      sql: 'UPDATE envelopes SET entries = (SELECT entries FROM envelopes WHERE ordinal = 1 LIMIT 1) WHERE ordinal = 0',
      place: /^blocks\.db, envelope 0 of level 1, roster \d+$/,
      problem: /it is not the sum of what it covers/,
    },
    {
      sql: "INSERT INTO gaps VALUES (1000000, 1, 1, 5, 3, 0, 1, 'test')",
      place: /^a, boot 0{16}, numbers 5 to 7$/,
      problem: /accounted for twice/,
    },
    {
      sql: "INSERT INTO gaps VALUES (1000000, 1, 1, 100000, 3, 0, 1, 'test')",
      place: /^a, boot 0{16}, numbers \d+ to 99999$/,
      problem: /in no block, in no gap and not in the journal/,
    },
    {
      sql: "UPDATE channels SET name = 'a' WHERE name = 'b'",
      place: /^blocks\.db, table channels$/,
      problem: /^a of .+ is there twice$/,
    },
    {
      sql: 'UPDATE packs SET boot = 77 WHERE position = (SELECT MIN(position) FROM packs)',
      place: /^blocks\.db, pack \d+$/,
      problem: /its row says boot/,
    },
  ];
  const rig = wholeStore();
  rig.close();
  for (const { sql, place, problem } of cases) {
    const dir = copyOf(rig);
    const db = new Database(`${dir}/blocks.db`);
    db.exec(sql);
    db.close();
    const report = check(dir);
    t.notOk(report.ok, sql);
    t.ok(
      report.findings.some((finding) => place.test(finding.place) && problem.test(finding.problem)),
      `${sql}: ${JSON.stringify(report.findings.slice(0, 3))}`,
    );
    rmSync(dir, { recursive: true });
  }
  rig.dispose();
});

t.test('conflicts are no fault, but told', async (t) => {
  const rig = new StoreRig(CHANNELS);
  fillBlock(rig, 0);
  rig.sealAll();
  rig.close();
  const db = new Database(`${rig.dir}/blocks.db`);
  db.exec("INSERT INTO conflicts VALUES (1, 1, 4, 0, x'00')");
  db.close();
  const report = check(rig.dir);
  t.ok(report.ok);
  t.equal(report.conflicts, 1);
  t.match(report.notes, [/another block for a, boot 0{16} from number 4 on is kept apart/]);
  rig.dispose();
});

t.test('a store of which packs were given up is found whole', async (t) => {
  const rig = wholeStore();
  const giveUp = (act: 'thin' | 'drop', count: number) => {
    let left = count;
    rig.blocks.giveUp('standard', act, 'test', () => {
      left -= 1;
      return left >= 0;
    });
  };
  rig.blocks.transaction(() => {
    giveUp('thin', 20);
    giveUp('drop', 10);
  });
  const report = check(rig.dir);
  t.same(report.findings, []);
  t.equal(report.packs.thinned, 10);
  rig.dispose();
});
