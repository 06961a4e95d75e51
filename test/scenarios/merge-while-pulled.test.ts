import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { findingsIn, samplesIn } from '../gateway/store/merge/merge-look.ts';
import { GATEWAY, StoreRig } from '../gateway/store/store-rig.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';

const HOST = '127.0.0.1';
const CHANNELS = 24;
const PREFIX = 'slow/';

/** Packs that are merged into one. */
const WINDOW = 64;

/** Of one sample a second and channel, sealed each: two windows in each of two series, and one more pack. */
const MINUTES = 2 * WINDOW + 1;
const WINDOWS = 4;

/** What a gateway has that took in slow channels for some hours. */
function fill(): string {
  const names = Array.from({ length: CHANNELS }, (_, i) => `${PREFIX}${i}${i % 2 === 0 ? ' bulk' : ''}`);
  const rig = new StoreRig(names, 1 << 13);
  let second = 0;
  for (let minute = 0; minute < MINUTES; minute += 1) {
    for (let i = 0; i < 60; i += 1) {
      second += 1;
      for (let id = 1; id <= CHANNELS; id += 1) {
        rig.ring.writeSample(id, second * 1e6 + id, Math.round(20 * Math.sin(second / (50 + id))) / 10);
      }
    }
    rig.commit();
    rig.sealAll();
  }
  rig.close();
  return rig.dir;
}

/** Packs of a store, whether a gateway writes to it or not, that were merged from others. */
function mergedIn(dir: string): number {
  const db = new Database(storePaths(dir).blocks, { readonly: true });
  try {
    return Number(db.prepare('SELECT COUNT(*) FROM merged').pluck().get());
  } finally {
    db.close();
  }
}

/** What a gateway says of its merging, once that is what it has done. */
async function mergeStatus(port: number, into: number): Promise<unknown> {
  const client = new TelemetryClient({ host: HOST, port });
  try {
    return await eventually('the gateway says so', async () => {
      const { merge } = (await client.status()).store;
      return merge?.into === into && merge;
    });
  } finally {
    client.close();
  }
}

t.test(
  'a gateway merges slow channels while centrals pull, and is killed meanwhile: all have every sample once',
  async (t) => {
    const dir = fill();
    const folder = mkdtempSync(join(tmpdir(), 'caisson-merge-'));
    const centrals: { readonly dir: string; readonly process: CaissonProcess }[] = [];
    const config = { gateway: { id: GATEWAY }, store: { dir }, dashboard: { port: 0 }, grpc: { port: 0 }, sources: {} };
    const expected = samplesIn(dir, PREFIX);
    let gateway = await GatewayChild.start({ config, folder });
    t.teardown(async () => {
      for (const { process } of centrals) await process.kill('SIGKILL');
      await gateway.kill();
      for (const each of [dir, folder, ...centrals.map((central) => central.dir)]) rmSync(each, { recursive: true });
    });
    const pull = () => {
      const to = mkdtempSync(join(tmpdir(), 'caisson-merge-central-'));
      const from = `${HOST}:${gateway.grpcPort}`;
      const process = new CaissonProcess(['central', '--data', to, '--listen', `${HOST}:0`, '--pull', from]);
      centrals.push({ dir: to, process });
    };

    pull();
    await eventually('packs are merged', () => mergedIn(dir) >= 1);
    pull();
    await gateway.kill();
    t.same(findingsIn(dir), []);
    const before = mergedIn(dir);
    t.ok(before < WINDOWS, 'it was killed before all was merged');
    gateway = await GatewayChild.start({ config, folder });
    pull();
    await eventually('it goes on', () => mergedIn(dir) > before);
    pull();
    await eventually('all is merged', () => mergedIn(dir) === WINDOWS);
    t.ok(samplesIn(dir, PREFIX) === expected, 'the gateway has what it had');
    const into = WINDOWS - before;
    const samples = into * WINDOW * 60 * (CHANNELS / 2);
    t.match(await mergeStatus(gateway.grpcPort, into), { packs: into * WINDOW, into, samples });
    // The second lost its line when the gateway was killed, and another port is another gateway to it.
    for (const central of centrals.filter((_, i) => i !== 1)) {
      await eventually('central has everything', () => samplesIn(central.dir, PREFIX) === expected);
      t.same(findingsIn(central.dir), []);
    }
  },
);
