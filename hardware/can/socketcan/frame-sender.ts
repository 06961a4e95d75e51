import { Buffer } from 'node:buffer';
import { FRAME_BRS, FRAME_EXTENDED, FRAME_FD, FRAME_REMOTE } from '../can-frame.ts';
import type { AddonChannel, SocketcanAddon } from './addon.ts';

/** A filter that nothing passes: inverted, with a mask of no bits. */
const NOTHING = { id: 0, mask: 0, invert: true };
const CLASSIC_BYTES_MAX = 8;

/** Sends onto an interface through the npm package `socketcan`. Its socket hears nothing and is closed by the garbage collector. */
export class FrameSender {
  readonly #channel: AddonChannel;

  /** Throws where there is no such interface. */
  constructor(addon: SocketcanAddon, name: string) {
    this.#channel = addon.createRawChannelWithOptions(name, { timestamps: false, non_block_send: true });
    this.#channel.setRxFilters([NOTHING]);
    this.#channel.setErrorFilters(0);
  }

  /** False where the frame could not be taken. */
  send(id: number, flags: number, data: Uint8Array): boolean {
    const isFd = (flags & FRAME_FD) !== 0;
    if (!isFd && data.length > CLASSIC_BYTES_MAX) return false;
    const message = {
      id,
      ext: (flags & FRAME_EXTENDED) !== 0,
      rtr: (flags & FRAME_REMOTE) !== 0,
      fd_brs: (flags & FRAME_BRS) !== 0,
      data: Buffer.from(data),
    };
    return (isFd ? this.#channel.sendFD(message) : this.#channel.send(message)) > 0;
  }
}
