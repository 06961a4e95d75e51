import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseTime } from '../../../gateway/commands/time-text.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { courierKey } from '../../../sync/courier/courier-key.ts';
import { CaissonProcess, caisson } from '../../sync/caisson-process.ts';
import { FilledStore } from '../../sync/filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../../sync/memory-telemetry.ts';
import { waitFor } from '../../wait-for.ts';

const HOST = '127.0.0.1';

/** A server over a store with the channel `speed` of 1000 samples and the channel `words`. */
async function serve(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-ask-'));
  const store = new FilledStore(dir, 'box', new Random(5));
  store.seal('words', 'text', 5);
  store.seal('speed', 'number', 1000);
  const telemetry = StoreTelemetry.open(dir);
  const { id } = telemetry.channel('speed');
  const samples = [...telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)].flatMap(({ times, values }) =>
    [...times].map((time, i) => ({ time, value: values[i] })),
  );
  const status = { ...exampleStatus(), now: samples.at(-1)?.time ?? 0 };
  const server = await startTelemetryServer({
    host: HOST,
    port: 0,
    telemetry,
    feed: store.db,
    status: () => status,
    storeDir: dir,
  });
  t.teardown(async () => {
    await server.stop();
    telemetry.close();
    store.close();
    rmSync(dir, { recursive: true });
  });
  return { at: `${HOST}:${server.port}`, samples };
}

/** Runs a command in a folder. */
function caissonIn(folder: string, ...args: readonly string[]) {
  return new CaissonProcess(args, ['env', '-C', folder]).ended;
}

t.test('query prints every sample of a range as JSON, CSV and for people', async (t) => {
  const { at, samples } = await serve(t);
  const [from, to] = [samples[100]?.time, samples[900]?.time];
  const range = ['--from', String(from), '--to', String(to), '--server', at];
  const expected = samples.slice(100, 900);
  const json = await caisson('query', 'speed', ...range, '--json');
  t.equal(json.code, 0, json.stderr);
  t.same(
    json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    expected.map((each) => ({ ...each, channel: 'speed' })),
  );
  const csv = await caisson('query', 'speed', ...range, '--csv');
  const rows = csv.stdout
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  t.same(
    rows.map(([time = '', , value]) => ({ time: parseTime(time), value: Number(value) })),
    expected,
  );
  const table = await caisson('query', 'speed', 'words', '--server', at, '--last', '1h');
  t.equal(
    table.stdout.trimEnd().split('\n').length,
    1 + samples.length + 5,
    'the stretch before the present of the server',
  );
});

t.test('sql asks a server that runs', async (t) => {
  const { at, samples } = await serve(t);
  const statement = 'select channel, count(*) as n, max(value) as most from samples where channel = :name';
  const { code, stdout, stderr } = await caisson('sql', statement, '--param', 'name=speed', '--json', '--server', at);
  t.same({ code, stderr }, { code: 0, stderr: '' });
  t.same(JSON.parse(stdout), {
    channel: 'speed',
    n: samples.length,
    most: Math.max(...samples.map(({ value }) => Number(value))),
  });
  t.match(await caisson('sql', 'select', '--server', at), { code: 1, stderr: /incomplete input|syntax/ });
  t.match(await caisson('sql', 'select 1', '--server', at, '--store', '.'), { code: 2, stderr: /not both/ });
});

t.test('query prints an envelope', async (t) => {
  const { at, samples } = await serve(t);
  const range = ['--from', String(samples[0]?.time), '--to', String((samples.at(-1)?.time ?? 0) + 1)];
  const { stdout, code } = await caisson('query', 'speed', ...range, '--pixels', '10', '--json', '--server', at);
  const columns = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { count: number; max: number });
  t.equal(code, 0);
  t.equal(
    columns.reduce((sum, { count }) => sum + count, 0),
    1000,
  );
  t.equal(Math.max(...columns.map(({ max }) => max)), Math.max(...samples.map(({ value }) => Number(value))));
});

