import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import { Acknowledgements } from '../../gateway/store/retention/acknowledgements.ts';
import { Ballast } from '../../gateway/store/retention/ballast.ts';
import { Retention } from '../../gateway/store/retention/retention.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import type { Random } from '../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import type { ChannelAccount } from '../../sync/api/ledger-call.ts';
import type { PullBatch } from '../../sync/api/pull-batch.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { Keeper } from '../../sync/central/keeper.ts';
import { SqliteStore } from '../../sync/central/sqlite-store.ts';
import { DestinationPolicy } from '../../sync/destinations/destination-policy.ts';
import { compareLedgers } from '../../sync/ledger/compare-ledgers.ts';
import { type Peer, PullLine, type PullSink } from '../../sync/line/pull-line.ts';
import { freePort } from '../free-port.ts';
import { GATEWAY, StoreRig } from '../gateway/store/store-rig.ts';
import { exampleStatus } from '../sync/memory-telemetry.ts';
import { ShapedLink } from '../sync/shaped-link.ts';
import { eventually } from './eventually.ts';

const HOST = '127.0.0.1';
const HOUR_US = 3_600e6;
const DAYS = 7;

/** On this day of the outage the power fails, and from that one on the disk runs short. */
const POWER_CUT_DAY = 4;
const SHORT_DAY = 6;

const NAMES = ['a_critical', 'b_standard', 'c_bulk', 'd_bulk'];
const BULK = [3, 4];

/** Where the gateway waits for `hq` before a limit gives anything up; bulk samples are old after two days. */
const SETTINGS = { diskShare: 0.8, centrals: ['hq'], bulk: { rawDays: 2 } };

/** The disk, bytes, of which a twentieth is kept free. */
const DISK_BYTES = 1 << 30;

/** Bytes that a start may read, whatever the backlog. */
const START_BYTES_MAX = 16 << 20;

const LIMIT_MS = 240_000;

export interface WeekOptions {
  /** Of each channel. */
  readonly samplesPerHour: number;
  /** So that the backlog takes a few seconds at least. */
  readonly lineBitsPerS: number;
}

/** What came in one batch, in the order of what goes first. */
interface Arrived {
  readonly terms: number;
  readonly outlines: number;
  /** Least times of packs, ahead of their turn or in it. */
  readonly packs: readonly number[];
}

/** A gateway whose hours pass as fast as its store takes them: ring, journal, seals and retention are those of the store thread. */
class FastBox {
  readonly rig = new StoreRig(NAMES, 1 << 15);
  readonly acknowledgements = new Acknowledgements(SETTINGS.centrals);
  /** Bytes that others have on the disk. */
  others = 0;
  hours = 0;
  readonly #random: Random;
  readonly #samplesPerHour: number;
  #retention: Retention;

  constructor(random: Random, samplesPerHour: number) {
    this.#random = random;
    this.#samplesPerHour = samplesPerHour;
    this.#retention = this.#openRetention();
  }

  /** An hour of all channels, sealed, and what retention does about it. */
  passHour(): void {
    const step = HOUR_US / this.#samplesPerHour;
    for (let i = 0; i < this.#samplesPerHour; i += 1) {
      const time = this.hours * HOUR_US + i * step;
      for (const index of NAMES.keys()) this.rig.ring.writeSample(index + 1, time, this.#random.gaussian());
      if (i % 1_000 === 999) this.rig.commit();
    }
    this.rig.commit();
    this.rig.sealAll();
    this.hours += 1;
    this.retain();
  }

  /** As the store thread does for as long as there is something to do. */
  retain(): void {
    for (let before = -1; before !== this.rawBytes(); ) {
      before = this.rawBytes();
      this.#retention.look(this.hours * 3_600e3);
      for (let steps = 0; steps < 20; steps += 1) this.#retention.step(Number.MAX_SAFE_INTEGER);
    }
  }

  /** The process dies and another begins. Returns the bytes that it read to be there. */
  startAgain(): number {
    const before = bytesRead();
    this.rig.restartProcess();
    this.#retention = this.#openRetention();
    return bytesRead() - before;
  }

  /** Fills the disk until a share of what the store has there is too much. */
  fillDisk(share: number): void {
    const { used, free } = this.rig.blocks.pageBytes();
    this.others = 0.95 * DISK_BYTES - used - free + share * this.rawBytes();
    this.retain();
  }

  rung(): string {
    return this.#retention.status().rung;
  }

  /** Samples that were taken in, by id of the channel, and those that were given up, by cause. */
  lost(channel: number): Record<string, number> {
    const telemetry = this.rig.telemetry();
    try {
      const lost: Record<string, number> = {};
      for (const { missing } of telemetry.accounts(channel)) {
        for (const { cause, count } of missing) if (count > 0) lost[cause] = (lost[cause] ?? 0) + count;
      }
      return lost;
    } finally {
      telemetry.close();
    }
  }

  dispose(): void {
    this.rig.dispose();
  }

  rawBytes(): number {
    return Object.values(this.rig.blocks.classBytes()).reduce((sum, bytes) => sum + bytes, 0);
  }

  #openRetention(): Retention {
    return new Retention({
      store: this.rig.blocks,
      disk: () => {
        const { used, free } = this.rig.blocks.pageBytes();
        return { totalBytes: DISK_BYTES, freeBytes: Math.max(0, DISK_BYTES - this.others - used - free) };
      },
      settings: SETTINGS,
      ballast: new Ballast(join(this.rig.dir, 'ballast'), 0),
      acknowledgements: this.acknowledgements,
      keepAcknowledged: () => {},
      onProblem: () => {},
      onCriticalOnly: () => {},
    });
  }
}

