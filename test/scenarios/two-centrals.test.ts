import { cpSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Acknowledged, Acknowledgements } from '../../gateway/store/retention/acknowledgements.ts';
import { Ballast } from '../../gateway/store/retention/ballast.ts';
import { Retention } from '../../gateway/store/retention/retention.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import type { Central, StorePlace } from '../../sync/central/central.ts';
import { DestinationPolicy } from '../../sync/destinations/destination-policy.ts';
import { receiptDesk } from '../../sync/destinations/receipt-desk-of.ts';
import type { ReceiptDesk } from '../../sync/receipts/receipt-desk.ts';
import { freePort } from '../free-port.ts';
import { GATEWAY, StoreRig } from '../gateway/store/store-rig.ts';
import { PostgresServer } from '../sync/central/postgres-server.ts';
import { exampleStatus } from '../sync/memory-telemetry.ts';
import { eventually } from './eventually.ts';
import { fill, heldIn, PACK_SAMPLES, startHq, tempDir } from './two-centrals.ts';

const HOST = '127.0.0.1';
const HOUR_MS = 3_600_000;
const DISK_BYTES = 2 ** 30;
const NOTHING = new Uint8Array(0);

/** Age, in days, at which everything that is written here is old. */
const NO_AGE = 1e-9;

/** A gateway whose samples are old as soon as they are kept: whatever `hq` has may go. Its parts are those of the threads. */
class Box {
  readonly rig = new StoreRig(['speed']);
  readonly port: number;
  readonly problems: string[] = [];
  /** What was confirmed last. */
  last: Acknowledged | undefined;
  /** Added to the clock that measures silence, milliseconds. */
  laterMs = 0;
  #packs = 0;
  #desk: ReceiptDesk | undefined;
  #acknowledgements = new Acknowledgements([]);
  #stop = async () => {};

  private constructor(port: number) {
    this.port = port;
  }

  static async start(t: Test): Promise<Box> {
    const box = new Box(await freePort());
    await box.#start();
    t.teardown(async () => {
      await box.#stop();
      box.rig.dispose();
    });
    return box;
  }

  /** The process dies and another begins. */
  async restart(): Promise<void> {
    await this.#stop();
    this.rig.restartProcess();
    this.last = undefined;
    await this.#start();
  }

  fill(packs: number): void {
    fill(this.rig, packs, this.#packs);
    this.#packs += packs;
  }

  get end(): number {
    return this.rig.blocks.lastPosition();
  }

  get desk(): ReceiptDesk {
    if (this.#desk === undefined) throw new Error('the box is not started');
    return this.#desk;
  }

  /** How far each store that is heard has the feed, in the order of the positions. */
  get stores(): number[] {
    return (this.last?.stores ?? []).map(({ position }) => position).sort((a, b) => a - b);
  }

  /** Gives up what may go; returns what is left. */
  settle(): ReturnType<typeof heldIn> {
    const { blocks, dir } = this.rig;
    const retention = new Retention({
      store: blocks,
      disk: () => ({ totalBytes: DISK_BYTES, freeBytes: DISK_BYTES }),
      settings: { diskShare: 0.8, centrals: ['hq'], standard: { rawDays: NO_AGE } },
      ballast: new Ballast(join(dir, 'ballast'), 0),
      acknowledgements: this.#acknowledgements,
      keepAcknowledged: () => this.#keep(),
      onProblem: (text) => this.problems.push(text),
      onCriticalOnly: () => {},
    });
    for (let steps = 0; steps < 50; steps += 1) retention.step(Number.MAX_SAFE_INTEGER);
    return heldIn(blocks);
  }

  async #start(): Promise<void> {
    const { blocks, dir } = this.rig;
    this.#acknowledgements = new Acknowledgements(['hq'], (key) => blocks.meta(key));
    const desk = receiptDesk(
      blocks,
      {},
      {
        gateway: () => GATEWAY,
        onConfirmed: (central, word) => {
          this.last = word;
          this.#acknowledgements.take(central, word);
          if (this.#acknowledgements.isUrgent) blocks.transaction(() => this.#keep());
        },
        onProblem: (text) => this.problems.push(text),
        steadyMs: () => performance.now() + this.laterMs,
      },
    );
    this.#desk = desk;
    const telemetry = this.rig.telemetry();
    const server = await startTelemetryServer({
      ...{ host: HOST, port: this.port, telemetry, feed: blocks, storeDir: dir },
      policy: new DestinationPolicy({}),
      status: () => exampleStatus(GATEWAY),
      acknowledge: (word) => desk.take(word),
    });
    this.#stop = async () => {
      this.#stop = async () => {};
      await server.stop();
      telemetry.close();
    };
  }

  #keep(): void {
    this.#acknowledgements.keep((key, text) => this.rig.blocks.keepMeta(key, text));
  }
}

