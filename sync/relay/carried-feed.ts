import type { KeyObject } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockReader } from '../../gateway/store/block-reader.ts';
import { feedIdOf } from '../api/pull-call.ts';
import { REQUESTS_BYTES_MAX, REQUESTS_MAX } from '../courier/courier-file.ts';
import { writeCourierFile } from '../courier/courier-writer.ts';
import { knownBefore } from '../courier/known-before.ts';
import { type DestinationScope, overRelay } from '../destinations/destination-policy.ts';
import { ScopedFeed } from '../destinations/scoped-feed.ts';
import type { CarriedRequest, ReceiptDesk } from '../receipts/receipt-desk.ts';
import type { Outbox, SentFile } from './outbox.ts';

export interface CarriedFeedParts {
  readonly store: BlockReader;
  readonly receipts: ReceiptDesk;
  readonly central: string;
  /** Its public key for courier files, X25519. */
  readonly key: KeyObject;
  /** What goes to it over a line. */
  readonly scope: DestinationScope;
  /** Where the relay is; undefined: nobody says. */
  readonly region: string | undefined;
  readonly fileBytes: number;
  /** Told that what stands behind a position goes by the definitions of now. */
  readonly note?: (after: number) => void;
  /** UTC, milliseconds. */
  readonly utcMs: () => number;
}

/** A gateway's feed as files for a relay: what may go to the central, and over that relay, and nothing else. */
export class CarriedFeed {
  readonly #parts: CarriedFeedParts;
  readonly #scope: DestinationScope;

  constructor(parts: CarriedFeedParts) {
    this.#parts = parts;
    this.#scope = overRelay(parts.scope, parts.region);
  }

  get id(): string {
    return feedIdOf(this.#parts.store);
  }

  /** The last boot of the feed up to a position. */
  bootAt(position: number): string {
    return this.#parts.store.bootsUpTo(position).at(-1)?.boot ?? '';
  }

  /**
   * Writes a file that only asks for receipts up to a position; undefined where there is nothing to be proven.
   * @throws CaissonError `courier-failed`
   */
  question(outbox: Outbox, upTo: number, askedTo: number): SentFile | undefined {
    const { receipts, central } = this.#parts;
    const isAsking =
      receipts.carriedRequests(central, askedTo, upTo, { count: 1, bytes: REQUESTS_BYTES_MAX }).length > 0;
    return isAsking && !this.#isNarrower() ? this.next(outbox, upTo, askedTo, true) : undefined;
  }

  /** Writes the next file behind a position; undefined where there is nothing. @throws CaissonError `courier-failed`, `residency-violated` */
  next(outbox: Outbox, after: number, askedTo: number, isQuestion = false): SentFile | undefined {
    const { store, central, key, fileBytes, receipts, utcMs } = this.#parts;
    const gateway = store.boots()[0]?.gateway;
    if (gateway === undefined) return undefined;
    const isPartial = this.#isNarrower();
    let requests: readonly CarriedRequest[] = [];
    const feed = new ScopedFeed(store, this.#scope, { chosen: this.#parts.note });
    const written = writeCourierFile(
      {
        ...{ gateway, central, key, fileBytes, isPartial, isQuestion, feedId: this.id },
        bootAt: (position) => this.bootAt(position),
        knownBefore: () => knownBefore(store, this.#scope.allows),
        feed: {
          feed(from, itemsMax, bytesMax) {
            const items = feed.feed(from, itemsMax, bytesMax);
            for (const item of items) feed.requireAllowed(item);
            return items;
          },
        },
        requestsFor: (to) => {
          // Of a part nothing is proven: the rest of those samples comes over a line.
          const most = { count: REQUESTS_MAX, bytes: REQUESTS_BYTES_MAX };
          requests = isPartial ? [] : receipts.carriedRequests(central, askedTo, to, most);
          return requests.map(({ bytes }) => bytes);
        },
      },
      outbox.dir,
      after,
    );
    if (written === undefined) return undefined;
    // A channel that must not go over this relay came to be while the file was written.
    if (!isPartial && this.#isNarrower()) {
      rmSync(join(outbox.dir, written.name), { force: true });
      return this.next(outbox, after, askedTo, isQuestion);
    }
    return outbox.add(written, {
      ...{ feed: this.id, boot: this.bootAt(written.to), isPartial, requests, writtenMs: utcMs() },
      askedTo: requests.at(-1)?.to ?? askedTo,
    });
  }

  /** True where a channel goes to the central, and not over this relay. */
  #isNarrower(): boolean {
    const { store, scope } = this.#parts;
    return store.channelsAfter(0).channels.some((channel) => scope.allows(channel) && !this.#scope.allows(channel));
  }
}
