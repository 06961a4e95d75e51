import type { KeyObject } from 'node:crypto';
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { syncPath } from '../../gateway/durable-files.ts';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import { CourierSealer, ITEMS, KNOWN_BEFORE } from './courier-file.ts';
import { courierFolder, courierName, filesOf, PART } from './courier-files.ts';
import { FeedBytes } from './feed-bytes.ts';

/** Items of one chunk, and bytes of its packs. */
const CHUNK_ITEMS_MAX = 256;
const CHUNK_BYTES = 1 << 20;

/** What one file is made of. */
export interface CourierFileParts {
  readonly feed: { feed(after: number, itemsMax: number, bytesMax: number): FeedItem[] };
  /** Id of the feed. */
  readonly feedId: string;
  /** The last boot of the feed at or before a position; empty where there is none. */
  readonly bootAt: (position: number) => string;
  /** What a file must tell before items behind a position can be kept. */
  readonly knownBefore: () => readonly FeedItem[];
  readonly gateway: string;
  readonly central: string;
  /** Its public key, X25519. */
  readonly key: KeyObject;
  /** About how large a file may be. */
  readonly fileBytes: number;
  /** True: the feed is not all of what the central may have. */
  readonly isPartial?: boolean;
  /** True: a file without items is written too, for what it asks. */
  readonly isQuestion?: boolean;
  /** Requests for receipts over a feed up to that position; without it none are asked for. */
  readonly requestsFor?: (to: number) => readonly Uint8Array[];
}

export interface CourierWriterParts extends CourierFileParts {
  /** Position up to which it has everything already. */
  readonly from: number;
  /** Folder of the medium. */
  readonly medium: string;
}

/** One file that is whole. */
export interface WrittenFile {
  readonly name: string;
  readonly items: number;
  readonly bytes: number;
  readonly from: number;
  /** Position of its last item. */
  readonly to: number;
  /** SHA-256. */
  readonly digest: Buffer;
  /** What the central's answer is sealed with. */
  readonly answerKey: Uint8Array;
}

/** What was written. */
export interface CourierWritten {
  readonly files: readonly string[];
  readonly items: number;
  readonly bytes: number;
  /** Position up to which the medium, with what it had before, goes. */
  readonly to: number;
}

/**
 * Writes what a central does not have to a medium, going on behind what is on it already. Each file is there wholly or not at all: it is
 * synced, read back and compared before it gets its name, so that a medium that is pulled out costs the file that was being written.
 * @throws CaissonError `courier-failed` where the medium is full, gone, or gives back other bytes
 */
export function writeCourier(parts: CourierWriterParts): CourierWritten {
  const { medium, gateway, central, feedId } = parts;
  const folder = courierFolder(medium, gateway, central);
  const done: string[] = [];
  let [items, bytes] = [0, 0];
  try {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.endsWith(PART)) rmSync(join(folder, name));
    let after = parts.from;
    for (const { feed, boot, from, to } of filesOf(folder)) {
      if (feed === feedId && from <= after && boot === parts.bootAt(to)) after = Math.max(after, to);
    }
    for (;;) {
      const file = writeCourierFile(parts, folder, after);
      if (file === undefined) return { files: done, items, bytes, to: after };
      done.push(file.name);
      items += file.items;
      bytes += file.bytes;
      after = file.to;
    }
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    const isFull = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
    throw new CaissonError('courier-failed', `${medium}: ${messageOf(cause)}`, {
      cause,
      retryable: true,
      hint: `${done.length} files are whole; ${isFull ? 'another medium takes the rest' : 'the same command goes on behind them'}`,
    });
  }
}

/**
 * One file from behind `after` on, whole or not there; undefined where there is nothing to write.
 * @throws CaissonError `courier-failed`, and what the file system throws
 */
export function writeCourierFile(parts: CourierFileParts, folder: string, after: number): WrittenFile | undefined {
  const { feed, feedId, gateway, central, key, fileBytes, isPartial = false, isQuestion = false } = parts;
  const codec = new FeedBytes();
  const chunkBytes = Math.min(CHUNK_BYTES, fileBytes);
  let next = feed.feed(after, CHUNK_ITEMS_MAX, chunkBytes);
  if (next.length === 0 && !isQuestion) return undefined;
  const sealer = new CourierSealer({ gateway, central, feed: feedId, from: after, isPartial }, key);
  const path = join(folder, `${feedId}-${after}${PART}`);
  const out = openSync(path, 'w', 0o600);
  const hash = createHash('sha256');
  let [bytes, items, to] = [0, 0, after];
  const write = (piece: Uint8Array) => {
    hash.update(piece);
    for (let at = 0; at < piece.length; ) at += writeSync(out, piece, at);
    bytes += piece.length;
  };
  try {
    write(sealer.beginning);
    const before = after === 0 ? [] : parts.knownBefore();
    for (let at = 0; at < before.length; at += CHUNK_ITEMS_MAX) {
      write(sealer.chunk(KNOWN_BEFORE, codec.encode(feedId, before.slice(at, at + CHUNK_ITEMS_MAX))));
    }
    while (next.length > 0 && (items === 0 || bytes < fileBytes)) {
      write(sealer.chunk(ITEMS, codec.encode(feedId, next)));
      items += next.length;
      to = next.at(-1)?.position ?? to;
      next = feed.feed(to, CHUNK_ITEMS_MAX, chunkBytes);
    }
    const requests = parts.requestsFor?.(to) ?? [];
    write(sealer.end({ to, requests }));
    fsyncSync(out);
  } catch (error) {
    closeSync(out);
    rmSync(path, { force: true });
    throw error;
  }
  closeSync(out);
  const digest = hash.digest();
  if (!createHash('sha256').update(readFileSync(path)).digest().equals(digest)) {
    throw new CaissonError('courier-failed', `${path} reads back other bytes than were written`, {
      hint: 'the medium is broken: take another',
    });
  }
  const name = courierName({ feed: feedId, boot: parts.bootAt(to), from: after, to });
  renameSync(path, join(folder, name));
  syncPath(folder);
  return { name, items, bytes, from: after, to, digest, answerKey: sealer.answerKey };
}
