import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import t, { type Test } from 'tap';
import { Random } from '../../../hardware/simulated/random.ts';
import { HEALTH_SERVICE, loadProtos, serviceOf } from '../../../sync/api/descriptor.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { requireTools } from '../../debian.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { CaissonProcess } from '../../sync/caisson-process.ts';
import { PostgresServer } from '../../sync/central/postgres-server.ts';
import { FilledStore } from '../../sync/filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../../sync/memory-telemetry.ts';
import { fillDisk, skipSmallDisk, smallDisk } from '../small-disk.ts';

const HOST = '127.0.0.1';

/** What a central says of its store that was itself held up while it asked. */
const STOOD_STILL = /it has not answered for 3 s/;

/** A gateway with blocks, as far as a central sees it. */
async function startBox(t: Test): Promise<{ store: FilledStore; address: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
  const store = new FilledStore(dir, 'car', new Random(1));
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: store.db, storeDir: dir },
    status: () => exampleStatus('car'),
  });
  t.teardown(async () => {
    await server.stop();
    store.close();
    rmSync(dir, { recursive: true });
  });
  for (let block = 0; block < 20; block += 1) store.seal('car/speed');
  return { store, address: `${HOST}:${server.port}` };
}

interface Ready {
  readonly status: number;
  readonly body: string;
}

/** A central as a balancer, a scraper and a person see it. */
class SeenCentral {
  readonly process: CaissonProcess;
  /** What the health service told who watches it, in order. */
  readonly watched: string[] = [];
  readonly #url: string;
  readonly #health: Client;

  private constructor(process: CaissonProcess, url: string, grpc: string) {
    this.process = process;
    this.#url = url;
    this.#health = new Client(grpc, credentials.createInsecure());
  }

  static async start(t: Test, ...args: readonly string[]): Promise<SeenCentral> {
    const process = new CaissonProcess(['central', ...args, '--listen', `${HOST}:0`, '--http', `${HOST}:0`]);
    t.teardown(() => process.kill('SIGKILL'));
    const [grpc = ''] = (await process.said('central answers on ')).split(',');
    const central = new SeenCentral(process, await process.said('dashboard '), grpc);
    t.teardown(() => central.#health.close());
    central.#watch();
    return central;
  }

  async ready(): Promise<Ready> {
    const { status, body } = await this.#get('/readyz');
    return { status, body };
  }

  /** The gauge of blocks; undefined where there is none. */
  async blocks(): Promise<number | undefined> {
    const { body } = await this.#get('/metrics');
    const value = /^caisson_store_blocks (\d+)$/m.exec(body)?.[1];
    return value === undefined ? undefined : Number(value);
  }

  async status(): Promise<{ store: { problem?: string; blocks?: number }; problems: { text: string }[] }> {
    return JSON.parse((await this.#get('/api/v1/status')).body);
  }

  async serving(): Promise<string> {
    const { Check } = serviceOf(loadProtos(), HEALTH_SERVICE);
    if (Check === undefined) throw new Error('no health service');
    return new Promise((resolve, reject) => {
      this.#health.makeUnaryRequest(
        Check.path,
        Check.requestSerialize,
        Check.responseDeserialize,
        { service: '' },
        (error, got) => (error === null ? resolve((got as { status: string }).status) : reject(error)),
      );
    });
  }

  #watch(): void {
    const { Watch } = serviceOf(loadProtos(), HEALTH_SERVICE);
    if (Watch === undefined) throw new Error('no health service');
    const { path, requestSerialize, responseDeserialize } = Watch;
    const call = this.#health.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: '' });
    call.on('data', ({ status }: { status: string }) => this.watched.push(status));
    call.on('error', () => {});
  }

  async #get(path: string): Promise<Ready> {
    const answer = await fetch(this.#url + path);
    return { status: answer.status, body: await answer.text() };
  }
}

/** What it is like while the store takes nothing, and that it is ready again by itself with all there is. */
async function goAndReturn(t: Test, central: SeenCentral, store: FilledStore, reason: RegExp, mend: () => unknown) {
  const away = await eventually('it is not ready', async () => {
    const ready = await central.ready();
    // A central that is held up for seconds says first that its store does not answer.
    return ready.status === 503 && reason.test(ready.body) && ready;
  });
  t.match(away.body, reason);
  t.equal(await central.serving(), 'NOT_SERVING');
  t.equal(await central.blocks(), undefined, 'what is not known is no 0');
  const status = await central.status();
  t.match(status.store.problem, reason);
  t.notOk('blocks' in status.store);
  t.ok(status.problems.some(({ text }) => /takes nothing/.test(text)));
  await mend();
  await eventually('it is ready', async () => (await central.ready()).status === 200);
  t.equal(await central.serving(), 'SERVING');
  await eventually('it has all', async () => (await central.blocks()) === store.db.totals.blocks);
  // As often as it says that its store takes nothing: once, and where the machine stood still.
  const said = central.process.stderr.match(/takes nothing.*/g) ?? [];
  t.same(central.watched, ['SERVING', ...said.flatMap(() => ['NOT_SERVING', 'SERVING'])], central.process.stderr);
  t.ok(said.filter((line) => !STOOD_STILL.test(line)).length <= 1, central.process.stderr);
}

t.test('a central whose database is gone is not ready, says why, and is again by itself', async (t) => {
  if (!requireTools(t, 'postgresql')) return;
  const postgres = await PostgresServer.start();
  t.teardown(() => postgres.dispose());
  const { store, address } = await startBox(t);
  const url = await postgres.database();
  const central = await SeenCentral.start(t, '--store', url, '--name', 'hq', '--pull', address);
  await eventually('it has all', async () => (await central.blocks()) === store.db.totals.blocks);
  await postgres.kill();
  await goAndReturn(t, central, store, /PostgreSQL at .*(ECONNREFUSED|terminated)/, () => postgres.startAgain());
});

t.test(
  'a central whose disk is full is not ready, says why, and is again by itself',
  { skip: skipSmallDisk },
  async (t) => {
    const disk = smallDisk(t, 24);
    const { store, address } = await startBox(t);
    const central = await SeenCentral.start(t, '--data', join(disk, 'central'), '--pull', address);
    await eventually('it has all', async () => (await central.blocks()) === store.db.totals.blocks);
    fillDisk(join(disk, 'hog'));
    const filling = setInterval(() => store.seal('car/speed'), 5);
    t.teardown(() => clearInterval(filling));
    await goAndReturn(t, central, store, /full/, () => {
      clearInterval(filling);
      rmSync(join(disk, 'hog'));
    });
  },
);
