import type { Buffer } from 'node:buffer';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { CaissonError } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-db.ts';
import type { Wish } from '../fidelity/ahead-source.ts';
import { TransferSender } from '../fidelity/transfer-sender.ts';
import type { Outflow } from './outflow.ts';
import { ItemPacker } from './packed-items.ts';
import type { FeedSource } from './pull-call.ts';
import { type MessageBytes, packFrame } from './transfer-frame.ts';
import type {
  TransferGrantMessage,
  TransferOpeningMessage,
  TransferRequestMessage,
  TransferResponseMessage,
} from './transfer-messages.ts';
import { decodeWish } from './wish-message.ts';

/** How often a follower that has everything is looked for news, milliseconds. */
const POLL_MS = 100;

/** Wishes that wait until something may be sent. Beyond: dropped; what is wished comes in its turn. */
const WISHES_MAX = 64;

/** Credit in the words of the sender: what it was granted, and what it used of it. */
class Credit {
  #grant: TransferGrantMessage | undefined;
  #grantedAt = 0;
  #used = 0;
  /** True while nothing may be sent. */
  #isWaiting = true;

  /** True where there is room for a whole message. */
  get isOpen(): boolean {
    return this.#grant !== undefined && this.#grant.bytes - this.#used >= this.#grant.quantumBytes;
  }

  get quantumBytes(): number {
    return this.#grant?.quantumBytes ?? 0;
  }

  take(grant: TransferGrantMessage): void {
    if (grant.number <= (this.#grant?.number ?? 0)) return;
    this.#grant = grant;
    this.#grantedAt = performance.now();
  }

  /** Waits for more, by what is told of {@link Credit.times}. */
  wait(): void {
    this.#isWaiting = true;
  }

  /** For the next message: the last grant, and for how long it was there. */
  times(): Pick<TransferResponseMessage, 'grant' | 'heldUs'> {
    const heldUs = this.#isWaiting ? 0 : Math.max(1, Math.round((performance.now() - this.#grantedAt) * 1e3));
    this.#isWaiting = false;
    return { grant: this.#grant?.number ?? 0, heldUs };
  }

  use(bytes: number): void {
    this.#used += bytes;
  }
}

/**
 * Sends the feed within what the follower grants, until it goes.
 * @param scope what it may see; the guard is asked of every item as it is handed on, and what it throws ends the call
 * @param serialize gives the bytes of a response: what is granted counts in them
 * @throws CaissonError `query-invalid` where the call does not begin with an opening, or has a second one
 */
export async function answerTransfer(
  scope: { readonly feed: FeedSource; readonly guard?: (item: FeedItem) => void; readonly newestFirst?: boolean },
  call: ServerDuplexStream<TransferRequestMessage, MessageBytes>,
  out: Outflow<MessageBytes>,
  serialize: (response: TransferResponseMessage) => Buffer,
): Promise<void> {
  const credit = new Credit();
  const packer = new ItemPacker(serialize);
  let opened: TransferOpeningMessage | undefined;
  let sender: TransferSender | undefined;
  const wishes: Wish[] = [];
  /** Of the feed, when it had nothing more to be sent. */
  let seen: string | undefined;
  let invalid: CaissonError | undefined;
  let wake = () => {};
  call.on('data', ({ opening, grant, wish }: TransferRequestMessage) => {
    if (opening && opened === undefined) opened = opening;
    else if (opening || opened === undefined) invalid ??= misplaced(opening ? 'a second opening' : 'no opening');
    if (grant) credit.take(grant);
    if (wish && wishes.length < WISHES_MAX) wishes.push(decodeWish(wish));
    wake();
  });
  call.once('end', () => wake());
  out.closed.addEventListener('abort', () => wake(), { once: true });
  while (out.isOpen && !call.readableEnded) {
    if (invalid !== undefined) throw invalid;
    if (opened === undefined || !credit.isOpen) {
      credit.wait();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    sender ??= new TransferSender({ ...scope, source: scope.feed, opening: opened });
    const version = wishes.length === 0 ? scope.feed.version?.() : undefined;
    for (const wish of wishes.splice(0)) sender.wish(wish);
    const isSame = version !== undefined && version === seen;
    const part = isSame ? undefined : sender.next(credit.quantumBytes, packer);
    seen = part === undefined ? version : undefined;
    if (part === undefined) {
      await out.pause(POLL_MS);
      continue;
    }
    const response = { ...packer.pack(part), ...credit.times() };
    const bytes = packFrame(response) ?? serialize(response);
    credit.use(bytes.length);
    await out.send(bytes);
  }
}

function misplaced(what: string): CaissonError {
  return new CaissonError('query-invalid', `a transfer with ${what}, expected one, and that first`);
}
