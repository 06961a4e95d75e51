import type { KeyObject } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { CaissonError } from '../../gateway/errors.ts';
import type { Peer, PullSink } from '../line/pull-line.ts';
import { type CourierHead, CourierOpener, END, KNOWN_BEFORE } from './courier-file.ts';
import { filesOn } from './courier-files.ts';
import { FeedBytes } from './feed-bytes.ts';

export interface CourierReaderParts {
  readonly medium: string;
  /** Name of the central that reads. */
  readonly central: string;
  /** Its private key, X25519. */
  readonly key: KeyObject;
  readonly sink: PullSink;
}

/** What became of one file. */
export interface CourierRead {
  readonly path: string;
  /** `kept` all of it; `foreign` it is for another central and stays as it is; `damaged` what stands before the damage was kept. */
  readonly outcome: 'kept' | 'foreign' | 'damaged';
  /** Samples that were new. */
  readonly samples: number;
  readonly problem?: string;
}

/**
 * Brings all files of a medium into a central's store, each item once, in whatever order media and lines come. A file that goes on where the
 * central stands moves its place in the feed as a line would; any other leaves it, so that nothing in between is taken for had.
 */
export async function* readCourier(parts: CourierReaderParts): AsyncGenerator<CourierRead, void, undefined> {
  for (const path of filesOn(parts.medium)) yield await readCourierFile(parts, path);
}

/** Brings one file, as {@link readCourier} does. Throws what keeping it throws where it may succeed later. */
export async function readCourierFile(
  { central, key, sink }: Omit<CourierReaderParts, 'medium'>,
  path: string,
): Promise<CourierRead> {
  const codec = new FeedBytes();
  const file = openSync(path, 'r');
  let samples = 0;
  try {
    const opener = new CourierOpener((length) => bytesOf(file, length));
    const { head } = opener;
    if (head.central !== central) return { path, outcome: 'foreign', samples };
    const place = await placeOf(sink, head);
    for (const { kind, content } of opener.chunks(key)) {
      if (kind === END) break;
      if (kind === KNOWN_BEFORE && place.goesOn) continue;
      const feed = kind === KNOWN_BEFORE ? `${place.feed} before` : place.feed;
      const kept = await sink.keep(place.peer, { feed, items: codec.decode(content), complete: false });
      samples += kept.samples;
      if (kept.refusal !== undefined) throw kept.refusal.error;
    }
    return { path, outcome: 'kept', samples };
  } catch (error) {
    if (!(error instanceof CaissonError) || error.retryable) throw error;
    return { path, outcome: 'damaged', samples, problem: error.message };
  } finally {
    closeSync(file);
  }
}

/** Under which name a file is kept. */
async function placeOf(
  sink: PullSink,
  { gateway, feed, from }: CourierHead,
): Promise<{ readonly peer: Peer; readonly feed: string; readonly goesOn: boolean }> {
  const peer = { role: 'gateway', gateway } as const;
  const known = await sink.resume(peer);
  const goesOn = known.feed === feed ? from <= known.after : known.feed === '' && from === 0;
  if (goesOn) return { peer, feed, goesOn };
  return { peer: { role: 'central', gateway: `courier of ${gateway}` }, feed: `${feed} ${from}`, goesOn };
}

function bytesOf(file: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(file, bytes, filled, length - filled, null);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}
