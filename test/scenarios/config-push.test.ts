import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse, stringify } from 'yaml';
import { parseServer } from '../../gateway/commands/server-address.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { freePort } from '../free-port.ts';
import { CaissonProcess, caisson } from '../sync/caisson-process.ts';
import { eventually } from './eventually.ts';

const SECRET = 'hunter2-of-the-box';

/** A box and its central, each a process, and somebody who writes samples into the box all the time. */
interface Stage {
  readonly folder: string;
  readonly config: string;
  readonly data: string;
  readonly server: string;
  box: CaissonProcess;
  readonly box0: { readonly grpc: number; readonly http: number };
  /** Values that were acknowledged. */
  readonly acknowledged: number[];
}

async function stage(t: Test, permission?: string): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-push-'));
  const [http, grpc, lines] = [await freePort(), await freePort(), await freePort()];
  const config = join(folder, 'caisson.yaml');
  const sections = {
    gateway: { id: 'pit-12' },
    store: { dir: 'store', blockAgeSeconds: 1 },
    dashboard: { port: http },
    grpc: { port: grpc },
    ...(permission !== undefined && { destinations: { hq: { config: permission } } }),
    sources: {
      lines: { type: 'http', port: lines, users: [{ name: 'pump', password: SECRET }] },
      box: { type: 'health' },
    },
  };
  writeFileSync(config, `# ${SECRET} in a comment\n${stringify(sections)}`, { mode: 0o640 });
  const box = await startBox(config);
  const data = join(folder, 'central');
  const pull = ['--pull', `127.0.0.1:${grpc}`];
  const central = new CaissonProcess(['central', '--data', data, '--name', 'hq', '--listen', '127.0.0.1:0', ...pull]);
  const [server = ''] = (await central.said('central answers on ')).split(',');
  const acknowledged: number[] = [];
  const made: Stage = { folder, config, data, server, box, box0: { grpc, http }, acknowledged };
  const writing = new AbortController();
  const written = keepWriting(lines, acknowledged, writing.signal);
  t.teardown(async () => {
    writing.abort();
    await written;
    await Promise.all([made.box.kill('SIGKILL'), central.kill('SIGKILL')]);
    rmSync(folder, { recursive: true, force: true });
  });
  await eventually('samples come in', () => acknowledged.length > 3);
  return made;
}

async function startBox(config: string): Promise<CaissonProcess> {
  const box = new CaissonProcess(['run', config]);
  await eventually('the box runs', () => box.stderr.includes('dashboard http://'));
  return box;
}

