import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readGatewaysFile } from '../../../gateway/commands/gateways-file.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { startCentral } from '../../../sync/central/central.ts';
import type { GatewaysConfig } from '../../../sync/central/gateways-config.ts';
import { waitFor } from '../../wait-for.ts';
import { caisson } from '../caisson-process.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';

const HOST = '127.0.0.1';

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-gateways-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function read(t: Test, text: string, hasCertificates = true): GatewaysConfig {
  const path = join(folder(t), 'gateways.yaml');
  writeFileSync(path, text);
  return readGatewaysFile(path, hasCertificates);
}

t.test('central pulls over the lines of its config, and remembers what it spent', async (t) => {
  const store = new FilledStore(folder(t), 'car7', new Random(3));
  store.steps(200);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: store.db, storeDir: tmpdir() },
    status: () => exampleStatus('car7'),
  });
  t.teardown(async () => {
    await server.stop();
    store.close();
  });
  const gateways = read(
    t,
    `gateways:
  car7:
    owner: team
    lines:
      - { name: sat, address: 127.0.0.1:1, windows: ['00:00-00:01'], zone: Pacific/Auckland }
      - { name: lte, address: '127.0.0.1:${server.port}', metered: true, budgetBytesPerDay: 2e6 }
`,
  );
  const dir = folder(t);
  const options = { dir, host: HOST, port: 0, pull: [], gateways, name: 'hq', version: '1' };
  let central = await startCentral(options);
  const lte = () => central.status().lines?.find(({ name }) => name === 'lte');
  await waitFor('it has everything', () => {
    return lte()?.why === 'idle' && (central.status().store.blocks ?? 0) >= store.db.totals.blocks;
  });
  await central.stop();
  const spent = lte()?.budgetUsedBytes ?? 0;
  t.ok(spent > 10_000, `${spent} bytes`);
  t.equal(spent, (lte()?.receivedBytes ?? 0) + (lte()?.sentBytes ?? 0), 'all that passed, of the wire');
  central = await startCentral({ ...options, gateways: { gateways: {} } });
  await central.stop();
  central = await startCentral(options);
  t.ok((lte()?.budgetUsedBytes ?? 0) >= spent, 'also after a restart');
  await central.stop();
});

t.test('a line at whose end is another gateway brings nothing, and says who is there', async (t) => {
  const store = new FilledStore(folder(t), 'car8', new Random(4));
  store.seal('speed', 'number', 100);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: store.db, storeDir: tmpdir() },
    status: () => exampleStatus('car8'),
  });
  t.teardown(async () => {
    await server.stop();
    store.close();
  });
  const gateways = read(t, `gateways: { car7: { lines: [{ name: lan, address: '${HOST}:${server.port}' }] } }\n`);
  const pull = [{ host: HOST, port: server.port, name: 'car9' }];
  const central = await startCentral({ ...{ dir: folder(t), host: HOST, port: 0, pull, gateways }, version: '1' });
  t.teardown(() => central.stop());
  const problems = () => central.status().sources.map(({ problem }) => problem ?? '');
  await waitFor('both lines say it', () =>
    problems().every((problem) => problem.includes('is gateway car8, expected')),
  );
  t.match(problems().sort(), [/ expected car9/, /^lan: at the end of lan is gateway car8, expected car7/]);
  t.equal(central.status().store.blocks, 0);
});

const FAULTS = [
  {
    what: 'two lines of one name',
    lines: '[{ name: a, address: b:1 }, { name: a, address: c:1 }]',
    says: /another line is called a/,
  },
  { what: 'a line that leads nowhere', lines: '[{ name: a }]', says: /either an address or/ },
  {
    what: 'a line that is dialled and dials',
    lines: '[{ name: a, address: b:1, reverse: true }]',
    says: /either an address or/,
  },
  {
    what: 'two reverse lines',
    lines: '[{ name: a, reverse: true }, { name: b, reverse: true }]',
    says: /has one reverse line/,
  },
  { what: 'a zone that is none', lines: '[{ name: a, address: b:1, zone: Mars/Olympus }]', says: /no zone known here/ },
  { what: 'a window that is none', lines: "[{ name: a, address: b:1, windows: ['9-17'] }]", says: /windows/ },
  {
    what: 'a budget of nothing',
    lines: '[{ name: a, address: b:1, budgetBytesPerDay: 10 }]',
    says: /budgetBytesPerDay/,
  },
];
for (const { what, lines, says } of FAULTS) {
  t.test(`refuses ${what}, and says where`, async (t) => {
    t.throws(() => read(t, `gateways:\n  car7:\n    lines: ${lines}\n`), { code: 'config-invalid', message: says });
  });
}

t.test('refuses a line over which a gateway would dial in where nothing tells who does', async (t) => {
  const text =
    'gateways:\n  car7:\n    lines:\n      - { name: lan, address: b:1 }\n      - { name: lte, reverse: true }\n';
  t.same(Object.keys(read(t, text).gateways), ['car7'], 'with certificates');
  const path = join(folder(t), 'gateways.yaml');
  writeFileSync(path, text);
  const { code, stderr } = await caisson('central', '--data', folder(t), '--listen', '127.0.0.1:0', '--gateways', path);
  t.equal(code, 1);
  t.match(stderr, /gateways\.car7\.lines\[1\]\.reverse: nobody can dial in here: .* this central has none at 5:31/);
  t.match(stderr, /give --authority, or --identity/);
});
