import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PLACE_BOOTS_MAX } from '../../../gateway/store/feed.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { startTelemetryServer, type TelemetryServer } from '../../../sync/api/server.ts';
import { startCentral } from '../../../sync/central/central.ts';
import { firstOther } from '../../../sync/line/set-back.ts';
import { freePort } from '../../free-port.ts';
import { waitFor } from '../../wait-for.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';

const HOST = '127.0.0.1';

/** A box that is served, switched off, copied, and switched on with that copy. Each start begins a boot first, as a gateway does. */
class Box {
  readonly dir: string;
  readonly #kept: string;
  store: FilledStore;
  #server: TelemetryServer | undefined;
  readonly port: number;

  constructor(t: Test, port: number) {
    this.port = port;
    const dir = mkdtempSync(join(tmpdir(), 'caisson-set-back-'));
    this.dir = join(dir);
    this.#kept = join(dir, 'kept.db');
    this.store = new FilledStore(dir, 'box', new Random(1));
    t.teardown(async () => {
      await this.off();
      rmSync(dir, { recursive: true });
    });
  }

  async on(seed: number): Promise<void> {
    this.store = new FilledStore(this.dir, 'box', new Random(seed));
    this.#server = await startTelemetryServer({
      ...{ host: HOST, port: this.port, telemetry: new MemoryTelemetry(), feed: this.store.db, storeDir: this.dir },
      status: () => exampleStatus('box'),
    });
  }

  async off(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
    this.store.close();
  }

  copy(): void {
    copyFileSync(storePaths(this.dir).blocks, this.#kept);
  }

  setBack(): void {
    const { blocks } = storePaths(this.dir);
    for (const beside of ['-wal', '-shm']) rmSync(`${blocks}${beside}`, { force: true });
    copyFileSync(this.#kept, blocks);
  }

  /** Samples in blocks, by boot and channel. */
  held(): Map<string, number> {
    const { db } = this.store;
    const boots = new Map(db.boots().map(({ id, boot }) => [id, boot]));
    return new Map(
      db
        .accounts()
        .filter(({ kept }) => kept > 0)
        .map(({ channel, boot, kept }) => [`${boots.get(boot)} ${nameOf(db, channel)}`, kept]),
    );
  }
}

function nameOf(db: FilledStore['db'], id: number): string {
  return db.channelsAfter(0).channels.find((channel) => channel.id === id)?.name ?? '';
}

t.test(
  'a store set back to a copy of itself: central notices, takes what came since, and keeps what it lost',
  async (t) => {
    const box = new Box(t, await freePort());
    const problems: string[] = [];
    const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    box.store.seal('box/a', 'number', 100);
    box.store.close();
    box.copy();
    await box.on(2);
    box.store.seal('box/a', 'number', 50);
    box.store.seal('box/b', 'number', 20);
    const central = await startCentral({
      ...{ host: HOST, port: 0, dir, name: 'hq', pull: [{ host: HOST, port: box.port }], version: '1.2.3' },
      onProblem: (text) => problems.push(text),
    });
    t.teardown(() => central.stop());
    const samples = () => central.status().store.samples;
    const complete = () => central.status().sources.every(({ state }) => state === 'running');
    await waitFor('central has all', () => samples() === 170 && complete());
    const before = box.held();

    await box.off();
    box.setBack();
    await box.on(3);
    // Fewer items than the store had beyond the copy: by its end alone nobody would notice.
    box.store.seal('box/b', 'number', 7);
    const after = box.held();
    await waitFor('central has what came since', () => samples() === 177, 60_000);
    t.match(problems, [
      /^the store of box was set back to an earlier copy of itself: it had come to position \d+, and began boot /,
    ]);

    // And once more, with more than it had beyond the copy.
    await box.off();
    box.setBack();
    await box.on(4);
    for (let i = 0; i < 10; i += 1) box.store.seal('box/c', 'number', 11);
    await waitFor('central has what came since', () => samples() === 287, 60_000);
    t.equal(problems.length, 2);

    // A start that is none of a copy is no such thing.
    await box.off();
    await box.on(5);
    box.store.seal('box/c', 'number', 3);
    await waitFor('central goes on', () => samples() === 290, 60_000);
    t.equal(problems.length, 2);

    await central.stop();
    const held = new Map([...before, ...after, ...box.held()]);
    const kept = new FilledStore(dir, 'reader', new Random(9));
    t.teardown(() => kept.close());
    const { db } = kept;
    const boots = new Map(db.boots().map(({ id, boot }) => [id, boot]));
    const found = db
      .accounts()
      .filter((account) => account.kept > 0)
      .map(({ channel, boot, kept: count }) => [`${boots.get(boot)} ${nameOf(db, channel)}`, count] as const);
    t.same(new Map(found), held, 'every sample that the box ever had, once');
    t.equal(
      db.accounts().reduce((sum, { lost }) => sum + lost, 0),
      0,
      'and none is taken for lost',
    );
  },
);

t.test('the first boot that was not followed is found, as far back as is known', (t) => {
  const place = (position: number, boot = `b${position}`) => ({ boot, position });
  const all = [1, 5, 9].map((position) => place(position));
  const full = Array.from({ length: PLACE_BOOTS_MAX }, (_, i) => place(100 + i));
  for (const [name, boots, known, expected] of [
    ['the same', all, all, undefined],
    ['nothing is known', all, [], place(1)],
    ['another boot where one was', [place(1), place(5, 'other')], all, place(5, 'other')],
    ['the same boot elsewhere', [place(1), place(6, 'b5')], all, place(6, 'b5')],
    ['fewer than are known', [place(1)], all, undefined],
    ['one between', [place(1), place(3), place(5)], all, place(3)],
    ['older than what is known of many', [place(50), ...full.slice(1)], full, undefined],
    ['later than all that is known of many', [...full.slice(1), place(120)], full, place(120)],
  ] as const) {
    t.same(firstOther(boots, known), expected, name);
  }
  t.end();
});
