import { Buffer } from 'node:buffer';
import { type KeyObject, randomBytes } from 'node:crypto';
import { CaissonError } from '../../gateway/errors.ts';
import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import type { DestinationStoreStatus } from '../../gateway/status.ts';
import type { KeptBoot } from '../../gateway/store/block-rows.ts';
import type { Acknowledged } from '../../gateway/store/retention/acknowledgements.ts';
import { CentralAccount, type OpenRequest, type StoreAccount } from './central-account.ts';
import type { HeldRange } from './held-ranges.ts';
import { type PackSource, RangeDigests } from './range-digests.ts';
import {
  decodeReceipt,
  decodeRequest,
  encodeRequest,
  isSignedBy,
  NONCE_BYTES,
  RETIRED_DIGEST,
  type Receipt,
  type SignedReceipt,
} from './receipt.ts';

/** Packs and samples of one request: what the thread that serves may take for it at a time. At least one pack. */
const REQUEST_PACKS_MAX = 256;
const REQUEST_SAMPLES_MAX = 1 << 19;

/** Packs looked at at a time, and how often, for whether what a central does not have goes there at all. The rest comes with the next word. */
const PASSED_PACKS = 32;
const PASSED_LOOKS_MAX = 64;

/** Requests that were answered, remembered so that a receipt that comes again is told from one that is late. The oldest are forgotten. */
const ANSWERED_MAX = 64;

/** Why a receipt is not believed. */
export type ReceiptRefusal =
  /** It does not decode. */
  | 'malformed'
  /** Not signed by the key that is pinned, or by another central's. */
  | 'forged'
  /** Of another gateway, or another feed of it. */
  | 'wrong-store'
  /** Of a request that was answered before. */
  | 'replayed'
  /** Of no request that is open. */
  | 'stale'
  /** It does not have all that was asked for, or other samples under its numbers. */
  | 'incomplete';

/** What the desk needs of a gateway's store; `BlockReader` has it. */
export interface DeskStore extends PackSource {
  boots(): readonly KeptBoot[];
  channelsAfter(position: number): { readonly channels: readonly StoredChannel[]; readonly position: number };
  blocksAfter(
    position: number,
    upTo: number,
    packsMax: number,
  ): {
    readonly position: number;
    readonly channel: number;
    readonly boot: number;
    readonly firstSequence: number;
    readonly count: number;
  }[];
}

export interface ReceiptDeskParts {
  readonly store: DeskStore;
  readonly gateway: () => string;
  /** Id of the feed. */
  readonly feed: () => string;
  /** The public key of a central that must prove what it has; undefined: it is believed. */
  readonly keyOf: (central: string) => KeyObject | undefined;
  /** How far each central had proven what it has when the gateway started, by name. */
  readonly kept: ReadonlyMap<string, Acknowledged>;
  /** False for a channel that does not travel to that central. */
  readonly travels?: (central: string, channel: StoredChannel) => boolean;
  /** Told how far the feed is with a central, and with which of its stores. */
  readonly onConfirmed: (central: string, acknowledged: Acknowledged) => void;
  /** Told of what a person should know. */
  readonly onProblem: (text: string) => void;
  /** Of a clock that never steps, milliseconds. */
  readonly steadyMs?: () => number;
}

/** What a central tells, as it comes over the wire. */
export interface Acknowledgement {
  readonly follower: string;
  /** Id of the store that has it; empty: of a central that tells none. */
  readonly store: string;
  readonly position: number;
  /** Empty: none. */
  readonly receipt: Uint8Array;
  readonly signature: Uint8Array;
}

/** What it is answered. */
export interface AcknowledgementAnswer {
  /** Request for a receipt; empty: nothing is to be proven. */
  readonly wanted: Uint8Array;
  /** Why the receipt was refused; empty: it was not. */
  readonly refused: ReceiptRefusal | '';
}

/** How one central stands. */
export interface DestinationReceipts {
  readonly name: string;
  /** How far it has the feed, proven or, without a key, as it says; of several stores the least. */
  readonly position: number;
  /** True where only a signed receipt is believed. */
  readonly proven: boolean;
  /** Receipts that were refused since the start, by reason. */
  readonly refused: Readonly<Partial<Record<ReceiptRefusal, number>>>;
  /** Where several are heard under its name: each. */
  readonly stores?: readonly DestinationStoreStatus[];
}

