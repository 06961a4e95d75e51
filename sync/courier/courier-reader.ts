import type { KeyObject } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { CaissonError } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { KeepResult, Peer, PullSink } from '../line/pull-line.ts';
import { type CourierEnd, type CourierHead, CourierOpener, decodeEnd, END, KNOWN_BEFORE } from './courier-file.ts';
import { filesOn } from './courier-files.ts';
import { FeedBytes } from './feed-bytes.ts';

const NOTHING_KEPT: KeepResult = { samples: 0 };

export interface CourierReaderParts {
  readonly medium: string;
  /** Name of the central that reads. */
  readonly central: string;
  /** Its private key, X25519. */
  readonly key: KeyObject;
  readonly sink: PullSink;
  /** Told whose file was kept. */
  readonly onKept?: (gateway: string) => void;
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

/** One file that was read, and whose answer it waits for: nobody's of a file for another central, and of one without a head. */
export interface ReadFile {
  readonly read: CourierRead;
  readonly sender?: CourierSender;
}

/** Whose file it was, and what it asks for. */
export interface CourierSender {
  readonly head: CourierHead;
  /** What the answer is sealed with (COURIER-7). */
  readonly answerKey: Uint8Array;
  /** Undefined where the file was not whole. */
  readonly end?: CourierEnd;
}

/**
 * Brings all files of a medium into a central's store, each item once, in whatever order media and lines come. A file that goes on where the
 * central stands moves its place in the feed as a line would; any other leaves it, so that nothing in between is taken for had.
 */
export async function* readCourier(parts: CourierReaderParts): AsyncGenerator<CourierRead, void, undefined> {
  for (const path of filesOn(parts.medium)) yield (await readCourierFile(parts, path)).read;
}

/** Brings one file, as {@link readCourier} does. Throws what keeping it throws where it may succeed later. */
export async function readCourierFile(
  { central, key, sink, onKept }: Omit<CourierReaderParts, 'medium'>,
  path: string,
): Promise<ReadFile> {
  const codec = new FeedBytes();
  const file = openSync(path, 'r');
  let samples = 0;
  let sender: CourierSender | undefined;
  try {
    const opener = new CourierOpener((length) => bytesOf(file, length));
    const { head } = opener;
    if (head.central !== central) return { read: { path, outcome: 'foreign', samples } };
    sender = { head, answerKey: opener.answerKey(key) };
    const asideUpTo = await keptAsideUpTo(sink, head);
    const isPast = asideUpTo !== Number.POSITIVE_INFINITY;
    const keep = async (
      peer: Peer,
      feed: string,
      items: readonly FeedItem[],
      more: { readonly isPast?: boolean } = {},
    ) => {
      const batch = { feed, items, complete: false, ...more };
      const kept = items.length === 0 ? NOTHING_KEPT : await sink.keep(peer, batch);
      samples += kept.samples;
      if (kept.refusal !== undefined) throw kept.refusal.error;
    };
    const aside = { peer: asidePeer(head), feed: `${head.feed} ${head.from}` };
    for (const { kind, content } of opener.chunks(key)) {
      if (kind === END) {
        sender = { ...sender, end: decodeEnd(content) };
        break;
      }
      const items = codec.decode(content);
      if (kind === KNOWN_BEFORE) {
        if (head.from < asideUpTo) await keep(aside.peer, `${aside.feed} before`, items, { isPast });
        continue;
      }
      const isAside = ({ position }: FeedItem) => position <= asideUpTo;
      await keep(aside.peer, aside.feed, items.filter(isAside).filter(standsAlone), { isPast });
      const beyond = items.filter((item) => !isAside(item));
      await keep(peerOf(head), head.feed, beyond);
    }
    onKept?.(head.gateway);
    return { read: { path, outcome: 'kept', samples }, sender };
  } catch (error) {
    if (!(error instanceof CaissonError) || error.retryable) throw error;
    const read = { path, outcome: 'damaged', samples, problem: error.message } as const;
    return { read, ...(sender !== undefined && { sender }) };
  } finally {
    closeSync(file);
  }
}

/**
 * Position up to which the items of a file are kept without moving central's place in the feed: infinite for a file that does not go on where
 * central stands, or has not all that goes there. Of one that does, it is that place: what central should have up to there is looked at all the same, for a store that
 * was set back to an earlier copy of itself has other things at those positions.
 */
async function keptAsideUpTo(sink: PullSink, head: CourierHead): Promise<number> {
  if (head.isPartial) return Number.POSITIVE_INFINITY;
  const known = await sink.resume(peerOf(head));
  if (known.feed === head.feed && head.from <= known.after) return known.after;
  return known.feed === '' && head.from === 0 ? 0 : Number.POSITIVE_INFINITY;
}

/**
 * False for what says something of items before it, which a file out of its turn may not have: a derivation that is shown before its samples
 * are here would hide what was taken in. Since central's place does not move, it comes again in its turn.
 */
function standsAlone({ kind }: FeedItem): boolean {
  return kind !== 'derivation';
}

function peerOf({ gateway }: CourierHead): Peer {
  return { role: 'gateway', gateway };
}

/** As whose feed central keeps what does not move its place in that of the gateway. */
function asidePeer({ gateway }: CourierHead): Peer {
  return { role: 'central', gateway: `courier of ${gateway}` };
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
