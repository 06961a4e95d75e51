import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer, type TelemetryServer } from '../../../sync/api/server.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { SpoolFolder } from '../../../sync/courier/spool-folder.ts';
import type { DestinationConfig } from '../../../sync/destinations/destination-config.ts';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';
import { receiptDesk } from '../../../sync/destinations/receipt-desk-of.ts';
import { PullLine } from '../../../sync/line/pull-line.ts';
import { WireMeter } from '../../../sync/line/wire-meter.ts';
import { keyText } from '../../../sync/receipts/kept-key.ts';
import type { ReceiptDesk } from '../../../sync/receipts/receipt-desk.ts';
import { ReceiptWriter } from '../../../sync/receipts/receipt-writer.ts';
import { CarriedFeed } from '../../../sync/relay/carried-feed.ts';
import { Depot, type DepotOptions } from '../../../sync/relay/depot.ts';
import { HandOver, type HandOverParts } from '../../../sync/relay/hand-over.ts';
import { Outbox } from '../../../sync/relay/outbox.ts';
import { PickUp } from '../../../sync/relay/pick-up.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { requireSameStores } from '../same-feed.ts';

export const HOST = '127.0.0.1';
const HURRY_MS = 20;

export function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-relay-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** What a test may want otherwise. */
export interface RigOptions {
  readonly depot?: Partial<DepotOptions>;
  /** True: the box believes signed receipts only. */
  readonly isProven?: boolean;
  readonly region?: string | undefined;
  readonly destination?: Partial<DestinationConfig>;
  readonly fileBytes?: number;
  readonly handOver?: Partial<HandOverParts>;
}

/** A box without a line, a truck that carries for it, and a central with a line to the truck. */
export class RelayRig {
  readonly box: FilledStore;
  readonly boxDir: string;
  readonly depotDir: string;
  readonly central: BlockDb;
  readonly keeper: Keeper;
  readonly courierKey: KeyObject;
  readonly problems: string[] = [];
  /** Whose files central took from the truck, each time. */
  readonly carried: string[] = [];
  /** How far the box believes that its central has its feed. */
  confirmed = 0;
  readonly receipts: ReceiptDesk;
  depot: Depot;
  readonly #t: Test;
  readonly #options: RigOptions;
  readonly #reader: BlockReader;
  readonly #spool: SpoolFolder;
  readonly #truck: FilledStore;
  readonly #truckDir: string;
  readonly #publicKey: KeyObject;