/** A request that travels by courier, with what its answer must say. */
export interface CarriedRequest {
  readonly bytes: Uint8Array;
  readonly digests: readonly Uint8Array[];
  /** Position up to which it asks. */
  readonly to: number;
}

/** What is known of one central. */
interface Account {
  readonly central: CentralAccount;
  readonly refused: Partial<Record<ReceiptRefusal, number>>;
  /** True once it was told that several stores have its name. */
  isTold: boolean;
}

const NOTHING = new Uint8Array(0);

/**
 * The gateway's side of receipts. Of a central whose key is pinned the word alone moves nothing: it is asked for a receipt over
 * the samples that came to be since the last one, with a random number so that an old receipt says nothing, and believed where
 * the digests it signs are those of what is here. Where several stores have the name of one central, what all of them have counts.
 */
export class ReceiptDesk {
  readonly #parts: ReceiptDeskParts;
  readonly #accounts = new Map<string, Account>();
  readonly #channels = new Map<number, StoredChannel>();
  #channelsPosition = 0;

  constructor(parts: ReceiptDeskParts) {
    this.#parts = parts;
    for (const [name, kept] of parts.kept) this.#accounts.set(name, accountOf(kept));
  }

  /** Takes a central's word, which must be about the feed of this store. */
  take(word: Acknowledgement): AcknowledgementAnswer {
    const { follower, receipt, signature } = word;
    const position = this.#passed(follower, word.position);
    const key = this.#parts.keyOf(follower);
    const { central } = this.#account(follower);
    const wasSeveral = central.only === undefined;
    const { account, isNew, mayRise } = central.hear(word.store, this.#nowMs(), key === undefined);
    if (key === undefined && mayRise) {
      this.#confirm(follower, account, position);
      return { wanted: NOTHING, refused: '' };
    }
    // What all have is less with one that is new, and more without one that was forgotten.
    if (isNew || wasSeveral) this.#tell(follower);
    if (key === undefined || !mayRise) return { wanted: NOTHING, refused: '' };
    // One that has less than it had is believed at once: nothing is given up for that.
    if (position < account.confirmed) this.#confirm(follower, account, position);
    const refused = receipt.length === 0 ? '' : this.#judge(follower, account, { receipt, signature, key, position });
    if (refused !== '') {
      this.#refuse(follower, refused);
      return { wanted: NOTHING, refused };
    }
    return { wanted: this.#wanted(follower, account, position), refused };
  }

  /** How far a central has the feed, as far as is believed. */
  confirmed(central: string): number {
    return this.#account(central).central.confirmed;
  }

  /**
   * Requests over what came to be in (from, upTo], or the first part of it, for a central that is asked by courier; none where its word is
   * believed. Who asks keeps them: the answers may come after a restart.
   */
  carriedRequests(
    central: string,
    from: number,
    upTo: number,
    most: { count: number; bytes: number },
  ): CarriedRequest[] {
    if (this.#parts.keyOf(central) === undefined) return [];
    const requests: CarriedRequest[] = [];
    let bytes = 0;
    for (let at = from; at < upTo && requests.length < most.count; ) {
      const request = this.#request(central, at, upTo);
      bytes += request.bytes.length;
      if (bytes > most.bytes) break;
      requests.push({ bytes: request.bytes, digests: request.digests, to: request.to });
      at = request.to;
    }
    return requests;
  }

  /**
   * Takes a receipt that came by courier; the word of a central that is believed moves nothing here. Never takes back what was proven since. Which
   * store of several signed it is not known: then it moves nothing.
   */
  takeCarried(central: string, { bytes, digests }: CarriedRequest, signed: SignedReceipt): ReceiptRefusal | '' {
    const key = this.#parts.keyOf(central);
    if (key === undefined) return '';
    const { nonce, from, to, ranges } = decodeRequest(bytes);
    const open = { bytes, nonce: Buffer.from(nonce).toString('hex'), from, to, ranges, digests };
    const refused = this.#judgeAgainst(central, open, { ...signed, key });
    const account = this.#only(central);
    if (refused !== '') this.#refuse(central, refused);
    else if (account !== undefined && from <= account.confirmed && to > account.confirmed) {
      this.#confirm(central, account, to);
    }
    return refused;
  }

  /**
   * Takes the word of a central that came by courier, where it is believed. It may be old: what is known is not taken back; and whose it is
   * of several stores is not known: then it moves nothing.
   */
  takeCarriedWord(central: string, position: number): void {
    const account = this.#only(central);
    if (this.#parts.keyOf(central) === undefined && account !== undefined && position > account.confirmed) {
      this.#confirm(central, account, position);
    }
  }

  /** Every central that was ever heard of, or is waited for, by name. @param now UTC, microseconds */
  status(now: number): DestinationReceipts[] {
    return [...this.#accounts]
      .map(([name, { central, refused }]) => {
        const stores = central.standings().map(({ leftMs, ...each }) => ({ ...each, until: now + leftMs * 1e3 }));
        const proven = this.#parts.keyOf(name) !== undefined;
        const standing = { name, position: central.confirmed, proven, refused: { ...refused } };
        return stores.length > 1 ? { ...standing, stores } : standing;
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** How far a central has the feed that it may have, where what follows does not travel there. */
  #passed(central: string, position: number): number {
    const { store, travels } = this.#parts;
    let passed = position;
    for (let look = 0; travels !== undefined && look < PASSED_LOOKS_MAX; look += 1) {
      const blocks = store.blocksAfter(passed, Number.MAX_SAFE_INTEGER, PASSED_PACKS);
      this.#learnChannels();
      for (const { position: at, channel: id } of blocks) {
        const channel = this.#channels.get(id);
        if (channel === undefined || travels(central, channel)) return passed < at ? Math.max(passed, at - 1) : passed;
      }
      const last = blocks.at(-1)?.position;
      if (last === undefined) return passed;
      passed = last;
    }
    return passed;
  }

  #account(central: string): Account {
    let account = this.#accounts.get(central);
    if (account === undefined) {
      account = accountOf({ position: 0, stores: [] });
      this.#accounts.set(central, account);
    }
    return account;
  }

  /** The one store of a central that came by courier; undefined where it has several. */
  #only(name: string): StoreAccount | undefined {
    const { central } = this.#account(name);
    if (central.only === undefined) {
      central.pass(this.#nowMs());
      this.#tell(name);
    }
    return central.only;
  }

  #refuse(central: string, reason: ReceiptRefusal): void {
    const { refused } = this.#account(central);
    refused[reason] = (refused[reason] ?? 0) + 1;
    this.#parts.onProblem(`a receipt of ${central} was refused: ${reason}`);
  }

  #confirm(central: string, account: StoreAccount, position: number): void {
    account.confirmed = position;
    account.open = undefined;
    this.#tell(central);
  }

  #tell(name: string): void {
    const account = this.#account(name);
    const isSeveral = account.central.only === undefined;
    if (isSeveral && !account.isTold) this.#parts.onProblem(severalText(name));
    account.isTold = isSeveral;
    this.#parts.onConfirmed(name, account.central.acknowledged);
  }

  #nowMs(): number {
    return this.#parts.steadyMs?.() ?? performance.now();
  }

  /** Why a receipt is not believed; empty where it is, and then it counts. */
  #judge(
    central: string,
    account: StoreAccount,
    { receipt: bytes, signature, key, position }: SignedReceipt & { key: KeyObject; position: number },
  ): ReceiptRefusal | '' {
    if (!isSignedBy(bytes, signature, key)) return 'forged';
    const receipt = decoded(bytes);
    if (receipt === undefined) return 'malformed';
    const nonce = Buffer.from(receipt.nonce).toString('hex');
    const { open } = account;
    if (open?.nonce !== nonce) {
      const wrong = this.#isOfThis(central, receipt);
      return wrong !== '' ? wrong : account.answered.includes(nonce) ? 'replayed' : 'stale';
    }
    const refused = this.#judgeAgainst(central, open, { receipt: bytes, signature, key });
    if (refused !== '' && refused !== 'incomplete') return refused;
    if (this.#account(central).central.signed(account, position)) this.#tell(central);
    account.open = undefined;
    account.answered.push(nonce);
    if (account.answered.length > ANSWERED_MAX) account.answered.shift();
    if (refused === '') this.#confirm(central, account, Math.max(account.confirmed, open.to));
    return refused;
  }

  #isOfThis(central: string, receipt: Receipt): ReceiptRefusal | '' {
    if (receipt.central !== central) return 'forged';
    const isOwn = receipt.gateway === this.#parts.gateway() && receipt.feed === this.#parts.feed();
    return isOwn ? '' : 'wrong-store';
  }

