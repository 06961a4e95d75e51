import { CaissonError } from '../../gateway/errors.ts';
import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import type { KeptBoot } from '../../gateway/store/block-rows.ts';
import type { DestinationScope } from '../destinations/destination-policy.ts';
import type { HeldRange } from '../receipts/held-ranges.ts';
import { type PackSource, RangeDigests } from '../receipts/range-digests.ts';
import type { DigestChunkMessage, GetDigestsRequestMessage } from './digest-messages.ts';
import type { Outflow } from './outflow.ts';

/** Ranges of one request, and samples of one of them. Beyond: refused. */
export const DIGEST_RANGES_MAX = 256;
export const DIGEST_SAMPLES_MAX = 1 << 20;

const NOTHING = new Uint8Array(0);

/** What digests are made of; `BlockReader` has it. */
export interface DigestSource extends PackSource {
  boots(): readonly KeptBoot[];
  channelsAfter(position: number): { readonly channels: readonly StoredChannel[] };
  snapshot<Result>(read: () => Result): Result;
}

/** Digests of one gateway's samples in a store, by the names of boots and channels. */
export class StoreDigests {
  readonly #source: DigestSource;
  readonly #samples: RangeDigests;
  readonly #boots: ReadonlyMap<string, number>;
  readonly #channels: ReadonlyMap<string, number>;

  /** @param scope whose channels; undefined: all */
  constructor(source: DigestSource, gateway: string, scope?: Pick<DestinationScope, 'allows'>) {
    this.#source = source;
    this.#samples = new RangeDigests(source);
    const own = <Item extends { readonly gateway: string }>(items: readonly Item[]) =>
      items.filter((item) => item.gateway === gateway);
    this.#boots = new Map(own(source.boots()).map(({ boot, id }) => [boot, id]));
    const channels = own(source.channelsAfter(0).channels).filter((channel) => scope?.allows(channel) ?? true);
    this.#channels = new Map(channels.map(({ name, id }) => [name, id]));
  }

  /** Undefined where not all of the samples are there and can be read. */
  of(range: HeldRange): Uint8Array | undefined {
    const [boot, channel] = [this.#boots.get(range.boot), this.#channels.get(range.channel)];
    if (boot === undefined || channel === undefined) return undefined;
    // Of one state: what a look finds may be merged or given up before the next.
    return this.#source.snapshot(() => this.#samples.of(range, { boot, channel }));
  }
}

/** True where a feed's store can be asked for digests. */
export function isDigestSource(source: object): source is DigestSource {
  return 'blocksHolding' in source && 'packBytes' in source && 'channelsAfter' in source && 'boots' in source;
}

/** A digest at a time of what a store in files has; empty where not all of a range is there. @param scope undefined: all channels */
export function* storeDigests(
  source: DigestSource,
  { gateway, ranges }: GetDigestsRequestMessage,
  scope: Pick<DestinationScope, 'allows'> | undefined,
): Generator<readonly Uint8Array[]> {
  const digests = new StoreDigests(source, gateway, scope);
  for (const range of ranges) yield [digests.of(range) ?? NOTHING];
}

/**
 * Sends a digest a range; others are served in between.
 * @param read digests of the ranges, some at a time
 * @throws CaissonError `query-invalid` for too many ranges, or too large ones
 */
export async function answerDigests(
  read: (request: GetDigestsRequestMessage) => Iterable<readonly Uint8Array[]> | AsyncIterable<readonly Uint8Array[]>,
  request: GetDigestsRequestMessage,
  out: Outflow<DigestChunkMessage>,
): Promise<void> {
  const { ranges } = request;
  if (ranges.length > DIGEST_RANGES_MAX) {
    throw new CaissonError('query-invalid', `${ranges.length} ranges asked for, expected at most ${DIGEST_RANGES_MAX}`);
  }
  for (const { first, end } of ranges) {
    if (first < end && end - first <= DIGEST_SAMPLES_MAX) continue;
    throw new CaissonError('query-invalid', `a range of ${end - first} samples, expected 1 to ${DIGEST_SAMPLES_MAX}`);
  }
  for await (const digests of read(request)) {
    if (!(await out.send({ digests }))) return;
    await out.pause(0);
  }
}
