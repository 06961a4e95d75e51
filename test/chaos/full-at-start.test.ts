import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { StoreHost } from '../../gateway/store-host.ts';
import { freePort } from '../free-port.ts';
import { fillDisk, skipSmallDisk, smallDisk } from '../gateway/small-disk.ts';
import { MAIN } from '../main-script.ts';
import { eventually } from '../scenarios/eventually.ts';

/** Room for a journal and its spare segments, and little more. */
const DISK_MIB = 64;

const ANSWER_MS_MAX = 2000;

/** `caisson run`, with what it said and what its dashboard answers. */
class Gateway {
  readonly #port: number;
  readonly #child: ChildProcess;
  /** With all that it said. */
  readonly ended: Promise<number | null>;
  said = '';

  private constructor(t: Test, dir: string, port: number) {
    this.#port = port;
    const folder = mkdtempSync(join(tmpdir(), 'caisson-full-'));
    const path = join(folder, 'caisson.yaml');
    writeFileSync(path, stringify({ store: { dir }, dashboard: { port }, grpc: { port: 0 } }));
    this.#child = spawn(process.execPath, [MAIN, 'run', path], { stdio: ['ignore', 'inherit', 'pipe'] });
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    t.teardown(async () => {
      this.#child.kill('SIGKILL');
      await this.ended;
      rmSync(folder, { recursive: true });
    });
  }

  /** The port is chosen here, because the dashboard moves from one thread to another. */
  static async start(t: Test, dir: string): Promise<Gateway> {
    return new Gateway(t, dir, await freePort());
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What the dashboard answers; undefined where there is none. */
  async get(path: string): Promise<{ status: number; body: string } | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#port}${path}`, {
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      return { status: answer.status, body: await answer.text() };
    } catch {
      // The dashboard that waited for the store is gone, and the one with the store is not there yet.
      return undefined;
    }
  }

  /** The body of an answer, asked for again where a machine that stood still kept it from coming in time. */
  body(path: string): Promise<string> {
    return eventually(`${path} is answered`, async () => (await this.get(path))?.body);
  }

  /** Ends it in good order. */
  stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.ended;
  }
}

async function makeStore(dir: string): Promise<void> {
  const host = await StoreHost.open({
    dir,
    gateway: undefined,
    commitFloorMs: 1,
    blockAgeSeconds: 60,
    onProblem: () => {},
  });
  const { id } = host.intake.channel({ name: 'a', source: 'test' });
  host.intake.push(id, host.clock.now(), 1);
  await host.stop();
}

const cases = [
  { name: 'a store that is to be made', prepare: async () => {} },
  { name: 'a store that is there', prepare: makeStore },
];

for (const { name, prepare } of cases) {
  t.test(
    `on a full disk with ${name} a gateway stays, says why, and begins when there is room`,
    { skip: skipSmallDisk },
    async (t) => {
      const disk = smallDisk(t, DISK_MIB);
      const dir = join(disk, 'store');
      await prepare(dir);
      fillDisk(join(disk, 'hog'));
      const gateway = await Gateway.start(t, dir);
      const waiting = await eventually('the dashboard says why', async () => {
        if (!gateway.isRunning) throw new Error(`it ended:\n${gateway.said}`);
        const answer = await gateway.get('/readyz');
        // Until the first attempt has failed it only says that the store is not open.
        return answer?.status === 503 && answer.body !== 'the store is not open\n' && answer;
      });
      t.match(waiting.body, /store cannot be opened: .*(full|ENOSPC|no space)/i);
      t.match(JSON.parse(await gateway.body('/api/v1/status')), {
        boot: '',
        problems: [{ text: /full|ENOSPC/ }],
      });
      t.same(JSON.parse(await gateway.body('/api/v1/channels')), { channels: [] });
      rmSync(join(disk, 'hog'));
      await eventually('the gateway is ready', async () => (await gateway.get('/readyz'))?.status === 200);
      await eventually('it says that it runs', () => /gateway \S+ runs/.test(gateway.said));
      t.equal(await gateway.stop(), 0);
    },
  );
}

t.test('a gateway that waits for room ends when it is told to', { skip: skipSmallDisk }, async (t) => {
  const disk = smallDisk(t, DISK_MIB);
  fillDisk(join(disk, 'hog'));
  const gateway = await Gateway.start(t, join(disk, 'store'));
  await eventually('it waits', () => gateway.said.includes('waits for the store'));
  t.equal(await gateway.stop(), 0);
  t.match(gateway.said, /stopped before the store could be opened/);
});

t.test('a store that another process has open is no reason to wait', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-taken-'));
  const host = await StoreHost.open({
    dir,
    gateway: undefined,
    commitFloorMs: 1,
    blockAgeSeconds: 60,
    onProblem: () => {},
  });
  const gateway = await Gateway.start(t, dir);
  await eventually('it ended', () => !gateway.isRunning);
  await gateway.ended;
  t.match(gateway.said, /another process has this store open/);
  await host.stop();
  rmSync(dir, { recursive: true });
});
