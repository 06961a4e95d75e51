import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { defineChannel } from '../../../gateway/channel.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { AskedDefinitions } from '../../../sync/central/asked-definitions.ts';
import { type StorePlace, startCentral } from '../../../sync/central/central.ts';
import type { DestinationsConfig } from '../../../sync/destinations/destination-config.ts';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus } from '../memory-telemetry.ts';
import { testOverEachStore } from './each-store.ts';

const HOST = '127.0.0.1';

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-definitions-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A gateway that changes what goes to a central, and what that central then knows of the channel. */
async function scenario(t: Test, place: StorePlace): Promise<void> {
  const dir = folder(t);
  const box = new FilledStore(dir, 'box', new Random(3));
  t.teardown(() => box.close());
  // What stands before something that came was passed over.
  box.seal('heart', 'number', 10);
  box.seal('speed', 'number', 10);
  const serve = async (destinations: DestinationsConfig) => {
    const telemetry = StoreTelemetry.open(dir);
    const server = await startTelemetryServer({
      ...{ host: HOST, port: 0, telemetry, feed: box.db, storeDir: dir, policy: new DestinationPolicy(destinations) },
      status: () => exampleStatus('box'),
    });
    return { port: server.port, stop: () => server.stop().then(() => telemetry.close()) };
  };
  /** What central has of the heart once as many samples of a channel came; it is stopped then. */
  const pulled = async (port: number, name: string, samples: number) => {
    const central = await startCentral({
      ...place,
      name: 'hq',
      host: HOST,
      port: 0,
      pull: [{ host: HOST, port }],
      version: '1',
    });
    try {
      return await eventually(`${samples} samples of ${name} came, with what is known of it`, async () => {
        const channels = await central.telemetry.channels();
        const channel = channels.find((each) => each.name === name);
        const line = (await central.telemetry.ledger()).find((each) => each.channel === channel?.id);
        if (line === undefined || line.kept < samples || channel?.residency === 'local') return undefined;
        return channels.find((each) => each.name === 'heart') ?? 'none';
      });
    } finally {
      await central.stop();
    }
  };

  const first = await serve({ hq: { except: ['heart'] } });
  t.equal(await pulled(first.port, 'speed', 10), 'none');
  await first.stop();
  box.seal('heart', 'number', 10);
  const second = await serve({ hq: {} });
  t.match(await pulled(second.port, 'heart', 10), { source: 'test', residency: 'any' });
  await second.stop();
}

testOverEachStore(t, 'a channel that may travel from now on is known with its definition', scenario);

t.test('what could not be asked is asked over the next line', async (t) => {
  const defined: string[] = [];
  const definitions = new AskedDefinitions(async (gateway, told) => {
    defined.push(...told.map(({ name }) => `${gateway}/${name}`));
  });
  definitions.note('box', [{ gateway: 'box', name: 'a' }]);
  const asked: (readonly string[])[] = [];
  const failing = { listChannels: () => Promise.reject(new Error('the line is cut')) };
  const end = definitions.attend(failing, 'box');
  await eventually('it was asked in vain', async () => true);
  end();
  definitions.attend(
    {
      async listChannels({ gateway, names }) {
        asked.push(names);
        return names.map((name, i) => ({ ...defineChannel({ name, source: 's' }), id: i + 1, gateway }));
      },
    },
    'box',
  );
  await eventually('it is defined', () => defined.length === 1);
  definitions.note('box', [{ gateway: 'other', name: 'b' }]);
  await eventually('also what comes while the line is open', () => defined.length === 2);
  t.same(defined, ['box/a', 'other/b']);
  t.same(asked, [['a'], ['b']]);
});
