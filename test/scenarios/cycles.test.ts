import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ListedCycle } from '../../sync/api/list-cycles-call.ts';
import { freePort } from '../free-port.ts';
import { CaissonProcess, caisson } from '../sync/caisson-process.ts';
import { ask } from './both-ends.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';

const ENGINE = 'car/rpm';

/** A car that posts what it measures: what was answered is on disk. */
class PostingCar {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async say(...fields: readonly string[]): Promise<void> {
    const body = fields.map((field) => `car ${field}`).join('\n');
    const { status } = await fetch(`http://127.0.0.1:${this.#port}/write`, { method: 'POST', body });
    if (status !== 204) throw new Error(`answered ${status}`);
  }

  /** Says so often that it is in that lap, with a speed of its engine each time. */
  async drive(lap: number, rpms: readonly number[]): Promise<void> {
    for (const rpm of rpms) await this.say(`lap=${lap}`, `rpm=${rpm}`);
  }
}

async function listed(port: number, name = 'lap'): Promise<ListedCycle[]> {
  return ask(port, async (client) => {
    const cycles: ListedCycle[] = [];
    for await (const cycle of client.cycles({ name, sums: true })) cycles.push(cycle);
    return cycles;
  });
}

function isSummed({ state, sums }: ListedCycle): boolean {
  return state === 'open' || sums.length > 0;
}

/** Cycles, when those that have ended have sums. */
async function allSummed(port: number, name = 'lap'): Promise<ListedCycle[]> {
  return eventually(`every ${name} that has ended is summed`, async () => {
    const cycles = await listed(port, name);
    return cycles.every(isSummed) && cycles;
  });
}

async function samplesIn(port: number, from: number, to: number): Promise<number[]> {
  return ask(port, async (client) => {
    const values: number[] = [];
    for await (const piece of client.query({ channels: [ENGINE], from, to })) {
      if ('samples' in piece) values.push(...piece.samples.values.map(Number));
    }
    return values;
  });
}

/** What a cycle says of itself, without when. */
function told({ number, state, cause, isSeen }: ListedCycle) {
  return [number, state, cause, isSeen];
}

/** A box that takes what a car posts to a port, and makes cycles of it. */
async function boxWith(t: Test, cycles: object) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-cycles-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const port = await freePort();
  const config = {
    gateway: { id: 'box' },
    store: { dir: join(folder, 'data'), blockAgeSeconds: 1 },
    dashboard: { port: 0 },
    grpc: { port: await freePort() },
    cycles,
    sources: { line: { type: 'http', port } },
  };
  return { folder, port, config };
}

t.test('laps outlive kill -9 and a stop, are there once, and are the same at both ends', async (t) => {
  const { folder, port, config } = await boxWith(t, { lap: { trigger: 'value', channel: 'car/lap' } });
  const car = new PostingCar(port);
  const first = await GatewayChild.start({ config, folder });
  await car.drive(6, [1000]);
  await car.drive(7, [3000, 9000, 2000]);
  await car.drive(8, [4000, 5000]);
  await first.kill();

  const second = await GatewayChild.start({ config, folder });
  await car.drive(8, [6000]);
  await car.drive(9, [7000, 7500]);
  await second.stop();

  const third = await GatewayChild.start({ config, folder });
  t.teardown(() => third.kill());
  await car.drive(9, [1]);
  await car.drive(10, [2]);
  const laps = await allSummed(third.grpcPort);
  t.same(laps.map(told), [
    [6, 'aborted', 'began-before', false],
    [7, 'complete', '', true],
    [8, 'aborted', 'unclean-stop', true],
    [8, 'aborted', 'began-before', false],
    [9, 'aborted', 'stopped', true],
    [9, 'aborted', 'began-before', false],
    [10, 'open', '', true],
  ]);
  for (const [i, { from, to }] of laps.entries()) {
    const next = laps[i + 1]?.from ?? Number.POSITIVE_INFINITY;
    t.ok((to ?? Number.POSITIVE_INFINITY) <= next, 'none reaches into the next');
    t.ok((to ?? Number.POSITIVE_INFINITY) > from);
  }
  t.same(
    await samplesIn(third.grpcPort, laps[2]?.from ?? 0, laps[2]?.to ?? 0),
    [4000, 5000],
    'with the last that is known',
  );
  for (const { number, state, from, to, sums } of laps) {
    const sum = sums.find(({ channel }) => channel === ENGINE);
    if (state === 'open') continue;
    const values = await samplesIn(third.grpcPort, from, to ?? 0);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    t.same(
      sum,
      {
        ...{
          channel: ENGINE,
          unit: '',
          count: values.length,
          min: Math.min(...values),
          max: Math.max(...values),
          mean,
        },
        ...{ first: values[0], last: values.at(-1) },
      },
      `lap ${number} is summed as its samples are`,
    );
  }

  const central = new CaissonProcess([
    ...['central', '--data', join(folder, 'central'), '--listen', '127.0.0.1:0'],
    ...['--pull', `127.0.0.1:${third.grpcPort}`],
  ]);
  t.teardown(() => central.kill('SIGKILL'));
  const answers = Number(/:(\d+)/.exec(await central.said('central answers'))?.[1]);
  const there = await eventually('central has every lap', async () => {
    const cycles = await listed(answers);
    return cycles.length === laps.length && cycles.every(isSummed) && cycles;
  });
  t.same(there, laps, 'to the microsecond');

  const server = ['--server', `127.0.0.1:${answers}`];
  const table = await caisson('cycles', 'lap', ...server);
  t.match(table.stdout, /CYCLE +NUMBER +FROM \(UTC\)/);
  t.match(table.stdout, /^lap +7 .* complete +box$/m);
  t.match(table.stdout, /^lap +8 .* aborted +box +unclean-stop$/m);
  const sums = await caisson('cycles', '--sums', ...server);
  t.match(sums.stdout, /^car\/rpm +2 +3000 +9000 +6000 +3000 +9000$|^car\/rpm +\d/m);
  const json = (await caisson('cycles', '--json', ...server)).stdout.trim().split('\n');
  t.same(
    json.map((line) => told(JSON.parse(line))),
    laps.map(told),
  );
  const box = ['--server', `127.0.0.1:${third.grpcPort}`];
  const isWhole = async (lap: string) => {
    const [here, other] = await Promise.all(
      [box, server].map((at) => caisson('ledger', ENGINE, '--cycle', lap, ...at)),
    );
    return here?.code === 0 && here.stdout === other?.stdout && here.stdout;
  };
  t.match(await eventually('both ends say the same of lap 7', () => isWhole('lap:7')), /1 of 1/);
  t.match(await eventually('and of lap 9, of which a part was stopped', () => isWhole('lap:9')), /1 of 1/);
  const statement = "select number, state, max from cycle_sums('lap') where channel = 'car/rpm' order by begins";
  for (const place of [server, ['--store', join(folder, 'central')], ['--store', config.store.dir]]) {
    const rows = (await caisson('sql', statement, '--json', ...place)).stdout.trim().split('\n');
    t.same(
      rows.map((row) => Object.values(JSON.parse(row) as object)),
      laps.flatMap(({ number, state, sums: [...all] }) => {
        const sum = all.find(({ channel }) => channel === ENGINE);
        return sum === undefined ? [] : [[number, state, sum.max]];
      }),
    );
  }
});