  /** Why a receipt is not the answer to a request. */
  #judgeAgainst(
    central: string,
    open: OpenRequest,
    { receipt: bytes, signature, key }: SignedReceipt & { key: KeyObject },
  ): ReceiptRefusal | '' {
    if (!isSignedBy(bytes, signature, key)) return 'forged';
    const receipt = decoded(bytes);
    if (receipt === undefined) return 'malformed';
    const wrong = this.#isOfThis(central, receipt);
    if (wrong !== '') return wrong;
    if (Buffer.from(receipt.nonce).toString('hex') !== open.nonce) return 'stale';
    return proves(receipt, open) ? '' : 'incomplete';
  }

  #wanted(central: string, account: StoreAccount, position: number): Uint8Array {
    while (account.open === undefined && account.confirmed < position) {
      const request = this.#request(central, account.confirmed, position);
      if (request.ranges.length > 0) account.open = request;
      // What is not there to be given up needs no proof.
      else this.#confirm(central, account, request.to);
    }
    // Whether it is one of that central is known by its signature alone.
    if (!account.counts) account.open ??= this.#request(central, account.confirmed, account.confirmed);
    return account.open?.bytes ?? NOTHING;
  }

  /** What came to be in (from, upTo], as far as one request goes. */
  #request(central: string, from: number, upTo: number): OpenRequest {
    const { store, travels = () => true } = this.#parts;
    const blocks = store.blocksAfter(from, upTo, REQUEST_PACKS_MAX);
    const packs = new Set(blocks.map((block) => block.position));
    const boots = new Map(store.boots().map(({ id, boot }) => [id, boot]));
    this.#learnChannels();
    const samples = new RangeDigests(store);
    const ranges: HeldRange[] = [];
    const digests: Uint8Array[] = [];
    let [count, to] = [0, from];
    for (const { position, channel: id, boot: bootId, firstSequence: first, count: length } of blocks) {
      if (count >= REQUEST_SAMPLES_MAX && position !== to) break;
      to = position;
      const [channel, boot] = [this.#channels.get(id), boots.get(bootId)];
      if (channel === undefined || boot === undefined || !travels(central, channel)) continue;
      const range = { boot, channel: channel.name, first, end: first + length };
      const digest = samples.of(range, { channel: id, boot: bootId });
      if (digest === undefined) continue;
      ranges.push(range);
      digests.push(digest);
      count += length;
    }
    if (packs.size < REQUEST_PACKS_MAX && (blocks.length === 0 || to === blocks.at(-1)?.position)) to = upTo;
    const nonce = randomBytes(NONCE_BYTES);
    const bytes = encodeRequest({ nonce, feed: this.#parts.feed(), from, to, ranges });
    return { bytes, nonce: nonce.toString('hex'), from, to, ranges, digests };
  }

  #learnChannels(): void {
    const { channels, position } = this.#parts.store.channelsAfter(this.#channelsPosition);
    this.#channelsPosition = position;
    for (const channel of channels) this.#channels.set(channel.id, channel);
  }
}

