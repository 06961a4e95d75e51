import { CaissonError } from '../../gateway/errors.ts';
import type { Coverage } from '../../gateway/query/coverage/coverage.ts';
import type {
  BootAccount,
  Envelope,
  Gap,
  LatestSample,
  LedgerLine,
  LiveBatch,
  PastVersion,
  Samples,
  StoredChannel,
  Telemetry,
} from '../../gateway/query/telemetry.ts';
import type { DestinationScope } from './destination-policy.ts';

/** How soon a follower notices that a channel was defined anew, milliseconds: about as soon as the store is looked at. */
const LOOK_MS = 100;

/** A store as one destination may ask it: a channel that does not go there is not known, as if there were none of that name. */
export class ScopedTelemetry implements Telemetry {
  readonly #whole: Telemetry;
  readonly #scope: DestinationScope;

  constructor(whole: Telemetry, scope: DestinationScope) {
    this.#whole = whole;
    this.#scope = scope;
  }

  channels(): readonly StoredChannel[] {
    return this.#whole.channels().filter(this.#scope.allows);
  }

  channel(name: string, gateway?: string): StoredChannel {
    const named = this.channels().filter((channel) => channel.name === name);
    const found = gateway === undefined ? named : named.filter((channel) => channel.gateway === gateway);
    const [first] = found;
    // Not the store's own error, which names the nearest names.
    if (first === undefined) throw unknown(name);
    if (found.length === 1) return first;
    throw new CaissonError(
      'query-invalid',
      `${name} is on several gateways: ${found.map((each) => each.gateway).join(', ')}`,
      {
        hint: 'say which gateway is meant',
      },
    );
  }

  raw(channel: number, from: number, to: number, version?: number): IterableIterator<Samples> {
    this.#require(channel);
    return this.#whole.raw(channel, from, to, version);
  }

  envelope(channel: number, from: number, to: number, pixels: number, version?: number): Envelope {
    this.#require(channel);
    return this.#whole.envelope(channel, from, to, pixels, version);
  }

  versions(): readonly PastVersion[] {
    const allowed = this.#ids();
    return this.#whole.versions().flatMap((version) => {
      const channels = version.channels.filter((channel) => allowed.has(channel));
      if (channels.length === version.channels.length) return [version];
      // The recipe may name what is withheld.
      return channels.length > 0 ? [{ ...version, channels, recipe: { kind: version.recipe.kind } }] : [];
    });
  }

  latest(channel: number): LatestSample | undefined {
    this.#require(channel);
    return this.#whole.latest(channel);
  }

  follow(listener: (batch: LiveBatch) => void): () => void {
    let allowed = this.#ids();
    let looked = performance.now();
    return this.#whole.follow((batch) => {
      const now = performance.now();
      if (now - looked > LOOK_MS) [allowed, looked] = [this.#ids(), now];
      if (allowed.has(batch.channel)) listener(batch);
    });
  }

  gaps(channel: number, from: number, to: number): readonly Gap[] {
    this.#require(channel);
    return this.#whole.gaps(channel, from, to);
  }

  coverage(channel: number, from: number, to: number): Coverage {
    this.#require(channel);
    return this.#whole.coverage(channel, from, to);
  }

  ledger(): readonly LedgerLine[] {
    const allowed = this.#ids();
    return this.#whole.ledger().filter(({ channel }) => allowed.has(channel));
  }

  accounts(channel: number): readonly BootAccount[] {
    this.#require(channel);
    return this.#whole.accounts(channel);
  }

  #ids(): ReadonlySet<number> {
    return new Set(this.channels().map(({ id }) => id));
  }

  #require(id: number): void {
    if (!this.#ids().has(id)) throw unknown(`${id}`);
  }
}

function unknown(name: string): CaissonError {
  return new CaissonError('channel-unknown', `no channel is named ${name}`);
}
