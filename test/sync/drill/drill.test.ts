import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { restoreStore } from '../../../gateway/store/backup/restore-store.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { encodePack } from '../../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../../gateway/store/pack/pack.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { startCentral } from '../../../sync/central/central.ts';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';
import type { DrillRecord } from '../../../sync/drill/drill-record.ts';
import { runDrill } from '../../../sync/drill/run-drill.ts';
import { Vault } from '../../../sync/drill/vault.ts';
import { caisson } from '../caisson-process.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus } from '../memory-telemetry.ts';
import { blocksOf, definitionsOf, gapsOf } from '../same-feed.ts';

const HOST = '127.0.0.1';
const RULE = { newest: 2, daily: 0, monthly: 0 };

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-drill-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A gateway that serves its store, and a vault for its backups. */
class Rig {
  readonly dir: string;
  readonly box: FilledStore;
  readonly vaultDir: string;
  readonly vault: Vault;
  port = 0;

  private constructor(t: Test) {
    this.dir = folder(t);
    this.box = new FilledStore(this.dir, 'box', new Random(5));
    this.vaultDir = join(folder(t), 'vault');
    this.vault = new Vault(this.vaultDir);
  }

  static async start(t: Test, region?: string): Promise<Rig> {
    const rig = new Rig(t);
    rig.steps(80);
    const telemetry = StoreTelemetry.open(rig.dir);
    const server = await startTelemetryServer({
      ...{ host: HOST, port: 0, telemetry, feed: rig.box.db, storeDir: rig.dir },
      policy: new DestinationPolicy(region === undefined ? {} : { backup: { region } }),
      status: () => exampleStatus('box'),
    });
    t.teardown(async () => {
      await server.stop();
      telemetry.close();
      rig.box.close();
    });
    rig.port = server.port;
    return rig;
  }

  get address(): string {
    return `${HOST}:${this.port}`;
  }

  steps(count: number): void {
    for (let i = 0; i < count; i += 1) this.box.step();
  }

  drill(rule = RULE): Promise<DrillRecord> {
    return runDrill({
      ...{ vault: this.vault, rule, version: '1.2.3', signal: new AbortController().signal },
      connect: () => new TelemetryClient({ host: HOST, port: this.port }, { destination: 'backup' }),
    });
  }
}

t.test('a backup is pulled, restored and held against the box; what is restored is the store', async (t) => {
  const rig = await Rig.start(t);
  const first = await rig.drill();
  t.match(first, { ok: true, gateway: 'box', differenceCount: 0, onlyHere: 0 });
  t.ok(first.samples > 5000 && first.compared === first.samples, `${first.compared} samples compared`);
  rig.steps(20);
  const second = await rig.drill();
  t.match(second, { ok: true });
  t.equal(second.samples, first.samples + second.pulled, 'only what is new is pulled');
  const restored = join(folder(t), 'store');
  const copy = rig.vault.copies().at(-1);
  await restoreStore(copy?.path ?? '', restored, { damaged: false }, () => {});
  const db = BlockDb.open(storePaths(restored).blocks);
  t.same(blocksOf(db, 'box'), blocksOf(rig.box.db, 'box'), 'bit for bit');
  t.same(gapsOf(db, 'box'), gapsOf(rig.box.db, 'box'));
  t.same(definitionsOf(db, 'box'), definitionsOf(rig.box.db, 'box'));
  t.equal(db.meta('gateway'), 'box', 'a gateway of that name runs on it');
  db.close();
  await rig.drill();
  t.equal(rig.vault.copies().length, 2, 'the rule is kept to');
  t.equal(rig.vault.records().length, 3);
  t.notOk(existsSync(rig.vault.scratch));
});

t.test('says which samples of which channel and boot differ, and such a backup does not count', async (t) => {
  const rig = await Rig.start(t);
  await rig.drill();
  // The copy is what the disk made of it: another value in one block, under a pack that is whole.
  const { channel, first } = tamper(rig.vault.mirror);
  const record = await rig.drill();
  t.match(record, { ok: false, differenceCount: 1 });
  t.match(record.differences, [{ gateway: 'box', channel, what: 'other' }]);
  const [difference] = record.differences;
  t.ok(difference !== undefined && difference.first <= first && first < difference.end, 'the range holds the sample');
  t.ok((difference?.end ?? 0) - (difference?.first ?? 0) <= 16, 'and is narrow');
  t.match(rig.vault.status(), { copies: 2, restored: 1, ok: false, problem: new RegExp(`${channel} of box, boot`) });
});

