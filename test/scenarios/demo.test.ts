import process from 'node:process';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import type { GatewayStatus } from '../../gateway/status.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { launchChromium, tracedShare, type WatchedPage, watchedPage } from '../dashboards/browser.ts';
import { frameRateOf, frameRateText } from '../dashboards/frame-rate.ts';
import { requireTools } from '../debian.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { DemoChild } from './demo-child.ts';
import { eventually } from './eventually.ts';
import { PageRecord, type ShownSample } from './page-record.ts';
import { processes } from './process-tree.ts';
import { faultsOf, Qos1Publisher } from './qos1-publisher.ts';

/** Samples a second of one car, and by how much a second may differ: faults silence units, and a rate is a mean. */
const CAR_RATE_HZ = 25_000;
const RATE_TOLERANCE = 0.06;

/** Strictly rising within a lap, so that a value is a moment; stamped on arrival. */
const DISTANCE = 'car1/chassis/LapInfo/LapDistance';
/** Stamped by its device: its times mean the same whenever they are read. */
const TYRE = 'car1/tyres/fl/zone01';
const SPEED = 'car1/gnss/speed';

/** A block of a slow channel is sealed a minute after its first sample, and pulled then. */
const CENTRAL_LIMIT_MS = 240_000;

/** Seconds of history a page asks for. */
const SPAN_S = 60;

/** For so long, microseconds, a busy machine may keep a source from bringing anything. */
const HELD_UP_US = 10e6;

/** What a source may count without having met anything wrong, once: an adapter refuses to close what is not open. */
const HARMLESS = ['refused'];
/** And when it opens an adapter that somebody left speaking: a line of which it hears only the end. */
const HARMLESS_MIDWAY = [...HARMLESS, 'unknown-line', 'bad-id', 'bad-length', 'bad-hex'];