function accountOf(kept: Acknowledged): Account {
  return { central: new CentralAccount(kept), refused: {}, isTold: false };
}

/** What a person should know of a name that several stores have. */
function severalText(name: string): string {
  return `two centrals have the name ${name}, or it has a new store: only what all of them have is given up. Give one of them another name with --name; one that is gone is waited for for a day`;
}

function decoded(bytes: Uint8Array): Receipt | undefined {
  try {
    return decodeReceipt(bytes);
  } catch (error) {
    if (error instanceof CaissonError) return undefined;
    throw error;
  }
}

/** True where a receipt answers all that was asked for with the digests of what is here. */
function proves({ from, to, ranges, digests }: Receipt, open: OpenRequest): boolean {
  if (from !== open.from || to !== open.to || ranges.length !== open.ranges.length) return false;
  return open.ranges.every((range, i) => {
    const [said, digest] = [ranges[i], digests[i]];
    if (said === undefined || digest === undefined) return false;
    const isSame = said.boot === range.boot && said.channel === range.channel;
    return (
      isSame &&
      said.first === range.first &&
      said.end === range.end &&
      // What its rules gave up since, it had: it signs that, and the samples were verified when they came.
      (Buffer.from(digest).equals(open.digests[i] ?? NOTHING) || Buffer.from(digest).equals(RETIRED_DIGEST))
    );
  });
}
