import type { Buffer } from 'node:buffer';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { FeedItem } from '../../gateway/store/block-db.ts';
import type { LoopLag } from '../line/loop-lag.ts';
import type { Pacer } from '../line/pacer.ts';
import type { PackAssembly } from '../line/pack-assembly.ts';
import { decodeFeedItem } from './feed-message.ts';
import type { TransferRequestMessage, TransferResponseMessage } from './messages.ts';
import { unpackItems } from './packed-items.ts';
import type { PullBatch } from './pull-batch.ts';

/** Bytes that came and were not taken yet. At the maximum: nothing more is granted. */
const UNTAKEN_BYTES_MAX = 8 << 20;

/** What comes within so long of each other is given together, milliseconds: every batch costs whoever keeps it an fsync. */
const GATHER_MS = 50;

/** And no more than that, bytes. */
const GATHER_BYTES_MAX = 2 << 20;

/** What a transfer is opened with. */
export interface TransferRequest {
  readonly feed: string;
  readonly after: number;
  readonly pacer: Pacer;
  /** Of this thread; runs. */
  readonly lag: LoopLag;
  /** Where pieces are put together; keeps what a cut leaves of one. */
  readonly assembly: PackAssembly;
}

/**
 * Drives the client's end of a transfer: grants what the pacer says, and gives what has come, several messages at a time
 * where the loop over it is busy. What came before a failure is given before it is thrown.
 */
export async function* pullTransfer(
  call: ClientDuplexStream<TransferRequestMessage, Buffer>,
  { feed: known, after, pacer, lag, assembly }: TransferRequest,
  deserialize: (bytes: Buffer) => TransferResponseMessage,
): AsyncGenerator<PullBatch, void, undefined> {
  const inbox = new Inbox();
  let ended: { readonly error?: unknown } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const grant = () => {
    const due =
      inbox.bytes < UNTAKEN_BYTES_MAX && ended === undefined
        ? pacer.grant(performance.now(), lag.blockedMs)
        : undefined;
    if (due !== undefined) call.write({ grant: due });
  };
  const end = (outcome: { readonly error?: unknown }) => {
    ended ??= outcome;
    inbox.close();
  };
  call.on('data', (bytes) => {
    const message = deserialize(bytes);
    pacer.received(performance.now(), bytes.length, message.grant, message.heldUs / 1e3, lag.blockedMs);
    try {
      inbox.put({ ...message, items: unpackItems(message, deserialize) }, assembly, bytes.length);
    } catch (error) {
      end({ error });
      call.cancel();
    }
    grant();
  });
  call.on('error', (error) => end({ error }));
  call.on('end', () => end({}));
  call.write({ opening: { feed: known, after, part: assembly.part ?? null } });
  grant();
  if (pacer.askAgainMs !== Number.POSITIVE_INFINITY) timer = setInterval(grant, pacer.askAgainMs);
  try {
    for (;;) {
      if (ended === undefined) await inbox.gathered();
      const batch = inbox.take();
      if (batch !== undefined) {
        yield batch;
        grant();
      } else if (ended !== undefined) {
        if ('error' in ended) throw ended.error;
        return;
      }
    }
  } finally {
    clearInterval(timer);
    inbox.close();
  }
}

/** What came and was not taken yet. */
class Inbox {
  bytes = 0;
  #feed = '';
  #items: FeedItem[] = [];
  #complete = false;
  #hasNews = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;

  /** @throws CaissonError `peer-invalid` */
  put({ feed, items, piece, complete }: TransferResponseMessage, assembly: PackAssembly, bytes: number): void {
    if (feed !== '') this.#feed = feed;
    for (const item of items) this.#items.push(decodeFeedItem(item));
    const pack = piece === null ? undefined : assembly.add(piece);
    if (pack !== undefined) this.#items.push({ kind: 'pack', ...pack });
    // A piece alone is nothing that could be kept.
    this.#hasNews ||= items.length > 0 || pack !== undefined || piece === null;
    this.#complete = complete;
    this.bytes += bytes;
    if (this.#hasNews) this.#gather();
  }

  /** What came since the last call; undefined where that is nothing that could be kept. */
  take(): PullBatch | undefined {
    if (!this.#hasNews) return undefined;
    const batch = { feed: this.#feed, items: this.#items, complete: this.#complete };
    this.#items = [];
    this.#hasNews = false;
    this.bytes = 0;
    return batch;
  }

  /** Nothing more comes. */
  close(): void {
    this.#isClosed = true;
    this.#ready();
  }

  /** Resolves when there is something, and it is time to take it. */
  async gathered(): Promise<void> {
    if (this.#isDue()) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#hasNews) this.#gather();
    });
  }

  #isDue(): boolean {
    return this.#isClosed || (this.#hasNews && (this.#complete || this.bytes >= GATHER_BYTES_MAX));
  }

  #gather(): void {
    if (this.#isDue()) this.#ready();
    else this.#timer ??= setTimeout(() => this.#ready(), GATHER_MS);
  }

  #ready(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wake?.();
  }
}