t.test('the demo runs a car through gateway, central and page, over a kill of the gateway', async (t) => {
  if (!requireTools(t, 'chromium')) return;
  const demo = await DemoChild.start();
  const gateway = new TelemetryClient(demo.gateway);
  const central = new TelemetryClient(demo.central);
  const browser = await launchChromium();
  t.teardown(async () => {
    await browser.close();
    gateway.close();
    central.close();
    await demo.interrupt();
  });

  await t.test('all five sources take in a whole car, and nothing is lost', async (t) => {
    const status = await eventually('the rate of a car', async () => {
      const found = await gateway.status();
      return Math.abs(rateOf(found) / CAR_RATE_HZ - 1) < RATE_TOLERANCE && found;
    });
    t.comment(`${Math.round(rateOf(status))} samples a second`);
    t.same(
      status.sources.map(({ name, kind, state }) => [name, kind, state]),
      [
        ['mqtt', 'mqtt', 'running'],
        ['car1-powertrain', 'can', 'running'],
        ['car1-chassis', 'can', 'running'],
        ['car1-gnss', 'serial', 'running'],
        ['box', 'health', 'running'],
      ],
    );
    loseNothing(t, status);
  });

  await t.test('central holds the same samples as the gateway', async (t) => {
    const channels = await gateway.listChannels();
    const fastest = channels.reduce((a, b) => ((b.rateHz ?? 0) > (a.rateHz ?? 0) ? b : a));
    for (const { name } of [fastest, ...channels.filter(({ name }) => name === DISTANCE)]) {
      const fiveSeconds = async () => {
        const from = (await firstSamples(gateway, name))[0]?.time ?? 0;
        const range = { channels: [name], from, to: from + 5e6 };
        return { here: await samplesOf(gateway, range), there: await samplesOf(central, range).catch(() => []) };
      };
      // Asked again of both: times are read anew when a better clock is known.
      const isThere = async () => {
        const { here, there } = await fiveSeconds();
        return there.length >= here.length && there[0]?.time === here[0]?.time;
      };
      await eventually(`central has ${name}`, isThere, CENTRAL_LIMIT_MS);
      const { here, there } = await fiveSeconds();
      // A second in which a busy machine held up the demo has none.
      t.ok(here.length > 50, `${here.length} samples of ${name}`);
      t.same(there, here, name);
    }
  });

  const watched = await watchedPage(browser);
  const { page, requests, complaints, record } = await openPage(watched, demo.url);

  await t.test('the page has all there is of the last minute at once', async (t) => {
    for (const channel of [DISTANCE, TYRE, SPEED]) {
      const { history, now } = await eventually(`history of ${channel}`, () => record.history(channel));
      const [first] = await firstSamples(gateway, channel);
      const wanted = Math.max(now - SPAN_S * 1e6, first?.time ?? Number.NaN);
      const begin = history.from + (history.index[0] ?? Number.NaN) * history.columnUs;
      const end = history.from + ((history.index.at(-1) ?? Number.NaN) + 1) * history.columnUs;
      t.ok(
        Math.abs(begin - wanted) < HELD_UP_US,
        `${channel}: from ${((begin - wanted) / 1e6).toFixed(2)} s after all there is`,
      );
      t.ok(now - end < HELD_UP_US, `${channel}: to ${((now - end) / 1e6).toFixed(2)} s ago`);
    }
    const drawn = await eventually('the chart is drawn', async () => {
      const share = await tracedShare(page, DISTANCE);
      return share > 0.05 && share;
    });
    const age = (await gateway.status().then(({ now, startedAt }) => (now - startedAt) / 1e6)) - 1;
    t.ok(
      drawn > 0.85 * Math.min(1, age / SPAN_S) - 0.05,
      `${(drawn * 100).toFixed(0)} % drawn after ${age.toFixed(0)} s`,
    );
  });

  await t.test('what the page shows moves, and is what tail says and what is stored', async (t) => {
    await watchText(page, DISTANCE);
    const seen = Object.fromEntries([DISTANCE, TYRE].map((name) => [name, record.shown(name).length]));
    const tail = new CaissonProcess([
      'tail',
      ...[DISTANCE, TYRE, '--rate', '60', '--json'],
      ...['--server', `${demo.gateway.host}:${demo.gateway.port}`],
    ]);
    const shownOf = (name: string) =>
      new Map(
        record
          .shown(name)
          .slice(seen[name])
          .map(({ time, value }) => [time, value]),
      );
    const toldByBoth = (name: string) => {
      const lines = tail.stdout.slice(0, tail.stdout.lastIndexOf('\n') + 1).trimEnd();
      const told =
        lines === '' ? [] : lines.split('\n').map((line) => JSON.parse(line) as ShownSample & { channel: string });
      const shown = shownOf(name);
      return told.filter(({ channel, time }) => channel === name && shown.has(time));
    };
    await eventually('page and tail have both told of many samples, and the page shows them', async () => {
      if (tail.child.exitCode !== null) throw new Error(`tail ended: ${tail.stderr}`);
      const isTold = (name: string) => toldByBoth(name).length > 20 && new Set(shownOf(name).values()).size > 5;
      return [DISTANCE, TYRE].every(isTold) && (await textsOf(page)).length > 5;
    });
    const { code, stderr } = await tail.kill('SIGINT');
    t.equal(code, 0, stderr);
    for (const name of [DISTANCE, TYRE]) {
      const both = toldByBoth(name);
      const shown = shownOf(name);
      t.same(
        both.map(({ time }) => shown.get(time)),
        both.map(({ value }) => value),
        'and told the same',
      );
      t.ok(new Set(shown.values()).size > 5, `${new Set(shown.values()).size} values`);
    }
    const texts = await textsOf(page);
    t.ok(texts.length > 5, `${texts.length} texts stood beside the chart`);
    const printed = record.shown(DISTANCE).map(({ value }) => value.toFixed(1));
    t.same(notInOrder(texts, printed), [], 'each is a value that was told, in order');
    await storedAsShown(t, gateway, record, seen);
  });

  await t.test('the charts are drawn at 30 frames a second', async (t) => {
    const rate = await frameRateOf(watched, DISTANCE);
    t.ok(rate.frames >= rate.expected, frameRateText(rate));
  });

  await t.test('a gateway that is killed comes back, and the page goes on by itself', async (t) => {
    const publisher = new Qos1Publisher(demo.mqttPort, 'witness', 10);
    t.teardown(() => publisher.abandon());
    await publisher.nextAck();
    const before = demo.gatewayProcess();
    if (before === undefined) throw new Error('no gateway process');
    const link = page.locator('.link');
    // Whoever was silent for some seconds counts as lost, on a busy machine as well.
    await eventually('the page is live', async () => (await link.textContent()) === 'Live');
    // Noted by the page itself: another gateway may be there before anybody asks.
    await watchNotices(page);
    process.kill(before.pid, 'SIGKILL');
    await eventually('the page says that its gateway is gone', async () => {
      const notices = await noticesOf(page);
      return ['Gateway not reached', /^(Disconnected|Connecting)$/].every((words) =>
        notices.some((text) => text.match(words)),
      );
    });
    const seen = Object.fromEntries([DISTANCE, TYRE].map((name) => [name, record.shown(name).length]));
    const last = { told: record.shown(TYRE).at(-1)?.time ?? 0, text: (await textsOf(page)).at(-1) };

    await eventually('another gateway runs', () => {
      const now = demo.gatewayProcess();
      return now !== undefined && now.pid !== before.pid;
    });
    await eventually('the page is live again', async () => (await link.textContent()) === 'Live');
    await eventually('new values', () => (record.shown(TYRE).at(-1)?.time ?? 0) > last.told + 1e6);
    await eventually('a new text', async () => (await textsOf(page)).at(-1) !== last.text);
    await eventually('no alert stays', async () => (await page.getByRole('alert').count()) === 0);
    t.equal(new Set(record.boots).size, 2, 'it speaks to another boot');
    t.match(demo.log, /demo: gateway ended \(SIGKILL\), starting it again/);

    await publisher.finish();
    const status = await eventually('the rate of a car', async () => {
      const found = await gateway.status().catch(() => undefined);
      return found !== undefined && Math.abs(rateOf(found) / CAR_RATE_HZ - 1) < RATE_TOLERANCE && found;
    });
    loseNothing(t, status, HARMLESS_MIDWAY);
    const kept = await samplesOf(gateway, { channels: [publisher.topic], from: 0 });
    const faults = faultsOf(
      publisher.acknowledged,
      kept.map(({ value }) => value),
    );
    t.same(faults, { missing: [], twice: [] }, `${publisher.acknowledged.size} acknowledged messages are there once`);
    await storedAsShown(t, gateway, record, {});
    t.ok(Object.entries(seen).every(([name, count]) => record.shown(name).length > count));
    await eventually('central pulls again', async () => {
      const { sources } = await central.status();
      return sources.every(({ state }) => state === 'running');
    });
  });

  await t.test('the page asked nobody but its own gateway', async (t) => {
    const host = new URL(demo.url).host;
    t.ok(requests.length > 3, `${requests.length} requests`);
    t.same(
      requests.filter((request) => new URL(request).host !== host),
      [],
    );
    // While the gateway is down a browser says so of each attempt, and only of those.
    t.same(
      complaints.filter((complaint) => !/WebSocket connection to .* failed/.test(complaint)),
      [],
    );
  });

  await t.test('Ctrl-C ends every process and takes the folder away', async (t) => {
    const all = demo.processes();
    t.equal(all.length, 3, 'demo, gateway and central');
    t.ok(demo.hasFolder);
    const { code } = await demo.interrupt();
    t.equal(code, 0);
    const alive = new Set(processes().map(({ pid }) => pid));
    t.same(
      all.filter(({ pid }) => alive.has(pid)),
      [],
    );
    t.notOk(demo.hasFolder);
  });
});