  constructor(t: Test, options: RigOptions = {}) {
    this.#t = t;
    this.#options = options;
    [this.boxDir, this.depotDir, this.#truckDir] = [folder(t), join(folder(t), 'depot'), folder(t)];
    const centralDir = folder(t);
    this.box = new FilledStore(this.boxDir, 'box', new Random(21));
    this.#truck = new FilledStore(this.#truckDir, 'truck', new Random(22));
    this.#reader = BlockReader.openReadonly(storePaths(this.boxDir).blocks);
    this.central = BlockDb.open(storePaths(centralDir).blocks);
    const signing = generateKeyPairSync('ed25519');
    const courier = generateKeyPairSync('x25519');
    [this.courierKey, this.#publicKey] = [courier.privateKey, courier.publicKey];
    const store = new SqliteStore(this.central);
    const writer = new ReceiptWriter({ store, central: 'hq', key: signing.privateKey, now: () => 1 });
    this.keeper = new Keeper(store, { receipts: writer });
    this.#spool = new SpoolFolder(centralDir);
    const pinned = options.isProven === true ? { receiptKey: keyText(signing.publicKey, 'ed25519') } : {};
    this.receipts = receiptDesk(
      this.#reader,
      { hq: { ...pinned, ...options.destination } },
      {
        gateway: () => 'box',
        onConfirmed: (_central, { position }) => {
          this.confirmed = position;
        },
        onProblem: (text) => this.problems.push(text),
      },
    );
    this.depot = this.openDepot();
    t.teardown(() => {
      for (const each of [this.box, this.#truck, this.#reader, this.central]) each.close();
    });
  }

  get spoolDir(): string {
    return join(this.#spool.path('x'), '..');
  }

  openDepot(more: Partial<DepotOptions> = {}): Depot {
    this.depot = new Depot({
      ...{ dir: this.depotDir, bytesMax: 1e9, filesPerSender: 1000, freeBytes: 0, keepMs: 1e9, utcMs: Date.now },
      onProblem: (text) => this.problems.push(text),
      ...this.#options.depot,
      ...more,
    });
    return this.depot;
  }

  steps(count: number): void {
    for (let i = 0; i < count; i += 1) this.box.step();
    this.box.finish();
  }

  /** The truck, as gRPC serves it; with the depot of the moment. */
  serveTruck(): Promise<TelemetryServer> {
    const { depot } = this;
    return this.#serve(this.#truck, this.#truckDir, 'truck', { depot });
  }

  serveBox(): Promise<TelemetryServer> {
    return this.#serve(this.box, this.boxDir, 'box', {});
  }

  /** A line of the central, which also picks up what is carried for it. */
  pull({ port }: TelemetryServer): PullLine<TelemetryClient> {
    const onProblem = (text: string) => this.problems.push(text);
    const pickUp = new PickUp({
      onKept: (gateway) => this.carried.push(gateway),
      ...{ central: 'hq', key: this.courierKey, sink: this.keeper, spool: this.#spool, onProblem, lookMs: HURRY_MS },
    });
    const line = new PullLine<TelemetryClient>({
      ways: [{ name: 'lan', connect: () => new TelemetryClient({ host: HOST, port }, { destination: 'hq' }) }],
      attend: (client, status, spare) => pickUp.attend(client, status, spare),
      ...{ sink: this.keeper, follower: 'hq', onProblem },
    });
    line.start();
    this.#t.teardown(() => line.stop());
    return line;
  }

  /** What the box hands over with. */
  handOver({ port }: TelemetryServer, more: Partial<HandOverParts> = {}): HandOver {
    const { receipts } = this;
    const meter = new WireMeter();
    const scope = new DestinationPolicy({ hq: { ...this.#options.destination } }).scopeOf('hq');
    const { fileBytes = 8_000, region } = this.#options;
    const handOver = new HandOver({
      ...{ gateway: () => 'box', central: 'hq', address: `${HOST}:${port}`, meter, receipts },
      connect: () => new TelemetryClient({ host: HOST, port }, { meter }),
      feed: new CarriedFeed({
        ...{ store: this.#reader, receipts, central: 'hq', key: this.#publicKey, scope, region, fileBytes },
        utcMs: Date.now,
      }),
      outbox: new Outbox(join(this.boxDir, 'relay', 'hq')),
      ...{ afterMs: 0, filesMax: 1000, againMs: 1e9, utcMs: Date.now, steadyMs: () => performance.now() },
      onProblem: (text) => this.problems.push(text),
      lookMs: HURRY_MS,
      ...this.#options.handOver,
      ...more,
    });
    handOver.start();
    this.#t.teardown(() => handOver.stop());
    return handOver;
  }

  /** Every file under the depot. */
  depotFiles(dir = this.depotDir): string[] {
    return readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .map((name) => join(dir, name))
      .filter((path) => statSync(path).isFile());
  }

  depotBytes(): Buffer {
    return Buffer.concat(this.depotFiles().map((path) => readFileSync(path)));
  }

  hasAll(): boolean {
    return this.central.totals.blocks >= this.box.db.totals.blocks;
  }

  /** Central has every block, gap and definition of the box, each once, byte for byte. */
  isSame(t: Test): void {
    requireSameStores(t, this.central, this.box.db, 'box');
    t.equal(this.keeper.counters.conflicts, 0);
  }

  async #serve(
    store: FilledStore,
    storeDir: string,
    gateway: string,
    { depot }: { readonly depot?: Depot },
  ): Promise<TelemetryServer> {
    const server = await startTelemetryServer({
      ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: store.db, storeDir, depot },
      status: () => ({ ...exampleStatus(gateway), ...(depot !== undefined && { relay: depot.status() }) }),
      ...(gateway === 'box' && { acknowledge: (word) => this.receipts.take(word) }),
    });
    this.#t.teardown(() => server.stop());
    return server;
  }
}
