import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { TelemetryClient } from '../../sync/api/client.ts';
import { startCentral } from '../../sync/central/central.ts';
import { freePort } from '../free-port.ts';
import { DBC, RECORDED, SPEEDS, WIRES_AND_TABLES } from '../gateway/commands/recorded-formats.ts';
import { caisson } from '../sync/caisson-process.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';

const HOST = '127.0.0.1';
const SPEED = 'drive/can0/Engine/Speed';
const ALTITUDE = 'gps/altitude';

/** All values of a channel; none where it is not known. */
async function valuesOf(client: TelemetryClient, name: string): Promise<unknown[]> {
  if ((await client.listChannels({ names: [name] })).length === 0) return [];
  const values: unknown[] = [];
  for await (const piece of client.query({ channels: [name], from: 0, to: 2e15 })) {
    if ('samples' in piece) values.push(...piece.samples.values);
  }
  return values;
}

t.test(
  'what is imported on a box reaches central as what it takes in does, once, also from later imports',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-imported-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const port = await freePort();
    const config = {
      gateway: { id: 'box' },
      store: { dir: join(folder, 'gateway') },
      dashboard: { port: 0 },
      grpc: { port },
      sources: { box: { type: 'health' } },
    };
    const file = (name: string, content: string | Uint8Array) => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    };
    const configFile = file('caisson.yaml', stringify(config));
    const drive = file('drive.log', RECORDED.candump?.() ?? '');
    const gps = file('gps.ubx', WIRES_AND_TABLES['NMEA 0183 and UBX']?.make() ?? '');
    const dbc = file('car.dbc', DBC);
    const imported = async (...files: string[]) => {
      const { code, stdout, stderr } = await caisson('import', '--config', configFile, '--dbc', dbc, ...files);
      t.equal(code, 0, stderr);
      return stdout;
    };

    t.match(await imported(drive), /drive\.log \(candump\): 50 units gave/);
    const central = await startCentral({
      ...{ dir: join(folder, 'central'), host: HOST, port: 0, version: 'test' },
      pull: [{ host: HOST, port }],
    });
    const atCentral = new TelemetryClient({ host: HOST, port: central.port });
    t.teardown(async () => {
      atCentral.close();
      await central.stop();
    });
    const arrived = (name: string, count: number) =>
      eventually(`central has ${name}`, async () => (await valuesOf(atCentral, name)).length >= count);

    const first = await GatewayChild.start({ config, folder });
    await arrived(SPEED, SPEEDS.length);
    t.same(await valuesOf(atCentral, SPEED), SPEEDS);
    const refused = await caisson('import', '--config', configFile, gps);
    t.match(refused, { code: 1, stderr: /another process has this store open/ }, 'the store has one writer');
    await first.stop();

    t.match(await imported(drive, gps), /already here/);
    const second = await GatewayChild.start({ config, folder });
    t.teardown(() => second.stop());
    const count = SPEEDS.map((_, n) => n);
    await arrived(ALTITUDE, count.length);
    t.same(await valuesOf(atCentral, ALTITUDE), count);
    t.same(await valuesOf(atCentral, SPEED), SPEEDS, 'and nothing twice');
    const asked = await caisson('query', SPEED, '--csv', '--server', `${HOST}:${central.port}`, '--from', '2000-01-01');
    t.equal(asked.stdout.trim().split('\n').length - 1, SPEEDS.length, asked.stderr);
    t.match(central.status(), { store: { lost: 0 }, problems: [] });
  },
);
