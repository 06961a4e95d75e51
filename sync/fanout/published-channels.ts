import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import { DestinationPolicy } from '../destinations/destination-policy.ts';

/** How long what was looked up counts, milliseconds. */
const LOOK_MS = 500;

/** Which channels may be told to a cluster: where it stands decides, as with any destination. */
export class PublishedChannels {
  readonly #telemetry: AskedTelemetry;
  readonly #scope;
  #known: Promise<ReadonlyMap<string, ReadonlySet<string>>> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param region where the cluster stands; undefined: what may go to some regions only does not go there */
  constructor(telemetry: AskedTelemetry, region: string | undefined) {
    this.#telemetry = telemetry;
    this.#scope = new DestinationPolicy({ nats: region === undefined ? {} : { region } }).scopeOf('nats');
  }

  /**
   * Of a gateway's channels those that may be told.
   * @param named channels that it matters for: one that is not known to be allowed may have been defined just now
   * @throws CaissonError `store-failed`
   */
  async of(gateway: string, named: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const isOld = performance.now() - this.#lookedAt > LOOK_MS;
    const known = isOld ? undefined : (await this.#known)?.get(gateway);
    if (known !== undefined && [...named].every((name) => known.has(name))) return known;
    this.#lookedAt = performance.now();
    const looking = this.#look();
    this.#known = looking;
    looking.catch(() => {
      this.#lookedAt = Number.NEGATIVE_INFINITY;
    });
    return (await looking).get(gateway) ?? new Set();
  }

  async #look(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const allowed = new Map<string, Set<string>>();
    for (const channel of await this.#telemetry.channels()) {
      if (!this.#scope.allows(channel)) continue;
      const names = allowed.get(channel.gateway);
      if (names === undefined) allowed.set(channel.gateway, new Set([channel.name]));
      else names.add(channel.name);
    }
    return allowed;
  }
}
