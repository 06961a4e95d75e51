import type { AskedTelemetry, StoredChannel } from '../../../gateway/query/telemetry.ts';
import { whenHere } from '../../../gateway/query/when-here.ts';
import type { WireChannel } from '../../wire.ts';

/** Digits behind the point that a browser can print (ECMA-262 toFixed allows more than a float64 holds). */
const DECIMALS_MAX = 20;

interface Entry {
  readonly version: number;
  readonly stored: StoredChannel;
  readonly wire: WireChannel;
}

/**
 * The channels of a store in the order in which they appeared or last changed, so that a viewer that knows everything
 * up to a version is told only what came after.
 */
export class Catalog {
  readonly #telemetry: AskedTelemetry;
  /** In ascending order of version: a changed channel moves to the end. */
  readonly #entries = new Map<number, Entry>();
  #version = 0;
  #isAsked = false;

  constructor(telemetry: AskedTelemetry) {
    this.#telemetry = telemetry;
    this.refresh();
  }

  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: number): WireChannel | undefined {
    return this.#entries.get(id)?.wire;
  }

  /** Looks for new and changed channels. A store that cannot tell them is asked again by the next refresh. */
  refresh(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    const take = (channels: readonly StoredChannel[]) => {
      this.#isAsked = false;
      this.#take(channels);
    };
    const fail = () => {
      this.#isAsked = false;
    };
    whenHere(() => this.#telemetry.channels(), take, fail);
  }

  /** At most `countMax` channels whose version is above `version`, and the version that is known with them. */
  since(version: number, countMax: number): { channels: WireChannel[]; version: number } {
    const channels: WireChannel[] = [];
    let reached = version;
    for (const entry of this.#entries.values()) {
      if (entry.version <= version) continue;
      if (channels.length === countMax) break;
      channels.push(entry.wire);
      reached = entry.version;
    }
    return { channels, version: reached };
  }

  #take(channels: readonly StoredChannel[]): void {
    for (const stored of channels) {
      const known = this.#entries.get(stored.id);
      if (known !== undefined && (known.stored === stored || isSame(known.stored, stored))) continue;
      this.#entries.delete(stored.id);
      this.#version += 1;
      this.#entries.set(stored.id, { version: this.#version, stored, wire: wireChannel(stored) });
    }
  }
}

function wireChannel(stored: StoredChannel): WireChannel {
  const { limits } = stored;
  return {
    id: stored.id,
    type: stored.type,
    decimals:
      stored.decimals === undefined ? undefined : Math.min(DECIMALS_MAX, Math.max(0, Math.trunc(stored.decimals))),
    rateHz: stored.rateHz ?? 0,
    limits: [
      limits?.lowAlarm ?? Number.NaN,
      limits?.lowWarn ?? Number.NaN,
      limits?.highWarn ?? Number.NaN,
      limits?.highAlarm ?? Number.NaN,
    ],
    gateway: stored.gateway,
    name: stored.name,
    unit: stored.unit,
    source: stored.source,
    description: stored.description ?? '',
    labels: new Map(Object.entries(stored.labels ?? {}).map(([value, label]) => [Number(value), label])),
  };
}

function isSame(a: StoredChannel, b: StoredChannel): boolean {
  return (
    a.name === b.name &&
    a.unit === b.unit &&
    a.type === b.type &&
    a.decimals === b.decimals &&
    a.rateHz === b.rateHz &&
    a.source === b.source &&
    a.gateway === b.gateway &&
    a.description === b.description &&
    isSameObject(a.limits, b.limits) &&
    isSameObject(a.labels, b.labels)
  );
}

function isSameObject(a: object | undefined, b: object | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