/** Opens the Live page on the channels of this test. */
async function openPage(watched: WatchedPage, url: string): Promise<WatchedPage & { record: PageRecord }> {
  const record = new PageRecord(watched.page);
  await watched.page.goto(`${url}?c=${[DISTANCE, TYRE, SPEED].join('&c=')}`);
  await watched.page.locator(`[data-chart="${DISTANCE}"]`).waitFor();
  return { ...watched, record };
}

function rateOf({ sources }: GatewayStatus): number {
  return sources.reduce((sum, { rate }) => sum + rate, 0);
}

function loseNothing(t: Test, { sources, store, ring }: GatewayStatus, harmless = HARMLESS): void {
  for (const { name, errors, dropped } of sources) {
    t.same(
      Object.entries(errors).filter(([reason, count]) => !harmless.includes(reason) || count > 1),
      [],
      `${name}: no errors`,
    );
    t.equal(dropped, 0, `${name}: nothing dropped`);
  }
  t.equal(store.lost, 0, 'nothing lost');
  t.equal(ring.refused, 0, 'nothing refused');
}

type Range = Parameters<TelemetryClient['query']>[0];

async function samplesOf(client: TelemetryClient, range: Range): Promise<ShownSample[]> {
  const found: ShownSample[] = [];
  for await (const piece of client.query(range)) {
    if (!('samples' in piece)) continue;
    const { times, values } = piece.samples;
    for (const [i, time] of times.entries()) found.push({ time, value: Number(values[i]) });
  }
  return found;
}