/** A central's store with a line to the box, which writes down what comes when. */
class Follower {
  readonly dir = mkdtempSync(join(tmpdir(), 'caisson-week-'));
  readonly arrived: Arrived[] = [];
  readonly #db = BlockDb.open(storePaths(this.dir).blocks);
  readonly #name: string;
  readonly #port: number;
  #line: PullLine | undefined;

  constructor(name: string, port: number) {
    this.#name = name;
    this.#port = port;
  }

  connect(): void {
    const keeper = new Keeper(new SqliteStore(this.#db));
    const sink: PullSink = {
      resume: (peer) => keeper.resume(peer),
      skip: (peer, feed, position) => keeper.skip(peer, feed, position),
      keep: (peer: Peer, batch: PullBatch) => {
        this.arrived.push(arrivedIn(batch));
        return keeper.keep(peer, batch);
      },
    };
    const connect = () => new TelemetryClient({ host: HOST, port: this.#port }, { destination: this.#name });
    const line = new PullLine({ ways: [{ name: '', connect }], sink, follower: this.#name, acknowledgeMs: 100 });
    this.#line = line;
    line.start();
  }

  get isComplete(): boolean {
    return this.#line?.health().complete === true;
  }

  async hangUp(): Promise<void> {
    await this.#line?.stop();
    this.#line = undefined;
  }

  accounts(): ChannelAccount[] {
    return accountsOf(StoreTelemetry.open(this.dir));
  }

  async dispose(): Promise<void> {
    await this.hangUp();
    this.#db.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/**
 * A gateway is apart from its centrals for seven days, in which its power fails and its disk runs short. Nothing is lost that retention allows,
 * the start afterwards reads no more than before, each central gets the backlog in its order, and the ledger explains every number at both ends.
 */
export async function weekApart(t: Test, random: Random, options: WeekOptions): Promise<void> {
  const box = new FastBox(random, options.samplesPerHour);
  const { rig } = box;
  t.teardown(() => box.dispose());
  for (let hour = 0; hour < 24; hour += 1) box.passHour();

  const port = await freePort();
  let serving = await serve(box, port);
  const link = await ShapedLink.start(port, { downBitsPerS: options.lineBitsPerS, roundTripMs: 10 });
  const hq = new Follower('hq', link.port);
  const team = new Follower('team', link.port);
  t.teardown(async () => {
    await Promise.all([hq.dispose(), team.dispose()]);
    await link.stop();
    await serving.stop();
  });
  hq.connect();
  await eventually(
    'hq has what there is, and the box knows',
    () => {
      return hq.isComplete && box.acknowledgements.position >= rig.blocks.lastPosition();
    },
    LIMIT_MS,
  );
  const known = box.hours * options.samplesPerHour;

  link.goDown();
  await hq.hangUp();
  await serving.stop();
  for (let day = 1; day <= DAYS; day += 1) {
    for (let hour = 0; hour < 24; hour += 1) box.passHour();
    if (day === POWER_CUT_DAY) {
      box.startAgain();
      const given = NAMES.map((_, index) => box.lost(index + 1).retention ?? 0);
      t.same(given.slice(0, 2), [0, 0], 'what has no limit is kept');
      for (const channel of BULK) {
        t.ok(
          (box.lost(channel).retention ?? 0) <= known,
          'a limit gives up only what the central has that is waited for',
        );
      }
    }
    if (day >= SHORT_DAY) box.fillDisk(0.1);
  }
  t.equal(box.rung(), 'none', 'the ladder made the room that was short');
  const taken = box.hours * options.samplesPerHour;
  t.same(box.lost(1), {}, 'nothing that is critical was given up');
  t.ok((box.lost(2)['disk-full'] ?? 0) <= known, 'of what is standard only what is at central');
  for (const channel of BULK)
    t.ok((box.lost(channel)['disk-full'] ?? 0) > known, 'of bulk what was there for the longest');

  const readAfter = box.startAgain();
  t.ok(readAfter <= START_BYTES_MAX, `the start read ${readAfter} bytes beside a backlog of ${box.rawBytes()}`);
  serving = await serve(box, port);
  link.goUp();
  for (const [follower, order] of [
    [hq, 'oldest'],
    [team, 'newest'],
  ] as const) {
    const from = follower.arrived.length;
    follower.connect();
    await eventually(`${order} first: everything came`, () => follower.isComplete, LIMIT_MS);
    inOrder(t, follower.arrived.slice(from), order);
  }

  const here = accountsOf(rig.telemetry());
  for (const follower of [hq, team]) {
    const there = follower.accounts();
    explained(t, there);
    const verdicts = new Set(compareLedgers(here, there).map(({ verdict }) => verdict));
    verdicts.delete('given-up');
    t.same([...verdicts], [], 'both ends tell the same of every number, but for what only the gateway gave up');
  }
  explained(t, here);
  for (const channel of [1, 2])
    t.equal(heldOf(hq.accounts(), NAMES[channel - 1] ?? ''), taken, 'central has all of it');
  await eventually(
    'the box knows that hq has it',
    () => box.acknowledgements.position >= rig.blocks.lastPosition(),
    LIMIT_MS,
  );
  box.others = 0;
  box.retain();
  for (const channel of BULK) {
    t.ok((box.lost(channel).retention ?? 0) > 0, 'what is old and at central goes now, as the config has it');
  }
}

async function serve({ rig, acknowledgements }: FastBox, port: number) {
  const telemetry = rig.telemetry();
  const server = await startTelemetryServer({
    ...{ host: HOST, port, telemetry, feed: rig.blocks, storeDir: rig.dir },
    status: () => exampleStatus(GATEWAY),
    policy: new DestinationPolicy({ hq: {}, team: { order: 'newest' } }),
    acknowledge: ({ follower, position }) => {
      acknowledgements.take(follower, { position, stores: [] });
      return { wanted: new Uint8Array(0), refused: '' };
    },
  });
  return {
    async stop() {
      await server.stop();
      telemetry.close();
    },
  };
}

function arrivedIn({ items, ahead }: PullBatch): Arrived {
  const all = [...(ahead?.items ?? []), ...items];
  const packs = all.flatMap((item) => (item.kind === 'pack' ? [Pack.open(item.bytes).blocks[0]?.timeMin ?? 0] : []));
  const outlines = ahead?.outlines.length ?? 0;
  return {
    terms: (ahead?.items.length ?? 0) - (ahead?.items.filter(({ kind }) => kind === 'pack').length ?? 0),
    outlines,
    packs,
  };
}

/** What happened comes before outlines, these before packs, and packs in the order of the config. */
function inOrder(t: Test, arrived: readonly Arrived[], order: 'oldest' | 'newest'): void {
  const lastTerms = arrived.findLastIndex(({ terms }) => terms > 0);
  const [firstOutline, lastOutline] = [
    arrived.findIndex(({ outlines }) => outlines > 0),
    arrived.findLastIndex(({ outlines }) => outlines > 0),
  ];
  const firstPack = arrived.findIndex(({ packs }) => packs.length > 0);
  t.ok(lastTerms >= 0 && lastTerms <= firstOutline, `${order} first: what happened, before outlines`);
  t.ok(lastOutline <= firstPack, `${order} first: outlines, before samples`);
  const times = arrived.flatMap(({ packs }) => packs);
  const sorted = [...times].sort((a, b) => (order === 'oldest' ? a - b : b - a));
  t.ok(times.length > 0);
  t.same(times, sorted, `${order} first: samples`);
}

/** Every number up to the last is held, or missing for a cause. */
function explained(t: Test, accounts: readonly ChannelAccount[]): void {
  const unexplained = accounts.filter(({ end, held, missing }) => {
    const count = [...held, ...missing].reduce((sum, run) => sum + run.end - run.first, 0);
    return count !== end || missing.some(({ cause }) => cause === '' || cause === 'not-received');
  });
  t.same(unexplained, [], 'the ledger explains every number');
}

function heldOf(accounts: readonly ChannelAccount[], channel: string): number {
  const held = accounts.flatMap((account) => (account.channel === channel ? account.held : []));
  return held.reduce((sum, { first, end }) => sum + end - first, 0);
}

function accountsOf(telemetry: StoreTelemetry): ChannelAccount[] {
  try {
    return telemetry.channels().flatMap(({ id, name, gateway }) => {
      return telemetry.accounts(id).map((account) => ({ ...account, gateway, channel: name }));
    });
  } finally {
    telemetry.close();
  }
}

/** Bytes that this process has read by system calls. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? Number.NaN);
}