t.test('a wrong call ends with 2, a failed one with 1, and both say why', async (t) => {
  const empty = t.testdir({ 'rules.yaml': 'rules:\n  - days: 5\n' });
  const rules = ['--retention', join(empty, 'rules.yaml'), '--retention-plan'];
  // A central makes its folder before it is refused; the others ask at the same time for one that is not there.
  const [none, made] = [join(empty, 'caisson-none'), join(empty, 'caisson-made')];
  const { at } = await serve(t);
  const cases = [
    { args: ['query'], code: 2, says: /missing required argument 'channel'/ },
    { args: ['query', 'speed', '--last', 'long'], code: 2, says: /'long' is no duration/ },
    { args: ['query', 'speed', '--pixels', '0'], code: 2, says: /--pixels is '0'/ },
    { args: ['query', 'speed', '--json', '--csv'], code: 2, says: /not both/ },
    { args: ['query', 'speed', '--server', 'here'], code: 2, says: /'here' is no address/ },
    { args: ['tail', 'speed', '--rate', 'fast'], code: 2, says: /--rate is 'fast'/ },
    { args: ['status', '--wrong'], code: 2, says: /unknown option '--wrong'/ },
    { args: ['central'], code: 2, says: /--data/ },
    { args: ['central', '--data', 'x', '--pull', 'h:1', 'h:2', 'car7@h:1'], code: 2, says: /--pull has h:1 twice/ },
    { args: ['central', '--data', 'x', '--lease', '9'], code: 2, says: /--lease is of a database: give --store/ },
    { args: ['central', '--data', 'x', '--name', ''], code: 2, says: /--name is '', expected letters/ },
    { args: ['central', '--data', 'x', '--name', 'h q/../x'], code: 2, says: /--name is 'h q\/\.\.\/x', expected/ },
    {
      args: ['central', '--store', 'mysql://u:secret@h/d', '--name', 'hq'],
      code: 2,
      says: /'mysql:\/\/\.\.\.@h\/d', expected postgres:/,
    },
    { args: ['central', '--data', 'x', '--gateways', 'none.yaml'], code: 2, says: /--gateways none\.yaml: ENOENT/ },
    { args: ['central', '--data', 'x', '--retention', 'none.yaml'], code: 2, says: /--retention none\.yaml: ENOENT/ },
    { args: ['central', '--data', empty, ...rules], code: 1, says: /has no store: there is no .*blocks\.db/ },
    { args: ['usage', '--json', '--csv'], code: 2, says: /give --json or --csv, not both/ },
    {
      args: ['ledger', '--days', '--against', at, '--server', at],
      code: 2,
      says: /give --days or --against, not both/,
    },
    { args: ['query', 'sped', '--server', at], code: 1, says: /no channel is named sped\n {2}did you mean speed/ },
    { args: ['fetch', 'sped', '--server', at], code: 1, says: /not known here, or not yet: sped\n/ },
    { args: ['ledger', 'sped', '--server', at], code: 1, says: /no channel is named sped/ },
    {
      args: ['status', '--server', 'nowhere.invalid:7443'],
      code: 1,
      says: /is nowhere\.invalid:7443 the right name/,
    },
    {
      args: ['courier', 'read', none, '--server', at],
      code: 1,
      says: /is the medium there\?/,
    },
    {
      args: ['courier', 'read', tmpdir(), '--data', none],
      code: 1,
      says: /caisson-none is no folder of a central/,
    },
    {
      args: ['fleet', 'config', 'car7', '--data', none],
      code: 1,
      says: /caisson-none is no folder of a central/,
    },
    { args: ['status', '--server', `${HOST}:1`], code: 1, says: /127\.0\.0\.1:1: .*\n {2}is anything listening/ },
    {
      args: ['central', '--data', made, '--listen', '0.0.0.0:0'],
      code: 1,
      says: /only loopback/,
    },
  ];
  // A few at a time: each is a process.
  while (cases.length > 0) {
    await Promise.all(
      cases.splice(0, 3).map(async ({ args, code, says }) => {
        const outcome = await caisson(...args);
        t.equal(outcome.code, code, args.join(' '));
        t.match(outcome.stderr, says);
        t.equal(outcome.stdout, '', 'nothing on stdout');
      }),
    );
  }
});

t.test('query ends in good order when its reader has seen enough', async (t) => {
  const { at } = await serve(t);
  const query = new CaissonProcess(['query', 'speed', 'speed', 'speed', 'speed', '--last', '1h', '--server', at]);
  query.child.stdout?.once('data', () => query.child.stdout?.destroy());
  const { code, stderr } = await query.ended;
  t.same({ code, stderr }, { code: 0, stderr: '' });
});

t.test('status prints for people, and everything as JSON', async (t) => {
  const { at } = await serve(t);
  const text = await caisson('status', '--server', at);
  t.match(text.stdout, /^gateway box, Caisson 9\.8\.7\n/);
  t.match(
    text.stdout,
    /source {3}can0: can, waiting; 11 samples\/s, 10 in all; errors: bad-length 12; 13 dropped; no such device\n/,
  );
  const json = await caisson('status', '--server', at, '--json');
  t.match(JSON.parse(json.stdout), { role: 'gateway', ring: { refused: 2 }, problems: [{ text: 'ein Störfall' }] });
});