t.test('a haul that a kill -9 cut off is told and summed with the next start, and numbers go on', async (t) => {
  const { folder, port, config } = await boxWith(t, {
    haul: { trigger: 'rising', channel: 'car/laden', threshold: 0.5 },
  });
  const truck = new PostingCar(port);
  /** Its load is told once, as it is laden. */
  const haul = async (...rpms: readonly number[]) => {
    await truck.say('laden=0');
    await truck.say('laden=1');
    for (const rpm of rpms) await truck.say(`rpm=${rpm}`);
  };
  const first = await GatewayChild.start({ config, folder });
  await haul(1000, 2000);
  await haul(3000, 4000, 5000);
  await first.kill();

  const second = await GatewayChild.start({ config, folder });
  const [whole, cut, ...others] = await allSummed(second.grpcPort, 'haul');
  t.same(
    [whole, cut].map((each) => each && told(each)),
    [
      [1, 'complete', '', true],
      [2, 'aborted', 'unclean-stop', true],
    ],
  );
  t.same(others, []);
  const sum = cut?.sums.find(({ channel }) => channel === ENGINE);
  t.match(sum, { count: 3, min: 3000, max: 5000, mean: 4000, first: 3000, last: 5000 }, 'to the last that was heard');
  t.same(await samplesIn(second.grpcPort, cut?.from ?? 0, cut?.to ?? 0), [3000, 4000, 5000]);
  const records = await ask(second.grpcPort, async (client) => {
    const texts: string[] = [];
    for await (const piece of client.query({ channels: ['caisson/cycles/haul'] })) {
      if ('samples' in piece) for (const text of piece.samples.values) texts.push(String(text));
    }
    return texts;
  });
  t.ok(
    records.some((text) => text.includes('"state":"aborted"') && text.includes('"cause":"unclean-stop"')),
    'its end is on record',
  );
  await haul(6000);
  await second.stop();

  const third = await GatewayChild.start({ config, folder });
  t.teardown(() => third.kill());
  await haul(7000);
  const hauls = await allSummed(third.grpcPort, 'haul');
  t.same(hauls.map(told), [
    [1, 'complete', '', true],
    [2, 'aborted', 'unclean-stop', true],
    [3, 'aborted', 'stopped', true],
    [4, 'open', '', true],
  ]);
  t.match(
    hauls[2]?.sums.find(({ channel }) => channel === ENGINE),
    { count: 1, max: 6000 },
    'summed at the stop',
  );
});

t.test('a table of a lap is at central before the lap is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-cycles-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const port = await freePort();
  const config = {
    gateway: { id: 'box' },
    store: { dir: join(folder, 'data'), blockAgeSeconds: 86_400 },
    dashboard: { port: 0 },
    grpc: { port: 0 },
    cycles: { lap: { trigger: 'value', channel: 'car/lap' } },
    sources: { line: { type: 'http', port } },
  };
  const car = new PostingCar(port);
  const gateway = await GatewayChild.start({ config, folder });
  t.teardown(() => gateway.kill());
  await car.drive(1, [1000]);
  await car.drive(2, [3000, 9000]);
  await car.drive(3, [5000]);
  const central = new CaissonProcess([
    ...['central', '--data', join(folder, 'central'), '--listen', '127.0.0.1:0'],
    ...['--pull', `127.0.0.1:${gateway.grpcPort}`],
  ]);
  t.teardown(() => central.kill('SIGKILL'));
  const answers = Number(/:(\d+)/.exec(await central.said('central answers'))?.[1]);
  const laps = await eventually('central has a whole lap', async () => {
    const cycles = await listed(answers);
    return cycles.some((cycle) => cycle.state === 'complete' && isSummed(cycle)) && cycles;
  });
  t.same(laps.map(told), [
    [1, 'aborted', 'began-before', false],
    [2, 'complete', '', true],
    [3, 'open', '', true],
  ]);
  const sum = laps[1]?.sums.find(({ channel }) => channel === ENGINE);
  t.match(sum, { count: 2, min: 3000, max: 9000, mean: 6000 });
  t.same(await samplesIn(answers, 0, Number.MAX_SAFE_INTEGER), [], 'and of its samples none');
});
