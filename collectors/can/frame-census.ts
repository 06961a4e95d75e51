import { FRAME_ERROR, FRAME_EXTENDED, FRAME_REMOTE, type FrameBatch } from '../../hardware/can/can-frame.ts';
import { frameKey } from './dictionary.ts';

/** Identifiers of one interface that are told apart. Frames of further ones are counted in `frames` alone. */
export const CENSUS_IDS_MAX = 65_536;

/** How often each identifier came on one interface. */
export class FrameCensus {
  /** Data frames. */
  frames = 0;
  /** Reports of the controller about errors of the bus. */
  errorFrames = 0;
  /** Data frames by frame key; see {@link frameKey}. */
  readonly byKey = new Map<number, number>();

  /** Counts frame `i` of a batch. */
  count(batch: FrameBatch, i: number): void {
    const flags = batch.flags[i] ?? 0;
    if ((flags & FRAME_ERROR) !== 0) {
      this.errorFrames += 1;
      return;
    }
    if ((flags & FRAME_REMOTE) !== 0) return;
    this.frames += 1;
    const key = frameKey(batch.ids[i] ?? 0, (flags & FRAME_EXTENDED) !== 0);
    const known = this.byKey.get(key);
    if (known !== undefined || this.byKey.size < CENSUS_IDS_MAX) this.byKey.set(key, (known ?? 0) + 1);
  }
}

/** Counts the frames `from` to `to - 1` of a batch by the interface they came from. */
export function countFrames(
  censuses: Map<string, FrameCensus>,
  interfaces: readonly string[],
  batch: FrameBatch,
  from = 0,
  to = batch.count,
): void {
  for (let i = from; i < to; i += 1) {
    const name = interfaces[batch.interfaces[i] ?? 0] ?? '';
    let census = censuses.get(name);
    if (census === undefined) {
      census = new FrameCensus();
      censuses.set(name, census);
    }
    census.count(batch, i);
  }
}