t.test('tail prints the latest value at once and then every change, until it is interrupted', async (t) => {
  const telemetry = new MemoryTelemetry();
  const { id } = telemetry.add('speed', () => [].values());
  telemetry.commit(id, 1e15, 1);
  const server = await startTelemetryServer({
    host: HOST,
    port: 0,
    telemetry,
    feed: { feed: () => [] },
    status: () => exampleStatus(),
    storeDir: tmpdir(),
  });
  t.teardown(() => server.stop());
  const at = `${HOST}:${server.port}`;
  const tail = new CaissonProcess(['tail', 'speed', '--json', '--rate', '60', '--server', at]);
  await waitFor('the first value', () => tail.stdout.endsWith('\n'));
  telemetry.commit(id, 2e15, 2);
  await waitFor('the second value', () => tail.stdout.split('\n').length === 3);
  const { code, stdout, stderr } = await tail.kill('SIGINT');
  t.same({ code, stderr }, { code: 0, stderr: '' });
  t.same(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [
      { time: 1e15, channel: 'speed', value: 1 },
      { time: 2e15, channel: 'speed', value: 2 },
    ],
  );
  const one = await caisson('tail', 'speed', '--count', '1', '--server', at);
  t.equal(one.stdout, '2033-05-18T03:33:20.000000Z  speed    2\n');
});

t.test('channels lists what there is, as a table and as JSON', async (t) => {
  const { at } = await serve(t);
  const table = await caisson('channels', '--server', at);
  t.equal(table.code, 0, table.stderr);
  const rows = table.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  t.same(
    rows.map(([name, type]) => [name, type]),
    [
      ['CHANNEL', 'TYPE'],
      ['speed', 'number'],
      ['words', 'text'],
    ],
  );
  const some = await caisson('channels', 'SPE', 'd', '--json', '--server', at);
  t.match(
    some.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [{ name: 'speed', gateway: 'box' }],
  );
  t.equal(some.stdout.trimEnd().split('\n').length, 1);
  t.equal((await caisson('channels', 'nowhere', '--json', '--server', at)).stdout, '');
});

t.test(
  'without --server the gateway of the config that is here is asked, whatever its other sections lack',
  async (t) => {
    const { at } = await serve(t);
    const [, port] = at.split(':');
    const folder = mkdtempSync(join(tmpdir(), 'caisson-here-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const config = join(folder, 'caisson.yaml');
    const lacking = 'sources: { plant: { type: mqtt-client, password: "${' + 'NOT_SET_HERE}" } }\n';
    writeFileSync(config, `grpc: { host: 0.0.0.0, port: ${port} }\n${lacking}`);
    for (const command of [
      ['status'],
      ['channels'],
      ['ledger'],
      ['query', 'speed'],
      ['tail', 'speed', '--count', '1'],
    ]) {
      const here = await caissonIn(folder, ...command);
      t.equal(here.code, 0, `${command.join(' ')}: ${here.stderr}`);
      t.not(here.stdout, '', command.join(' '));
    }
    t.equal((await caisson('channels', '--config', config)).code, 0, 'from elsewhere as well');
    const other = await caissonIn(folder, 'status', '--server', `${HOST}:1`);
    t.match(other.stderr, /127\.0\.0\.1:1: /, '--server goes before');
    writeFileSync(config, 'grpc: { port: many }\n');
    const broken = await caissonIn(folder, 'status');
    t.match(broken, {
      code: 1,
      stderr: /does not fit\ngrpc\.port: .*many.* at 1:15\n.*--server HOST:PORT/s,
    });
    const none = await caisson('status', '--config', join(folder, 'none.yaml'));
    t.match(none, { code: 2, stderr: /none\.yaml/ });
  },
);

t.test('what waits for a central, or finds nothing to bring it, says so', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-waits-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const central = join(dir, 'central');
  courierKey(central);
  const medium = join(dir, 'medium');
  mkdirSync(medium);
  const read = await caisson('courier', 'read', medium, '--data', central);
  t.match(read, { code: 0, stdout: '', stderr: /no courier files are on .*medium/ });
  const asked = new CaissonProcess(['fleet', 'config', 'car7', '--data', central]);
  t.match(await asked.said('car7: '), /^waiting for the central of that folder/);
  t.equal((await asked.kill('SIGTERM')).code, 1);
});
