import t from 'tap';
import { TelemetryClient } from '../../sync/api/client.ts';
import { launchChromium, watchedPage } from '../dashboards/browser.ts';
import { recording } from '../data-dir.ts';
import { requireTools } from '../debian.ts';
import { RAV4 } from '../rav4-oracle.ts';
import { DemoChild } from './demo-child.ts';
import { eventually } from './eventually.ts';
import { PageRecord } from './page-record.ts';

/** Speed of the left front wheel, on the first bus, by the DBC that knows most of its frames. */
const WHEEL = 'rav4/can0/WHEEL_SPEEDS/WHEEL_SPEED_FL';

/** Live channels of a bus from which on it is alive, and not an accident. */
const LIVE_MIN = 20;

/** Values of a channel from which on it is more than a switch, and worth a chart. */
const VALUES_MIN = 4;

/** How long a busy machine may take until both buses are seen to be alive, milliseconds. */
const MOVING_MS_MAX = 120_000;

t.test('a recording of a real car plays as a source, and both of its buses are live', async (t) => {
  const folder = recording(RAV4);
  if (folder === undefined) {
    t.pass('', { skip: `no recording ${RAV4}` });
    return;
  }
  if (!requireTools(t, 'chromium')) return;
  const demo = await DemoChild.start('--recording', folder);
  const client = new TelemetryClient(demo.gateway);
  const browser = await launchChromium();
  t.teardown(async () => {
    await browser.close();
    client.close();
    await demo.interrupt();
  });

  const names = await eventually('channels of both buses', async () => {
    const found = (await client.listChannels()).filter(({ source, type }) => source === 'rav4' && type !== 'text');
    const paths = found.map(({ name }) => name);
    return paths.includes(WHEEL) && ['can0', 'can1'].every((bus) => ofBus(paths, bus).length >= LIVE_MIN) && paths;
  });

  const moving = await movingOf(client, names);
  const [car = [], aids = []] = ['can0', 'can1'].map((bus) => ofBus([...moving.keys()], bus));
  t.ok(car.length >= LIVE_MIN, `${car.length} channels of can0 move`);
  t.ok(aids.length >= LIVE_MIN, `${aids.length} channels of can1 move`);

  const { page, requests } = await watchedPage(browser);
  const record = new PageRecord(page);
  const [busiest = ''] = aids.toSorted((a, b) => (moving.get(b) ?? 0) - (moving.get(a) ?? 0));
  const charted = [WHEEL, busiest];
  await page.goto(`${demo.url}?c=${charted.join('&c=')}`);
  for (const channel of charted) {
    await page.locator(`[data-chart="${channel}"]`).waitFor();
    await eventually(`${channel} moves on the page`, () => {
      return new Set(record.shown(channel).map(({ value }) => value)).size >= VALUES_MIN;
    });
  }
  const source = await eventually('the source plays in real time', async () => {
    const { sources } = await client.status();
    return sources.find(({ name, state, rate }) => name === 'rav4' && state === 'running' && rate > 1000);
  });
  t.equal(source.dropped, 0);
  t.same(
    requests.filter((request) => new URL(request).host !== new URL(demo.url).host),
    [],
  );
});

function ofBus(names: readonly string[], bus: string): string[] {
  return names.filter((name) => name.startsWith(`rav4/${bus}/`));
}

/** Channels of which more than one value comes, as they are seen to, with how many values that were. */
async function movingOf(client: TelemetryClient, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const enough = new AbortController();
  const limit = setTimeout(() => enough.abort(), MOVING_MS_MAX);
  const values = new Map<number, Set<number | string>>();
  const moving = new Map<string, number>();
  const isAlive = (bus: string) => {
    const live = ofBus([...moving.keys()], bus);
    return live.length >= LIVE_MIN && live.some((name) => (moving.get(name) ?? 0) >= VALUES_MIN);
  };
  try {
    for await (const batch of client.subscribe({ channels: names, rateMax: 10 }, enough.signal)) {
      for (const { channel, value } of batch) {
        const seen = values.get(channel) ?? new Set();
        values.set(channel, seen.add(value));
        if (seen.size > 1) moving.set(names[channel] ?? '', seen.size);
      }
      if (['can0', 'can1'].every(isAlive)) break;
    }
  } finally {
    clearTimeout(limit);
  }
  return moving;
}
