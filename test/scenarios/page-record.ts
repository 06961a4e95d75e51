import type { Page } from 'playwright-core';
import { decodeServerFrame, type History } from '../../dashboards/wire.ts';

export interface ShownSample {
  /** UTC, microseconds. */
  readonly time: number;
  readonly value: number;
}

/** Everything a page was told over its live socket; to be made before the page is opened. */
export class PageRecord {
  readonly boots: string[] = [];
  readonly histories: { readonly history: History; readonly now: number }[] = [];
  readonly names = new Map<number, string>();
  readonly #shown = new Map<string, ShownSample[]>();
  #now = Number.NaN;

  constructor(page: Page) {
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => {
        if (typeof payload !== 'string') this.#take(payload);
      });
    });
  }

  /** Newest samples of a channel that the page was told, one a tick at most, in order. */
  shown(channel: string): readonly ShownSample[] {
    return this.#shown.get(channel) ?? [];
  }

  /** The first history of a channel, with the gateway's time shortly before. */
  history(channel: string): { readonly history: History; readonly now: number } | undefined {
    return this.histories.find(({ history }) => this.names.get(history.channel) === channel);
  }

  #take(bytes: Uint8Array): void {
    const frame = decodeServerFrame(bytes);
    if (frame.type === 'hello') {
      this.boots.push(frame.boot);
      this.#now = frame.now;
    } else if (frame.type === 'dictionary') {
      for (const { id, name } of frame.channels) this.names.set(id, name);
    } else if (frame.type === 'history') {
      this.histories.push({ history: frame, now: this.#now });
    } else if (frame.type === 'tick') {
      this.#now = frame.now;
      for (const { channel, count, time, last } of [...frame.charts, ...frame.rows]) {
        if (count === 0) continue;
        const name = this.names.get(channel) ?? '';
        const samples = this.#shown.get(name) ?? [];
        this.#shown.set(name, samples);
        if (samples.at(-1)?.time !== time) samples.push({ time, value: last });
      }
    }
  }
}
