import { performance } from 'node:perf_hooks';
import type { Browser } from 'playwright-core';
import t, { type Test } from 'tap';
import { startDashboard } from '../../dashboards/server/dashboard.ts';
import type { Attention, Fleet, FleetBox } from '../../gateway/fleet.ts';
import { requireTools } from '../debian.ts';
import { launchChromium, until, watchedPage } from './browser.ts';
import { FakeTelemetry, fakeStatus, utcNow } from './fake-telemetry.ts';
import { builtWeb } from './web-build.ts';

/** Boxes of a large fleet. */
const BOXES = 500;

/** The page asks again after so long, milliseconds. */
const LOOK_MS = 5000;

const hasChromium = requireTools(t, 'chromium');
let browser: Browser;
t.before(async () => {
  if (hasChromium) browser = await launchChromium();
});
t.teardown(() => browser?.close());

const REASONS: Readonly<Record<Attention, readonly string[]>> = {
  act: ['no line for 7 h: the other end closed the connection', '3 of 12 sources wait: can0, gps, plc'],
  watch: ['its clock is not synchronised'],
  good: [],
};

function box(i: number): FleetBox {
  const attention = i < 4 ? 'act' : i < 30 ? 'watch' : 'good';
  const now = utcNow();
  return {
    gateway: `pit-${String(i).padStart(3, '0')}`,
    attention,
    reasons: REASONS[attention],
    line: { state: attention === 'act' ? 'waiting' : 'running', kind: 'reverse', place: `pit-${i}, dialling in` },
    heard: now - 8e6,
    newest: now - (attention === 'act' ? 7 * 3600e6 : 12e6),
    behind: { positions: attention === 'act' ? 9000 : 0, bytes: attention === 'act' ? 84_000_000 : 0 },
    gaps: i % 7,
    lost: i % 7 === 0 ? 0 : 1234 * i,
    lostToday: 0,
    version: i % 50 === 7 ? '0.9.0' : '1.2.0',
    certificate: { expires: now + 200 * 86_400e6 },
    clock: { source: attention === 'watch' ? 'none' : 'gnss', aheadUs: 1200 },
    disk: { rung: 'none', usedBytes: 4.2e9, limitBytes: 1e10, roomBytes: 2e10, isOverWearBudget: false },
    sources: { count: 12, waiting: attention === 'act' ? ['can0', 'gps', 'plc'] : [], staleChannels: 0 },
    refused: 0,
  };
}

async function serve(t: Test, fleet?: () => Promise<Fleet>): Promise<string> {
  const telemetry = new FakeTelemetry([], utcNow() - 60e6);
  const dashboard = await startDashboard({
    ...{ host: '127.0.0.1', port: 0, telemetry, isStale: () => false, webRoot: await builtWeb(), utcNow },
    status: () => ({ ...fakeStatus(utcNow()), role: 'central' }),
    ...(fleet !== undefined && { fleet }),
  });
  t.teardown(() => dashboard.stop());
  return `http://127.0.0.1:${dashboard.port}`;
}

t.test('shows 500 boxes at once, those that need attention first, and finds one', { skip: !hasChromium }, async (t) => {
  const boxes = Array.from({ length: BOXES }, (_, i) => box(i));
  const url = await serve(t, async () => ({ central: 'hq', now: utcNow(), boxes }));
  const { context, page, requests, complaints } = await watchedPage(browser);
  t.teardown(() => context.close());
  const began = performance.now();
  await page.goto(`${url}/fleet.html`);
  const rows = page.locator('.fleet-table tbody tr');
  t.equal(
    await until(
      () => rows.count(),
      (count) => count === BOXES,
    ),
    BOXES,
  );
  const shownMs = performance.now() - began;
  t.comment(`${BOXES} boxes shown after ${shownMs.toFixed(0)} ms`);
  const asked = requests.filter((request) => request.includes('/api/'));
  t.same([...new Set(asked)], [`${url}/api/v1/fleet`], 'one request tells all');
  t.ok(asked.length <= 1 + Math.floor((performance.now() - began) / LOOK_MS), `asked ${asked.length} times`);
  t.match(await rows.first().textContent(), /^pit-000no line for 7 h: the other end closed the connection3 of 12/);
  const folder = process.env.CAISSON_SCREENSHOTS;
  if (folder !== undefined) await page.screenshot({ path: `${folder}/fleet.png` });

  await page.getByRole('searchbox').fill('0.9.0');
  t.equal(
    await until(
      () => rows.count(),
      (count) => count === 10,
    ),
    10,
  );
  t.match(page.url(), /\?q=0\.9\.0$/);
  await page.getByRole('searchbox').fill('');
  await page.getByRole('button', { name: /act now/ }).click();
  t.equal(
    await until(
      () => rows.count(),
      (count) => count === 4,
    ),
    4,
  );
  if (folder !== undefined) await page.screenshot({ path: `${folder}/fleet-act.png` });
  await page.reload();
  t.equal(
    await until(
      () => rows.count(),
      (count) => count === 4,
    ),
    4,
    'the address keeps the filter',
  );
  t.same(complaints, []);
});

t.test(
  'says that there is no news where central does not answer, and keeps what it showed',
  { skip: !hasChromium },
  async (t) => {
    let answers = true;
    const url = await serve(t, async () => {
      if (!answers) throw new Error('busy');
      return { central: 'hq', now: utcNow(), boxes: [box(0)] };
    });
    const { context, page } = await watchedPage(browser, { width: 390 });
    t.teardown(() => context.close());
    await page.goto(`${url}/fleet.html`);
    await page.locator('.fleet-table tbody tr').first().waitFor();
    if (process.env.CAISSON_SCREENSHOTS)
      await page.screenshot({ path: `${process.env.CAISSON_SCREENSHOTS}/fleet-phone.png` });
    answers = false;
    await page.getByRole('alert').waitFor();
    t.match(await page.getByRole('alert').textContent(), 'No news from central: it answers 500');
    t.equal(await page.locator('.fleet-table tbody tr').count(), 1);
  },
);

t.test('a gateway has no fleet to tell of', async (t) => {
  const reply = await fetch(`${await serve(t)}/api/v1/fleet`);
  t.equal(reply.status, 404);
});
