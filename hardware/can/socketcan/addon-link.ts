import { FRAME_BYTES_MAX, FRAME_ERROR, FRAME_EXTENDED, FRAME_FD, FRAME_REMOTE, FrameBatch } from '../can-frame.ts';
import type { AddonChannel, AddonMessage, SocketcanAddon } from './addon.ts';
import { type FrameLink, type FrameLinkEvents, linuxFilter, type SocketcanSettings } from './frame-link.ts';
import { MissingFrames } from './missing-frames.ts';

/** Frames handed on at once at most. The addon gives up to 101 in one turn of the event loop. */
const BATCH_FRAMES = 128;
const CLASSIC_BYTES_MAX = 8;

/**
 * Reads an interface through the npm package `socketcan`. It says neither which short frames are CAN FD nor what the
 * kernel dropped, and leaves the receive buffer as it is; drops are found by comparing with the interface's counter.
 */
export class AddonLink implements FrameLink {
  readonly #channel: AddonChannel;
  readonly #events: FrameLinkEvents;
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  readonly #missing: MissingFrames | undefined;
  readonly #interfaceIndex: number;
  #taken = 0;
  #isOver = false;
  #handOver: NodeJS.Immediate | undefined;

  /** Throws where there is no such interface. A channel is never started twice: the package does not survive it. */
  constructor(addon: SocketcanAddon, settings: SocketcanSettings, interfaceIndex: number, events: FrameLinkEvents) {
    this.#events = events;
    this.#interfaceIndex = interfaceIndex;
    // With a filter, what was not wanted would be missing too.
    this.#missing = settings.filters === undefined ? new MissingFrames() : undefined;
    this.#channel = addon.createRawChannelWithOptions(settings.name, { timestamps: true, non_block_send: true });
    if (settings.filters !== undefined) this.#channel.setRxFilters(settings.filters.map(linuxFilter));
    this.#channel.addListener('onMessage', (message) => this.#take(message));
    this.#channel.addListener('onStopped', () => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#flush();
      events.lost(`${settings.name} went down or away`);
    });
    this.#channel.start();
  }

  get taken(): number {
    return this.#taken;
  }

  compare(received: number, taken: number): void {
    const missing = this.#missing?.compare(received, taken) ?? 0;
    if (missing > 0) this.#events.dropped(missing);
  }

  close(): Promise<void> {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#channel.stop();
    }
    clearImmediate(this.#handOver);
    return Promise.resolve();
  }

  #take({ id, ext, rtr, err, data, ts_sec: seconds, ts_usec: micros }: AddonMessage): void {
    if (this.#isOver) return;
    const length = Math.min(data.length, FRAME_BYTES_MAX);
    const flags =
      (err === true ? FRAME_ERROR : ext === true ? FRAME_EXTENDED : 0) |
      (rtr === true ? FRAME_REMOTE : 0) |
      (length > CLASSIC_BYTES_MAX ? FRAME_FD : 0);
    if (err !== true) this.#taken += 1;
    const time = seconds === undefined || micros === undefined ? Number.NaN : seconds * 1e6 + micros;
    this.#batch.add(id, flags, data, 0, length, time);
    this.#batch.interfaces[this.#batch.count - 1] = this.#interfaceIndex;
    if (this.#batch.full) this.#flush();
    else this.#handOver ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    clearImmediate(this.#handOver);
    this.#handOver = undefined;
    if (this.#batch.count > 0) this.#events.frames(this.#batch, 0, this.#batch.count);
    this.#batch.clear();
  }
}
