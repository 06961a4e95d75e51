import type { FrameBatch } from '../can-frame.ts';

/** Which frames are wanted, by their identifier: those that equal `id` in all bits of `mask`. */
export interface FrameFilter {
  /** Identifier without flag bits. */
  readonly id: number;
  /** Bits of it that count; without it, all. */
  readonly mask?: number;
  /** Whether identifiers of 29 bits are meant; those of 11 bits otherwise. */
  readonly extended?: boolean;
}

export interface SocketcanSettings {
  /** Name of the interface, such as `can0`. */
  readonly name: string;
  /** Of data and remote frames; what one of them wants is taken. Undefined: all. Error frames always come. */
  readonly filters?: readonly FrameFilter[];
  /** Of the socket, bytes. Linux counts some 750 bytes a frame, and grants no more than `net.core.rmem_max`. */
  readonly receiveBufferBytes: number;
}

/** What a link tells while it is open. Nothing follows `lost`. */
export interface FrameLinkEvents {
  /** Frames `from` to `to - 1` of a batch that is the link's again when the call has returned. */
  frames(batch: FrameBatch, from: number, to: number): void;
  /** The kernel found no room for so many frames in the buffer of the socket. */
  dropped(frames: number): void;
  /** The interface or what reads it is gone. */
  lost(problem: string): void;
}

/** One opening of an interface. */
export interface FrameLink {
  /** Frames that it has given since it was opened, error frames left out; of a link that cannot count drops. */
  readonly taken?: number;
  /**
   * Compares, about once a second, with what the interface has received by its own counter.
   * @param taken as it was before the counter was read, so that nothing is given that the counter does not have
   */
  compare?(received: number, taken: number): void;
  /** Resolves when it is released; no event follows. */
  close(): Promise<void>;
}

/** Opens the interface once. Rejects where that is not possible now; the message says why and what to do. */
export type OpenFrameLink = (events: FrameLinkEvents) => Promise<FrameLink>;

/** Flag of identifiers of 29 bits in Linux (linux/can.h, CAN_EFF_FLAG). */
export const LINUX_EXTENDED = 0x80000000;

/** What Linux matches for a filter: a 29-bit flag in the mask, or a filter for 11 bits passes longer identifiers too. */
export function linuxFilter({ id, mask, extended = false }: FrameFilter): { id: number; mask: number } {
  const all = extended ? 0x1fffffff : 0x7ff;
  return { id: (id | (extended ? LINUX_EXTENDED : 0)) >>> 0, mask: (((mask ?? all) & all) | LINUX_EXTENDED) >>> 0 };
}