const postgres = await PostgresServer.start();
t.teardown(() => postgres.dispose());

for (const { name, other } of [
  { name: 'two centrals over SQLite', other: (t: Test): StorePlace => ({ dir: tempDir(t) }) },
  { name: 'one over SQLite and one over PostgreSQL', other: async () => ({ url: await postgres.database() }) },
]) {
  t.test(`${name} with one name: what one of them lacks stays, until that one is gone for a day`, async (t) => {
    const box = await Box.start(t);
    box.fill(5);
    const first = { dir: tempDir(t) };
    let early = await startHq(t, box.port, first);
    await eventually('the first has all', () => box.stores[0] === box.end);
    t.same(box.settle(), { whole: 0, thinned: 5 * PACK_SAMPLES }, 'a limit gives up what a central has');
    await early.stop();
    box.fill(5);
    const late = await startHq(t, box.port, await other(t));
    await eventually('the second has all', () => box.stores[1] === box.end);
    t.same(box.settle(), { whole: 5 * PACK_SAMPLES, thinned: 5 * PACK_SAMPLES }, 'the first lacks the rest');
    t.match(box.problems, [/^two centrals have the name hq/]);
    await box.restart();
    await eventually('the second says what it has', () => box.stores[1] === box.end);
    t.match(box.settle(), { whole: 5 * PACK_SAMPLES }, 'that is known after a restart');
    early = await startHq(t, box.port, first);
    await eventually('the first has all again', () => box.stores[0] === box.end);
    t.match(box.settle(), { whole: 0 });
    await early.stop();
    box.fill(3);
    const begun = box.end;
    await eventually('the second has all again', () => box.stores[1] === begun);
    t.match(box.settle(), { whole: 3 * PACK_SAMPLES });
    // Who has nothing new to say says so once an hour.
    const store = box.last?.stores.find(({ position }) => position === begun)?.store ?? '';
    for (let hour = 1; hour <= 24; hour += 1) {
      box.laterMs += HOUR_MS;
      box.desk.take({ follower: 'hq', store, position: begun, receipt: NOTHING, signature: NOTHING });
      t.equal(box.settle().whole > 0, hour < 24, `after ${hour} h`);
    }
    await late.stop();
  });
}

for (const { name, of } of [
  { name: 'that starts again on its folder', of: (t: Test): StorePlace => ({ dir: tempDir(t) }) },
  {
    name: 'of which one process goes on for another over its database',
    of: async (): Promise<StorePlace> => ({ url: await postgres.database(), leaseMs: 1_000 }),
  },
]) {
  t.test(`a central ${name} is one`, async (t) => {
    const box = await Box.start(t);
    const place = await of(t);
    const ids = new Set<string>();
    let running: Central | undefined;
    for (let start = 0; start < 3; start += 1) {
      // Over a database the next one is there before the one before has ended.
      if (place.url === undefined) await running?.stop();
      const next = await startHq(t, box.port, place);
      if (place.url !== undefined) await running?.stop();
      running = next;
      box.fill(1);
      await eventually('it has all', () => box.last?.position === box.end);
      for (const { store } of box.last?.stores ?? []) ids.add(store);
    }
    await running?.stop();
    t.equal(ids.size, 1);
    t.same(box.problems, []);
  });
}

t.test('a copy of the folder of a central is another store', async (t) => {
  const box = await Box.start(t);
  box.fill(2);
  const [dir, copy] = [tempDir(t), join(tempDir(t), 'copy')];
  const original = await startHq(t, box.port, { dir });
  await eventually('it has all', () => box.stores[0] === box.end);
  await original.stop();
  cpSync(dir, copy, { recursive: true });
  box.fill(1);
  const copied = await startHq(t, box.port, { dir: copy });
  await eventually('the copy has more', () => box.stores[1] === box.end);
  t.match(box.settle(), { whole: PACK_SAMPLES });
  await copied.stop();
});