/** Writes 1, 2, 3 ... until it is stopped; a value that was not acknowledged comes again. */
async function keepWriting(port: number, acknowledged: number[], stop: AbortSignal): Promise<void> {
  const authorization = `Basic ${Buffer.from(`pump:${SECRET}`).toString('base64')}`;
  for (let value = 1; !stop.aborted; ) {
    const reply = await fetch(`http://127.0.0.1:${port}/write`, {
      ...{ method: 'POST', headers: { authorization }, body: `pump n=${value} ${Date.now()}${'000000'}`, signal: stop },
    }).catch(() => undefined);
    if (reply?.status === 204) {
      acknowledged.push(value);
      value += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function push(stage: Stage, offer: string, ...more: readonly string[]) {
  const file = join(stage.folder, 'offer.yaml');
  writeFileSync(file, offer);
  return caisson('fleet', 'push', 'pit-*', '--data', stage.data, '--config', file, '--watch', '6s', ...more);
}

async function statusOf({ box0 }: Stage) {
  const client = new TelemetryClient({ host: '127.0.0.1', port: box0.grpc });
  try {
    return await client.status();
  } finally {
    client.close();
  }
}

/** The status once it tells how a trial ended: it is made once a second. */
function toldOutcome(stage: Stage) {
  return eventually('the outcome is told', async () => {
    const status = await statusOf(stage).catch(() => undefined);
    return status?.config?.last !== undefined && status;
  });
}

/** Every value that was acknowledged is in the store. */
async function requireAll(t: Test, { box0, acknowledged }: Stage): Promise<void> {
  const wanted = [...acknowledged];
  const client = new TelemetryClient({ host: '127.0.0.1', port: box0.grpc });
  const kept = new Set<number>();
  for await (const piece of client.query({ channels: ['pump/n'] })) {
    if ('samples' in piece) for (const value of piece.samples.values as Float64Array) kept.add(value);
  }
  client.close();
  t.same(
    wanted.filter((value) => !kept.has(value)),
    [],
    `all of ${wanted.length} acknowledged samples are kept`,
  );
}

t.test('a config that central offers is tried, and kept where data comes as before', async (t) => {
  const box = await stage(t, 'declared');
  await eventually('central has data of the box', () => existsSync(join(box.data, 'blocks.db')));
  const shown = await caisson('fleet', 'config', 'pit-12', '--data', box.data);
  t.equal(shown.code, 0, shown.stderr);
  t.notMatch(shown.stdout, SECRET, 'what is secret stays on the box');
  const offer = parse(shown.stdout);
  offer.sources.more = { type: 'health', disk: '/' };
  offer.store.blockAgeSeconds = 2;

  await eventually('central knows the box', async () => {
    const dry = await push(box, stringify(offer), '--dry-run');
    if (dry.code === 2) return undefined;
    t.match(dry.stdout, 'pit-12: fits\n');
    t.match(dry.stdout, '  store.blockAgeSeconds  - 1  + 2\n');
    t.match(dry.stdout, '  sources.more.type  + "health"\n');
    t.match(dry.stdout, /source +more +health +this box/);
    return true;
  });
  t.notMatch(readFileSync(box.config, 'utf8'), 'more');

  const before = box.acknowledged.length;
  // A busy machine takes its time until a line is back.
  const pushed = await push(box, stringify(offer), '--watch', '20s');
  t.match(pushed.stdout, 'pit-12: kept\n', pushed.stderr);
  t.equal(pushed.code, 0);
  const kept = readFileSync(box.config, 'utf8');
  t.match(kept, SECRET);
  t.match(parse(kept).sources, { more: { type: 'health' }, lines: { users: [{ password: SECRET }] } });
  t.equal(statSync(box.config).mode & 0o777, 0o640);
  const { config, sources } = await toldOutcome(box);
  t.match(config, { last: { by: 'hq', outcome: 'kept', why: '' } });
  t.ok((config?.last?.downtimeMs ?? 0) > 0, `nothing was taken in for ${config?.last?.downtimeMs} ms`);
  t.ok(sources.some(({ name }) => name === 'more'));
  await eventually('samples come in again', () => box.acknowledged.length > before + 5);
  await requireAll(t, box);
  const log = readFileSync(`${box.config}.trial/audit.log`, 'utf8');
  t.match(log, /"event":"trial begins".*"by":"hq"/);
  t.match(log, /"event":"trial ends: kept"/);
  t.notMatch(log, SECRET);
});

t.test('a config under which a source has no data is taken back, also after a kill', async (t) => {
  const box = await stage(t, 'declared');
  const config = readFileSync(box.config, 'utf8');
  const shown = await caisson('fleet', 'config', 'pit-12', '--data', box.data);
  const offer = parse(shown.stdout);
  // It fits, and its device is not there. It is judged first: whoever writes may be held up for as long as data is watched.
  const gone = { type: 'serial', port: { path: '/dev/caisson-not-there' }, protocol: 'nmea' };
  const broken = stringify({ sources: { box: gone, lines: offer.sources.lines } });
  const pushed = await eventually('central knows the box', async () => {
    const outcome = await push(box, broken);
    return outcome.code === 2 ? undefined : outcome;
  });
  t.equal(pushed.code, 1);
  t.match(pushed.stdout, 'pit-12: returned: source box had data and has none after');
  t.equal(readFileSync(box.config, 'utf8'), config);
  t.match((await toldOutcome(box)).config, { last: { outcome: 'returned', why: /source box had data/ } });
  await requireAll(t, box);

  // Data is watched for longer than it takes to kill the box, however busy the machine is.
  await push(box, broken, '--no-wait', '--watch', '10m');
  await eventually('the trial begins', () => existsSync(`${box.config}.trial/trial.json`));
  await eventually('it runs', async () => (await statusOf(box).catch(() => undefined))?.config?.trial !== undefined);
  await box.box.kill('SIGKILL');
  box.box = await startBox(box.config);
  t.match(box.box.stderr, 'was on trial as the process ended: the old one runs');
  t.equal(readFileSync(box.config, 'utf8'), config);
  t.notOk(existsSync(`${box.config}.candidate`));
  const { config: told, sources } = await statusOf(box);
  t.match(told, { last: { outcome: 'returned', why: 'the process ended during the trial' } });
  t.ok(sources.some(({ name, kind }) => name === 'box' && kind === 'health'));
  const fleet = new TelemetryClient(parseServer(box.server));
  t.teardown(() => fleet.close());
  await eventually('central tells of it', async () => {
    const [seen] = (await fleet.fleet()).boxes;
    return seen?.reasons.some((reason) => reason.startsWith('it took the offered config back'));
  });
  await requireAll(t, box);
});

t.test('a box that was not told to do so shows and changes nothing', async (t) => {
  const box = await stage(t);
  const { code, stderr, stdout } = await caisson('fleet', 'config', 'pit-12', '--data', box.data);
  t.equal(code, 1);
  t.equal(stdout, '');
  t.match(stderr, 'this box does not show or change its config for central hq');
});
