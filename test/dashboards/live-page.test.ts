import type { Browser, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { type Dashboard, startDashboard } from '../../dashboards/server/dashboard.ts';
import { encodeBegin, encodeEnd } from '../../gateway/analysis/cycles/cycle-channels.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { requireTools } from '../debian.ts';
import { freePort } from '../free-port.ts';
import { drawsOf, launchChromium, tracedShare, until, watchedPage } from './browser.ts';
import { type FakeChannel, FakeTelemetry, fakeStatus, utcNow } from './fake-telemetry.ts';
import { frameRateOf, frameRateText } from './frame-rate.ts';
import { builtWeb } from './web-build.ts';

const CHANNELS: readonly FakeChannel[] = [
  {
    definition: { name: 'car/speed', unit: 'km/h', decimals: 1 },
    rateHz: 100,
    value: (s) => 150 + 100 * Math.sin(s / 3),
  },
  {
    definition: { name: 'car/engine/rpm', unit: 'rpm', decimals: 0 },
    rateHz: 200,
    value: (s) => 8000 + 3000 * Math.sin(s * 2),
  },
  { definition: { name: 'car/engine/still_pressure', unit: 'bar', decimals: 1 }, rateHz: 50, value: () => 4.2 },
  { definition: { name: 'car/seconds', decimals: 0 }, rateHz: 10, value: (s) => Math.floor(s) % 10_000 },
  {
    definition: { name: 'car/mode', type: 'enum', labels: { 0: 'wet', 1: 'race' } },
    rateHz: 10,
    value: (s) => Math.floor(s / 2) % 2,
  },
  { definition: { name: 'car/lights', type: 'bool' }, rateHz: 10, value: () => 1 },
  { definition: { name: 'car/radio', type: 'text' }, rateHz: 5, value: () => '<b>box</b> & “go”' },
];

interface Stage {
  readonly telemetry: FakeTelemetry;
  readonly url: string;
  start(): Promise<Dashboard>;
}

/** A dashboard over channels that move in real time, on a port that stays the same over restarts. */
async function stage(t: Test, channels = CHANNELS, changes: Partial<GatewayStatus> = {}): Promise<Stage> {
  const telemetry = new FakeTelemetry(channels, utcNow() - 70e6);
  // Second by second, so that it is known how often each channel speaks.
  for (let second = 70; second >= 0; second -= 1) telemetry.advance(utcNow() - second * 1e6);
  const timer = setInterval(() => telemetry.advance(utcNow()), 20);
  t.teardown(() => clearInterval(timer));
  const webRoot = await builtWeb();
  const port = await freePort();
  const start = async () => {
    const status = () => fakeStatus(utcNow(), changes);
    const dashboard = await startDashboard({
      host: '127.0.0.1',
      port,
      telemetry,
      status,
      isStale: telemetry.isStale,
      webRoot,
      utcNow,
    });
    t.teardown(() => dashboard.stop());
    return dashboard;
  };
  return { telemetry, url: `http://127.0.0.1:${port}/`, start };
}

const hasChromium = requireTools(t, 'chromium');
const browser = hasChromium ? await launchChromium() : undefined;
t.teardown(() => browser?.close());

/** A test that needs Chromium; skipped, with the reason told above, where it is not installed. */
function inBrowser(name: string, run: (t: Test, browser: Browser) => Promise<void>): void {
  if (browser !== undefined) t.test(name, (t) => run(t, browser));
}

/** Of a gateway with two centrals, one of which is behind. */
function syncStatus(now: number): Partial<GatewayStatus> {
  const counts = { connections: 3, failures: 1, receivedBytes: 5e6, sentBytes: 9e4, gateway: 'team', heard: now };
  const pace = { bytesPerS: 250_000, roundTripMs: 60, queueMs: 12, windowBytes: 20_000, quantumBytes: 4_000 };
  const behind = { positions: 900, bytes: 12_500_000, since: now - 120e6, bytesPerS: 120_000, caughtUpS: 90 };
  return {
    lines: [
      { ...counts, name: 'lan', state: 'dead', why: '10.0.0.5:7444: connection refused', metered: false },
      {
        ...{ ...counts, name: 'lte', state: 'in-use', why: 'steady', metered: true, pace },
        ...{ budgetBytes: 200_000_000, budgetUsedBytes: 5_000_000 },
      },
    ],
    destinations: [
      { name: 'team', position: 100, proven: true, refused: {}, told: now - 4e6, behind },
      { name: 'maker', position: 1_000, proven: false, refused: {}, behind: { positions: 0, bytes: 0, caughtUpS: 0 } },
    ],
  };
}

const row = (channel: string) => `[data-channel="${channel}"]`;

/** The channels that the tree shows as stale and tells the age of, at one moment. */
function staleRows(page: Page): Promise<{ channel: string | null; age: string | null | undefined }[]> {
  return page.locator('[data-channel].is-stale').evaluateAll((rows) =>
    rows
      .map((each) => ({
        channel: each.getAttribute('data-channel'),
        age: each.querySelector('.row-age')?.textContent,
      }))
      .filter(({ age }) => age !== ''),
  );
}

inBrowser(
  'the page shows live values, asks nobody but its own server and has nothing to complain about',
  async (t, browser) => {
    const { telemetry, url, start } = await stage(t);
    await start();
    const { page, context, requests, complaints } = await watchedPage(browser);
    await page.goto(url);
    const value = page.locator(`${row('car/seconds')} .row-value`);
    await value.waitFor();
    const first = await until(
      () => value.textContent(),
      (text) => text !== '',
    );
    const later = await until(
      () => value.textContent(),
      (text) => text !== first,
    );
    t.not(later, first, 'the value moves');
    for (let i = 0; i < 3; i++) {
      // Both are asked each time: a page that is held up may pass a value over.
      const both = async () => ({ shown: await value.textContent(), told: String(telemetry.latest(4)?.value) });
      const { shown, told } = await until(both, (found) => found.shown === found.told);
      t.equal(shown, told, 'and is what the store says');
    }
    t.equal(await page.locator(`${row('car/speed')} .row-unit`).textContent(), 'km/h');
    t.match(await page.locator(`${row('car/speed')} .row-value`).textContent(), /^\d+\.\d$/);
    t.match(await page.locator(`${row('car/mode')} .row-value`).textContent(), /^(wet|race)$/);
    t.equal(await page.locator(`${row('car/lights')} .row-value`).textContent(), 'on');
    t.equal(
      await page.locator(`${row('car/radio')} .row-value`).textContent(),
      '<b>box</b> & “go”',
      'text is shown as text',
    );
    t.match(
      await until(
        () => page.locator('.newest .fact-value').textContent(),
        (text) => /ms ago/.test(text ?? ''),
      ),
      /ms ago/,
    );
    const origin = new URL(url).host;
    t.ok(requests.length > 3, `${requests.length} requests`);
    t.same(
      requests.filter((request) => new URL(request).host !== origin),
      [],
    );
    t.same(complaints, []);
    await context.close();
  },
);

inBrowser('60 s of history are there at once, for charts that were chosen because they move', async (t, browser) => {
  const { url, start } = await stage(t);
  await start();
  const { page, context } = await watchedPage(browser);
  await page.goto(url);
  await page.locator('[data-chart="car/speed"]').waitFor();
  await until(
    () => tracedShare(page, 'car/speed'),
    (found) => found > 0.5,
  );
  // A server that is held up leaves the right edge empty for a moment. Second by second, without a history, the rest would take longer.
  const share = await until(
    () => tracedShare(page, 'car/speed'),
    (found) => found > 0.95,
    15_000,
  );
  t.ok(share > 0.95, `${(share * 100).toFixed(0)} % of the chart is drawn soon after first something is`);
  const order = await page
    .locator('[data-chart]')
    .evaluateAll((cards) => cards.map((card) => card.getAttribute('data-chart')));
  t.same(order.slice(0, 2), ['car/speed', 'car/engine/rpm']);
  t.match(page.url(), 'c=car/speed&c=car/engine/rpm');
  await context.close();
});

inBrowser('charts are drawn, and told, at least 30 times a second', async (t, browser) => {
  const { url, start } = await stage(t);
  await start();
  const watched = await watchedPage(browser, { width: 900, height: 500 });
  const { page, context } = watched;
  await page.goto(`${url}?c=car/speed&c=car/engine/rpm`);
  await until(
    () => drawsOf(page, 'car/speed'),
    (draws) => draws > 5,
  );
  const rate = await frameRateOf(watched, 'car/speed');
  t.ok(rate.frames >= rate.expected, frameRateText(rate));
  // A second begins and ends between two ticks.
  t.ok(rate.ticks >= rate.expected - 1, frameRateText(rate));
  await context.close();
});

inBrowser(
  'a server that goes is told at once, and when it is back the page goes on and fills what it missed',
  async (t, browser) => {
    const { telemetry, url, start } = await stage(t);
    const first = await start();
    const { page, context } = await watchedPage(browser);
    await page.goto(`${url}?c=car/speed&w=10`);
    await until(
      () => tracedShare(page, 'car/speed'),
      (share) => share > 0.9,
    );
    first.stop();
    const alert = page.getByRole('alert');
    await alert.waitFor();
    t.match(await alert.textContent(), 'Gateway not reached');
    await until(
      () => page.locator(`${row('car/speed')}.is-stale`).count(),
      (count) => count === 1,
    );
    t.equal(await page.locator('[data-chart="car/speed"].is-stale').count(), 1, 'every value is marked as old');
    await until(
      () => tracedShare(page, 'car/speed'),
      (share) => share < 0.85,
    );
    await start();
    await alert.waitFor({ state: 'detached' });
    const value = page.locator(`${row('car/seconds')} .row-value`);
    // Both are asked each time: the value moves on.
    const both = async () => ({ shown: await value.textContent(), told: String(telemetry.latest(4)?.value) });
    const { shown, told } = await until(both, (found) => found.shown === found.told);
    t.equal(shown, told);
    const share = await until(
      () => tracedShare(page, 'car/speed'),
      (found) => found > 0.95,
    );
    t.ok(share > 0.95, `${(share * 100).toFixed(0)} % of the last 10 s are drawn, the outage included`);
    await context.close();
  },
);

inBrowser(
  'a channel that goes quiet turns stale by itself and tells its age, its gap stays a gap',
  async (t, browser) => {
    const { telemetry, url, start } = await stage(t);
    await start();
    const { page, context } = await watchedPage(browser);
    await page.goto(`${url}?c=car/speed&w=10`);
    await until(
      () => tracedShare(page, 'car/speed'),
      (share) => share > 0.95,
    );
    telemetry.silence('car/speed', true);
    // As long as the server is not heard everything is stale.
    const stale = await until(
      () => staleRows(page),
      (found) => found.length === 1,
    );
    t.equal(stale.length, 1, 'none but the one that is silent');
    t.match(stale[0], { channel: 'car/speed', age: /^\d+(\.\d)? s$/ });
    telemetry.silence('car/speed', false);
    await page.locator(`${row('car/speed')}:not(.is-stale)`).waitFor();
    await page.waitForTimeout(500);
    const share = await tracedShare(page, 'car/speed');
    t.ok(share < 0.9, `${(share * 100).toFixed(0)} % of the chart is drawn: no line over the gap`);
    await context.close();
  },
);

inBrowser(
  'the keyboard finds and charts a channel, the address keeps the view, space holds it still',
  async (t, browser) => {
    const { url, start } = await stage(t);
    await start();
    const { page, context } = await watchedPage(browser);
    await page.goto(`${url}?c=car/speed`);
    await page.locator('[data-chart="car/speed"]').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('eng rp');
    t.match(await page.locator('[role=treeitem]').first().textContent(), 'rpm');
    await page.keyboard.press('Enter');
    await page.locator('[data-chart="car/engine/rpm"]').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.keyboard.press('1');
    await page.waitForURL((address) => address.search === '?c=car/speed&c=car/engine/rpm&w=10');

    const other = await context.newPage();
    await other.goto(page.url());
    await other.locator('[data-chart="car/engine/rpm"]').waitFor();
    t.equal(await other.locator('[data-chart]').count(), 2);
    t.equal(await other.locator('.segments .is-chosen').textContent(), '10 s');
    await other.close();

    await page.bringToFront();
    await until(
      () => tracedShare(page, 'car/speed'),
      (share) => share > 0.95,
    );
    await page.keyboard.press(' ');
    t.equal(await linkText(page, 'Paused'), 'Paused');
    const image = () =>
      page
        .locator('[data-chart="car/speed"] canvas')
        .evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
    const later = async () => {
      const before = await image();
      await page.waitForTimeout(400);
      return { before, after: await image() };
    };
    // More than once: the last drawing may just come, and the banner of a server that is not heard moves the charts.
    const { before: still, after } = await until(later, (found) => found.before === found.after, 20_000);
    t.ok(after === still, 'nothing moves');
    await page.keyboard.press(' ');
    t.ok((await until(image, (now) => now !== still)) !== still, 'it goes on');
    await page.locator('[data-chart="car/engine/rpm"]').focus();
    await page.keyboard.press('Delete');
    await page.locator('[data-chart="car/engine/rpm"]').waitFor({ state: 'detached' });
    t.match(page.url(), /\?c=car\/speed&w=10$/);
    await context.close();
  },
);

inBrowser('sources and problems open from the strip and close with Escape', async (t, browser) => {
  const { url, start } = await stage(t);
  await start();
  const { page, context } = await watchedPage(browser);
  await page.goto(`${url}?c=car/speed`);
  const problems = page.getByRole('button', { name: '1 problem' });
  await problems.click();
  t.match(await page.locator('.problem-list').textContent(), 'tyres: no device has published yet');
  await page.keyboard.press('Escape');
  await page.locator('.problem-list').waitFor({ state: 'detached' });
  t.ok(await problems.evaluate((button) => button.matches(':focus')), 'the focus is back on the button');
  await page.locator('.sources-button').click();
  const table = page.getByRole('table', { name: 'Sources' });
  t.match(await table.getByRole('row', { name: 'car' }).textContent(), /2 dlc-shortframe 1d0 has 3 bytes/);
  t.match(await table.getByRole('row', { name: 'tyres' }).textContent(), /waiting.*no device has published yet/);
  await page.locator('.search input').click();
  await table.waitFor({ state: 'detached' });
  await context.close();
});

/** What the page says of its connection, when it says so; a server that was not heard for a moment comes before all else. */
function linkText(page: Page, expected: string): Promise<string | null> {
  return until(
    () => page.locator('.link').textContent(),
    (text) => text === expected,
  );
}

/** Laps of 20, 15 and 18 s, and one that is open. Returns when each begins. */
function pushLaps(telemetry: FakeTelemetry, now: number): number[] {
  const { id } = telemetry.channel('caisson/cycles/lap');
  const begins = [61, 41, 26, 8].map((ago) => now - ago * 1e6);
  for (const [i, from] of begins.entries()) {
    const cycle = { number: i + 1, label: '', from, isSeen: i > 0 };
    const before = { ...cycle, number: i, from: begins[i - 1] ?? 0, isSeen: i > 1, to: from };
    const isWhole = i > 1;
    const end = {
      ...before,
      state: isWhole ? 'complete' : 'aborted',
      cause: isWhole ? undefined : 'began-before',
    } as const;
    const texts = [...(i > 0 ? [encodeEnd(end)] : []), encodeBegin(cycle, 'car/lap')];
    telemetry.push(id, Array(texts.length).fill(from), texts);
  }
  return begins;
}

inBrowser(
  'laps open from the strip with the best one marked, and a click shows one in the charts',
  async (t, browser) => {
    const records = { definition: { name: 'caisson/cycles/lap', type: 'text' }, rateHz: 0, value: () => '' } as const;
    const cycles = [{ name: 'lap', channel: 'car/lap', open: '4' }];
    const { telemetry, url, start } = await stage(t, [...CHANNELS, records], { cycles });
    // In the middle of a second: whether a sample lies just before or behind decides nothing.
    const [, , third = 0, fourth = 0] = pushLaps(telemetry, (Math.floor(utcNow() / 1e6) - 0.5) * 1e6);
    await start();
    for (const width of [1440, 390]) {
      const { page, context } = await watchedPage(browser, { width });
      await page.goto(`${url}?c=car/speed&c=car/seconds`);
      await until(
        () => tracedShare(page, 'car/speed'),
        (share) => share > 0.95,
      );
      await page.getByTitle('Show the table').click();
      const table = page.getByRole('table', { name: 'lap' });
      const rows = table.locator('tbody tr');
      await rows.first().waitFor();
      const texts = (await rows.allTextContents()).map((text) => text.replace(/\d\d:\d\d:\d\d/, ' '));
      t.match(texts, [
        /^4 [\d:]+\.\d{3}open$/,
        /^3 18\.000\+3\.000complete$/,
        /^2 15\.000bestcomplete$/,
        /^1 20\.000aborted: began-before$/,
      ]);
      t.equal(texts.length, 4);
      await table.getByRole('button', { name: '3', exact: true }).click();
      await table.waitFor({ state: 'detached' });
      await page.locator('.link-paused').waitFor();
      t.equal(await linkText(page, 'lap 3'), 'lap 3');
      t.equal(await page.locator('.toolbar .segments .is-chosen').count(), 0, 'no window of the last moments is shown');
      await until(
        () => tracedShare(page, 'car/speed'),
        (share) => share > 0.95,
      );
      const [first = 0, last = 0] = [third, fourth].map((begin) => Math.floor(begin / 1e6));
      const seconds = Array.from({ length: last - first + 1 }, (_, i) => (first + i) % 10_000);
      const [least, greatest] = [Math.min(...seconds), Math.max(...seconds)];
      if (width > 700) {
        const readout = page.locator('[data-chart="car/seconds"] .readout');
        const shown = await until(
          () => readout.textContent(),
          (text) => new RegExp(`min\\W*${least}`).test(text ?? ''),
        );
        t.match(shown, new RegExp(`min\\W*${least}max\\W*${greatest}$`), 'with what the lap has');
      }
      const address = page.url();
      t.match(address, `&from=${third}&to=${fourth}&title=lap%203`);
      const other = await context.newPage();
      await other.goto(address);
      await other.locator('.link-paused').waitFor();
      t.equal(await linkText(other, 'lap 3'), 'lap 3', 'the address tells which lap it is');
      t.equal(other.url(), address);
      await other.close();
      await page.bringToFront();
      await page.keyboard.press('2');
      await page.locator('.link-live').waitFor();
      t.equal(await page.locator('.toolbar .segments .is-chosen').textContent(), '1 min');
      t.notMatch(page.url(), 'from=');
      await context.close();
    }
  },
);

inBrowser('how blocks reach each central opens from the strip', async (t, browser) => {
  const { url, start } = await stage(t, CHANNELS, syncStatus(utcNow()));
  await start();
  for (const width of [1440, 390]) {
    const { page, context, complaints } = await watchedPage(browser, { width, height: 800 });
    await page.goto(`${url}?c=car/speed`);
    const button = page.locator('.sync .sources-button');
    await button.click();
    t.match(await button.textContent(), '12.5 MB behind');
    const table = page.getByRole('table', { name: 'Centrals' });
    const rowOf = async (name: string) => (await table.getByRole('row', { name }).textContent()) ?? '';
    t.match(await rowOf('team'), /lan: dead, .*refused.*lte: in use, steady, carries 250 kB\/s/);
    t.match(await rowOf('team'), /12\.5 MB\d+ min120 kB\/sin 90 s195 MB.* ago, signed/);
    t.match(await rowOf('maker'), /not heard of.*0 B.*up to date.*none yet/);
    t.same(complaints, []);
    await context.close();
  }
});

inBrowser('no value is cut in a chart, however narrow its panel', async (t, browser) => {
  const channels: readonly FakeChannel[] = [
    { definition: { name: 'pump/angle', unit: 'deg' }, rateHz: 20, value: (s) => -51.4233712 - Math.sin(s) },
    { definition: { name: 'pump/position', unit: 'deg', decimals: 9 }, rateHz: 20, value: () => -121.123456789 },
    { definition: { name: 'pump/memory', unit: 'B', decimals: 0 }, rateHz: 20, value: () => 83_532_283_904 },
  ];
  const { url, start } = await stage(t, channels);
  await start();
  for (const width of [800, 1440, 390]) {
    const { page, context } = await watchedPage(browser, { width, height: 700 });
    await page.goto(`${url}?c=pump/angle&c=pump/position&c=pump/memory`);
    const number = (name: string) => page.locator(`[data-chart="pump/${name}"] .number`);
    await until(
      () => number('angle').textContent(),
      (text) => text !== '',
    );
    t.match(await number('angle').textContent(), /^\u22125\d\.\d{3}$/);
    t.equal(await number('position').textContent(), '\u2212121.123456789');
    t.equal(await number('memory').textContent(), '83.5');
    t.equal(await page.locator('[data-chart="pump/memory"] .unit').textContent(), 'GB');
    const cut = await page
      .locator('.readout')
      .evaluateAll((boxes) => boxes.filter((box) => box.scrollWidth > box.clientWidth + 1).length);
    t.equal(cut, 0, `${width} pixels wide`);
    await context.close();
  }
});

inBrowser('the theme that was chosen is kept', async (t, browser) => {
  const { url, start } = await stage(t);
  await start();
  const { page, context } = await watchedPage(browser);
  await page.goto(url);
  const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
  await page.emulateMedia({ colorScheme: 'light' });
  t.equal(
    await until(ground, (colour) => colour === 'rgb(233, 236, 240)'),
    'rgb(233, 236, 240)',
    'light, as the system prefers',
  );
  await page.locator('.theme-switch select').selectOption('sunlight');
  t.equal(await ground(), 'rgb(255, 255, 255)');
  await page.reload();
  t.equal(await ground(), 'rgb(255, 255, 255)');
  await context.close();
});

inBrowser('five thousand channels cost no more rows than the screen shows', async (t, browser) => {
  const many = Array.from({ length: 5000 }, (_, i) => ({
    definition: { name: `plant/line_${i % 50}/sensor_${i}` },
    rateHz: 0.5,
    value: () => i,
  }));
  const { url, start } = await stage(t, [...CHANNELS, ...many]);
  await start();
  const { page, context, complaints } = await watchedPage(browser);
  await page.goto(`${url}?c=car/speed`);
  await page.locator('[data-chart="car/speed"]').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('sensor_4711');
  const value = page.locator(`${row('plant/line_11/sensor_4711')} .row-value`);
  await value.waitFor();
  t.equal(
    await until(
      () => value.textContent(),
      (text) => text !== '',
    ),
    '4711',
  );
  await page.keyboard.press('Escape');
  const rows = await page.locator('[role=treeitem]').count();
  t.ok(rows > 10 && rows < 80, `${rows} rows`);
  t.same(complaints, []);
  await context.close();
});

inBrowser('on a phone the charts have the screen and the channels come on demand', async (t, browser) => {
  const { url, start } = await stage(t);
  await start();
  const { page, context } = await watchedPage(browser, { width: 390, height: 844 });
  await page.goto(url);
  await page.locator('[data-chart]').first().waitFor();
  t.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'nothing sticks out');
  t.notOk(await page.getByRole('tree').isVisible());
  await page.getByRole('button', { name: 'Channels' }).click();
  await page.locator(row('car/lights')).click();
  await page.getByRole('button', { name: 'Close channels' }).click();
  await page.locator('[data-chart="car/lights"]').waitFor();
  const sizes = await page
    .locator('button:visible')
    .evaluateAll((buttons) => buttons.map((button) => button.getBoundingClientRect().height));
  t.ok(Math.min(...sizes) >= 40, `the smallest button is ${Math.min(...sizes)} px high`);
  await context.close();
});