/** The first samples of a channel, some hundreds at least. */
async function firstSamples(client: TelemetryClient, channel: string): Promise<ShownSample[]> {
  for await (const piece of client.query({ channels: [channel] })) {
    if (!('samples' in piece)) continue;
    const { times, values } = piece.samples;
    return [...times].map((time, i) => ({ time, value: Number(values[i]) }));
  }
  return [];
}

/** Everything the page was told, from the index in `since` on, is stored: by its time, or where times are read anew by its value. */
async function storedAsShown(
  t: Test,
  client: TelemetryClient,
  record: PageRecord,
  since: Readonly<Record<string, number>>,
): Promise<void> {
  const tyre = record.shown(TYRE).slice(since[TYRE] ?? 0);
  const kept = new Map((await samplesOf(client, { channels: [TYRE] })).map(({ time, value }) => [time, value]));
  t.same(
    tyre.filter(({ time, value }) => kept.get(time) !== value),
    [],
    `${TYRE}: ${tyre.length} samples shown are stored under their times`,
  );
  const distance = record.shown(DISTANCE).slice(since[DISTANCE] ?? 0);
  const values = new Set((await samplesOf(client, { channels: [DISTANCE] })).map(({ value }) => value));
  t.same(
    distance.filter(({ value }) => !values.has(value)),
    [],
    `${DISTANCE}: ${distance.length} samples shown are stored`,
  );
}

/** Those of `parts` that `whole` does not have behind the place of the one before. */
function notInOrder<Part>(parts: readonly Part[], whole: readonly Part[]): Part[] {
  let at = 0;
  return parts.filter((part) => {
    const found = whole.indexOf(part, at);
    if (found < 0) return true;
    at = found;
    return false;
  });
}

/** Notes every text that stands as the value of a chart from now on. */
async function watchText(page: Page, channel: string): Promise<void> {
  await page.locator(`[data-chart="${channel}"] .readout-value .number`).evaluate((element) => {
    const scope = globalThis as unknown as {
      texts: string[];
      MutationObserver: new (seen: () => void) => { observe(target: unknown, what: object): void };
    };
    scope.texts = [];
    const note = () => scope.texts.push(element.textContent ?? '');
    new scope.MutationObserver(note).observe(element, { childList: true, characterData: true, subtree: true });
  });
}

function textsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => (globalThis as unknown as { texts: string[] }).texts);
}

/** Notes every text that stands as an alert, or as the state of the link, from the next change on. */
async function watchNotices(page: Page): Promise<void> {
  await page.locator('body').evaluate((body) => {
    const scope = globalThis as unknown as {
      notices: string[];
      MutationObserver: new (seen: () => void) => { observe(target: unknown, what: object): void };
    };
    const root = body as unknown as { querySelectorAll(selector: string): Iterable<{ textContent: string | null }> };
    scope.notices = [];
    const note = () => {
      for (const { textContent } of root.querySelectorAll('[role="alert"], .link')) {
        const text = textContent ?? '';
        if (!scope.notices.includes(text)) scope.notices.push(text);
      }
    };
    new scope.MutationObserver(note).observe(body, { childList: true, characterData: true, subtree: true });
  });
}

function noticesOf(page: Page): Promise<string[]> {
  return page.evaluate(() => (globalThis as unknown as { notices: string[] }).notices);
}
