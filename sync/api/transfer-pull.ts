import type { Buffer } from 'node:buffer';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Wish } from '../fidelity/ahead-source.ts';
import type { HeldChannel } from '../fidelity/held-numbers.ts';
import type { Outlined } from '../fidelity/outlined.ts';
import type { LoopLag } from '../line/loop-lag.ts';
import type { Pacer } from '../line/pacer.ts';
import type { PackAssembly } from '../line/pack-assembly.ts';
import { unpacked } from './packed-items.ts';
import type { PullBatch } from './pull-batch.ts';
import { TransferInbox } from './transfer-inbox.ts';
import type { TransferRequestMessage, TransferResponseMessage } from './transfer-messages.ts';
import { encodeWish } from './wish-message.ts';

/** Bytes that came and were not taken yet, unpacked. At the maximum: nothing more is granted, nor read of what is on its way. */
const UNTAKEN_BYTES_MAX = 8 << 20;

/** Where someone needs something now, while the transfer runs. */
export interface WishSource {
  /** Calls `listener` with every wish, those that are there at once, until the returned function is called. */
  follow(listener: (wish: Wish) => void): () => void;
}

/** What a transfer is opened with. */
export interface TransferRequest {
  readonly feed: string;
  readonly after: number;
  /** What is held of the feed behind `after`; without it, nothing. */
  readonly held?: readonly HeldChannel[];
  /** How far outlines are held; undefined: none are wanted. */
  readonly outlined?: Outlined | undefined;
  /** True: nothing may come ahead of its turn that nobody wished. */
  readonly inOrder?: boolean;
  readonly wishes?: WishSource | undefined;
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
  request: TransferRequest,
  deserialize: (bytes: Buffer) => TransferResponseMessage,
): AsyncGenerator<PullBatch, void, undefined> {
  const { pacer, lag, assembly } = request;
  const inbox = new TransferInbox();
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
    try {
      const message = deserialize(bytes);
      pacer.received(performance.now(), bytes.length, message.grant, message.heldUs / 1e3, lag.blockedMs);
      const { packed, packedBytes } = message;
      inbox.put(unpacked(message, deserialize), assembly, bytes.length - packed.length + packedBytes);
      if (inbox.bytes >= UNTAKEN_BYTES_MAX) call.pause();
    } catch (error) {
      end({ error });
      call.cancel();
    }
    grant();
  });
  call.on('error', (error) => end({ error }));
  call.on('end', () => end({}));
  const { feed, after, held = [], outlined = null, inOrder = false, wishes } = request;
  call.write({ opening: { feed, after, parts: assembly.reopen(), held, outlined, inOrder } });
  const unfollow = wishes?.follow((wish) => {
    if (ended === undefined) call.write({ wish: encodeWish(wish) });
  });
  grant();
  if (pacer.askAgainMs !== Number.POSITIVE_INFINITY) timer = setInterval(grant, pacer.askAgainMs);
  try {
    for (;;) {
      if (ended === undefined) await inbox.gathered();
      const batch = inbox.take();
      if (call.isPaused()) call.resume();
      if (batch !== undefined) {
        yield batch;
        grant();
      } else if (ended !== undefined) {
        if ('error' in ended) throw ended.error;
        return;
      }
    }
  } finally {
    // A wish may be on its way here.
    ended ??= {};
    unfollow?.();
    clearInterval(timer);
    inbox.close();
  }
}