t.test('a backup that lacks samples is wrong, one that has more than the box is not', async (t) => {
  const rig = await Rig.start(t);
  await rig.drill();
  rig.box.db.transaction(() => rig.box.db.giveUp('standard', 'thin', 'retention', (_, done) => done.packs < 10));
  const given = await rig.drill();
  t.match(given, { ok: true });
  t.ok(given.onlyHere > 0, `${given.onlyHere} samples are in the backup only`);
  rig.steps(30);
  const mirror = new Database(storePaths(rig.vault.mirror).blocks);
  mirror.prepare('UPDATE cursors SET position = 1e6').run();
  // Otherwise it would see that it did not follow the feed up to there.
  const boots = JSON.stringify(rig.box.db.bootsUpTo(1e6));
  mirror.prepare("UPDATE meta SET value = ? WHERE key = 'boots of box'").run(boots);
  mirror.close();
  const lacking = await rig.drill();
  t.match(lacking, { ok: false, pulled: 0 });
  t.ok(lacking.differences.every(({ what }) => what === 'missing'));
});

t.test('a box that cannot be reached is a drill that failed, and is on record', async (t) => {
  const rig = await Rig.start(t);
  await rig.drill();
  rig.port = 1;
  const record = await rig.drill();
  t.match(record, { ok: false, gateway: 'box', problem: /127\.0\.0\.1:1/ });
  t.match(rig.vault.status(), { copies: 1, restored: 1, ok: false });
});

t.test('what may not go to the backup is in no backup, and is not missed', async (t) => {
  const rig = await Rig.start(t);
  rig.box.db.transaction(() => {
    for (const { id, gateway, ...channel } of rig.box.db.channelsAfter(0).channels) {
      const residency = channel.name.endsWith('channel1') ? 'local' : 'any';
      rig.box.db.keepChannel(gateway, { ...channel, residency }, id);
    }
  });
  t.match(await rig.drill(), { ok: true, differenceCount: 0 });
  const copy = BlockDb.open(storePaths(rig.vault.mirror).blocks);
  t.notOk(copy.channelsAfter(0).channels.some(({ name }) => name.endsWith('channel1')));
  copy.close();
});

t.test('caisson drill restore and list, and the status of a central', async (t) => {
  const rig = await Rig.start(t);
  const none = await caisson('drill', 'list', rig.vaultDir);
  t.equal(none.code, 1, 'no drill yet is not good');
  const good = await caisson('drill', 'restore', rig.vaultDir, '--server', rig.address);
  t.equal(good.code, 0, good.stderr);
  t.match(good.stdout, /box: restored, all right\n/);
  t.equal((await caisson('drill', 'list', rig.vaultDir, '--max-age', '1h')).code, 0);
  t.match(await caisson('drill', 'list', rig.vaultDir, '--max-age', '1us'), {
    code: 1,
    stderr: /the last drill that found all right is older than 1us/,
  });
  tamper(rig.vault.mirror);
  const bad = await caisson('drill', 'restore', rig.vaultDir, '--server', rig.address, '--json');
  t.equal(bad.code, 1);
  t.match(JSON.parse(bad.stdout), { ok: false, differences: [{ gateway: 'box', what: 'other' }] });
  const listed = await caisson('drill', 'list', rig.vaultDir);
  t.equal(listed.code, 1);
  t.match(listed.stdout, /2 backups, 1 of them restored/);
  t.equal(readdirSync(join(rig.vaultDir, 'copies')).length, 2);

  const central = await startCentral({
    ...{ dir: folder(t), host: HOST, port: 0, pull: [], version: '1', vaults: [rig.vaultDir] },
  });
  t.teardown(() => central.stop());
  const status = await caisson('status', '--server', `${HOST}:${central.port}`);
  t.match(
    status.stdout,
    /backup {3}box: 2 backups, 1 of them restored and found right; drilled .*samples \d+ to \d+: other/,
  );
});

/** Makes one text of a mirror another one, in a pack that is whole: nothing that looks at the mirror alone can tell. */
function tamper(mirror: string): { readonly channel: string; readonly first: number } {
  const db = new Database(storePaths(mirror).blocks);
  try {
    for (const { position, bytes } of db.prepare('SELECT position, bytes FROM packs').all() as Row[]) {
      const pack = Pack.open(bytes);
      const [block] = pack.blocks;
      if (block?.type !== 'text' || block.count < 4) continue;
      const { times, values } = pack.samples(0);
      const texts = [...(values as readonly string[])].with(2, 'tampered');
      const { channel, type, firstSequence } = block;
      const other = encodePack(pack.header, [{ channel, type, firstSequence, times, values: texts }]);
      db.prepare('UPDATE packs SET bytes = ?, size = ? WHERE position = ?').run(other, other.length, position);
      return { channel, first: firstSequence + 2 };
    }
  } finally {
    db.close();
  }
  throw new Error('the store has no text');
}

interface Row {
  readonly position: number;
  readonly bytes: Uint8Array;
}
