import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumPath } from './web-build.ts';

/** Starts Debian's Chromium without any of its own traffic. */
export function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('chromium is not installed');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A page in a context of its own, with all that it asked for and complained about. */
export interface WatchedPage {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly requests: string[];
  readonly complaints: string[];
  /** Ticks with chart records received so far. */
  ticks(): number;
}

export async function watchedPage(
  browser: Browser,
  options: { width?: number; height?: number } = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
  });
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  let ticks = 0;
  context.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => {
    requests.push(socket.url());
    socket.on('framereceived', ({ payload }) => {
      if (typeof payload !== 'string' && payload[0] === 0x84 && payload.readUInt16LE(24) > 0) ticks += 1;
    });
  });
  page.on('console', (message) => {
    // Of a server that is held up for seconds, which the page is right to give up.
    if (message.text().endsWith('WebSocket is closed before the connection is established.')) return;
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.addInitScript(countDraws);
  return { context, page, requests, complaints, ticks: () => ticks };
}

/** Runs in the page: counts how often each canvas is drawn anew. */
function countDraws(): void {
  const scope = globalThis as unknown as { CanvasRenderingContext2D: { prototype: Canvas2d } };
  const { prototype } = scope.CanvasRenderingContext2D;
  const clear = prototype.clearRect;
  prototype.clearRect = function (this: Canvas2d, ...area: number[]) {
    const { dataset } = this.canvas;
    dataset.draws = String(Number(dataset.draws ?? '0') + 1);
    return clear.apply(this, area);
  };
}

interface Canvas2d {
  readonly canvas: { readonly dataset: Record<string, string | undefined> };
  clearRect(...area: number[]): void;
}

/** Times that the chart of a channel has been drawn. */
export async function drawsOf(page: Page, channel: string): Promise<number> {
  const canvas = page.locator(`[data-chart="${channel}"] canvas`);
  return Number((await canvas.getAttribute('data-draws')) ?? '0');
}

/**
 * Share of the pixel columns of a chart, right of its axis, in which something stands out from ground and grid: where the
 * trace is.
 */
export function tracedShare(page: Page, channel: string): Promise<number> {
  return page.locator(`[data-chart="${channel}"] canvas`).evaluate((element) => {
    const canvas = element as unknown as {
      width: number;
      height: number;
      getContext(kind: '2d'): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8ClampedArray } };
    };
    const left = 60;
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(left, 0, width - left, height);
    let traced = 0;
    for (let x = 0; x < width - left; x++) {
      for (let y = 0; y < height; y++) {
        const at = (y * (width - left) + x) * 4;
        const [r = 0, g = 0, b = 0, a = 0] = data.subarray(at, at + 4);
        if (a > 60 && Math.max(r, g, b) - Math.min(r, g, b) > 60) {
          traced += 1;
          break;
        }
      }
    }
    return traced / (width - left);
  });
}

/** Asks until the answer fits, at most for so long; returns the last answer. */
export async function until<Answer>(
  ask: () => Promise<Answer> | Answer,
  fits: (answer: Answer) => boolean,
  limitMs = 120_000,
): Promise<Answer> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (fits(answer) || performance.now() > end) return answer;
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
