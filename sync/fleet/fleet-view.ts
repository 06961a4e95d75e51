import type { BoxDisk, BoxFacts, BoxLine, Fleet } from '../../gateway/fleet.ts';
import type { ConfigStatus, GatewayStatus } from '../../gateway/status.ts';
import type { HeldOfGateway } from '../central/held-of-gateway.ts';
import type { IssuedCertificate } from '../trust/register.ts';
import { byAttention } from './attention.ts';
import { type BoxSeen, storesOf, withheldFrom } from './box-watches.ts';

/** How long sums over the store and the register are taken for true, microseconds: they are asked by several who watch. */
const SUMS_KEPT_US = 2e6;

/** A store that takes long to sum up is left alone for so many times as long. */
const SUMS_REST = 20;

const DAY_US = 86_400e6;

/** A line of this central, and who is at its other end. */
export interface FleetLine {
  readonly name: string;
  readonly kind: 'pull' | 'reverse';
  /** Whom it is for, where that is said before anybody answered. */
  readonly wanted: string | undefined;
  readonly health: {
    readonly state: BoxLine['state'];
    readonly problem?: string;
    readonly peer?: Pick<GatewayStatus, 'role' | 'gateway'>;
    readonly complete: boolean;
  };
}

export interface FleetViewParts {
  readonly central: string;
  /** UTC, microseconds. */
  readonly now: () => number;
  readonly lines: () => readonly FleetLine[];
  readonly seen: (gateway: string) => BoxSeen | undefined;
  /** When a courier file of a gateway last came, UTC in microseconds; undefined where none did since the start. */
  readonly carried: (gateway: string) => number | undefined;
  /** When it was last seen that two boxes have that name; undefined where that was not lately. */
  readonly namesake: (gateway: string) => number | undefined;
  /** What the store has of each gateway; losses since a stored time are counted once more. */
  readonly holdings: (since: number) => Promise<readonly HeldOfGateway[]>;
  /** What was issued, by name and age; undefined where another central is the authority. */
  readonly certificates: (() => readonly IssuedCertificate[]) | undefined;
}

/** What a store and a register have of one gateway. */
interface Sums {
  readonly holding?: HeldOfGateway;
  readonly certificate?: IssuedCertificate;
}

/** Puts together what a central knows of its boxes, when somebody asks. */
export class FleetView {
  readonly #parts: FleetViewParts;
  #sums: { readonly at: number; readonly byGateway: ReadonlyMap<string, Sums>; readonly keptUs: number } | undefined;
  #summing: Promise<void> | undefined;

  constructor(parts: FleetViewParts) {
    this.#parts = parts;
  }

  /** All boxes, those that need attention first. */
  async look(): Promise<Fleet> {
    const { central, now: clock, lines: allLines } = this.#parts;
    const now = clock();
    const sums = await this.#sumsAt(now);
    const lines = allLines();
    const lineOf = new Map<string, FleetLine>();
    for (const line of lines) {
      if (line.health.peer?.role === 'central') continue;
      const gateway = line.health.peer?.gateway ?? line.wanted ?? line.name;
      // Of several lines of one box the one that runs speaks for it.
      if (lineOf.get(gateway)?.health.state !== 'running') lineOf.set(gateway, line);
    }
    const hasCentrals = lines.some(({ health }) => health.peer?.role === 'central');
    const boxes = [...new Set([...lineOf.keys(), ...sums.keys()])].map((gateway) =>
      this.#facts(gateway, lineOf.get(gateway), sums.get(gateway) ?? {}, hasCentrals),
    );
    return { central, now, boxes: byAttention(boxes, now) };
  }

  #facts(gateway: string, line: FleetLine | undefined, { holding, certificate }: Sums, hasCentrals: boolean): BoxFacts {
    const seen = this.#parts.seen(gateway);
    const newest = holding?.newest;
    const carried = this.#parts.carried(gateway);
    const namesake = this.#parts.namesake(gateway);
    const withheld = withheldFrom(this.#parts.central, seen);
    const stores = storesOf(this.#parts.central, seen);
    return {
      gateway,
      line: lineFacts(line, hasCentrals && seen === undefined && holding !== undefined, holding?.elsewhere),
      ...(carried !== undefined && { carried }),
      ...(newest !== undefined && { newest }),
      gaps: holding?.gaps ?? 0,
      lost: holding?.lost ?? 0,
      lostToday: holding?.lostSince ?? 0,
      ...(seen !== undefined && seenFacts(seen, line?.health.complete === true)),
      ...(withheld !== undefined && { withheld }),
      ...(namesake !== undefined && { namesake }),
      ...(stores !== undefined && { stores }),
      ...certificateFacts(certificate, seen),
    };
  }

  /** What was summed up last, or is now. A store that cannot be asked costs only news of it. */
  async #sumsAt(now: number): Promise<ReadonlyMap<string, Sums>> {
    if (this.#sums !== undefined && now - this.#sums.at < this.#sums.keptUs) return this.#sums.byGateway;
    this.#summing ??= this.#sumUp(now).finally(() => {
      this.#summing = undefined;
    });
    await this.#summing;
    return this.#sums?.byGateway ?? new Map();
  }

  async #sumUp(now: number): Promise<void> {
    const began = performance.now();
    const byGateway = new Map<string, Sums>();
    for (const certificate of this.#parts.certificates?.() ?? []) {
      // Of several the newest counts, which is the last.
      if (certificate.role === 'gateway') byGateway.set(certificate.name, { certificate });
    }
    const holdings = await this.#parts.holdings(now - DAY_US).catch(() => undefined);
    for (const holding of holdings ?? this.#heldBefore()) {
      byGateway.set(holding.gateway, { ...byGateway.get(holding.gateway), holding });
    }
    const tookUs = (performance.now() - began) * 1e3;
    this.#sums = { at: now, byGateway, keptUs: Math.max(SUMS_KEPT_US, SUMS_REST * tookUs) };
  }

  #heldBefore(): HeldOfGateway[] {
    return [...(this.#sums?.byGateway.values() ?? [])].flatMap(({ holding }) => holding ?? []);
  }
}

function lineFacts(line: FleetLine | undefined, isBeyond: boolean, elsewhere: string | undefined): BoxLine {
  if (elsewhere !== undefined && line?.health.state !== 'running') return { state: 'beyond', place: elsewhere };
  if (line === undefined) return { state: isBeyond ? 'beyond' : 'none' };
  const { state, problem } = line.health;
  return { state, kind: line.kind, place: line.name, ...(problem !== undefined && { problem }) };
}

function seenFacts({ status, at, aheadUs, position }: BoxSeen, isComplete: boolean): Partial<BoxFacts> {
  const { clock, sources, store, feedEnd } = status;
  const positions = isComplete || feedEnd === undefined ? 0 : Math.max(0, feedEnd - position);
  const meanBytes = feedEnd === undefined || feedEnd === 0 ? 0 : (store.blockBytes ?? 0) / feedEnd;
  const disk = diskFacts(status);
  return {
    heard: at,
    version: status.version,
    refused: status.ring.refused,
    clock: {
      source: clock.source,
      ...(Number.isFinite(clock.errorUs) && { errorUs: clock.errorUs }),
      aheadUs: Math.round(aheadUs),
    },
    sources: {
      count: sources.length,
      waiting: sources.filter(({ state }) => state === 'waiting' || state === 'stopped').map(({ name }) => name),
      staleChannels: sources.reduce((sum, { stale }) => sum + (stale?.count ?? 0), 0),
    },
    ...(feedEnd !== undefined && { behind: { positions, bytes: Math.round(positions * meanBytes) } }),
    ...(disk !== undefined && { disk }),
    ...(store.mended && { mended: { since: store.mended.since, lost: store.mended.lost + store.mended.left } }),
    ...(status.config !== undefined && { config: configFacts(status.config) }),
  };
}

function configFacts({ digest, trial, last }: ConfigStatus): NonNullable<BoxFacts['config']> {
  return { digest, isOnTrial: trial !== undefined, ...(last?.outcome === 'returned' && { returned: last.why }) };
}

function diskFacts({ store: { retention }, wear }: GatewayStatus): BoxDisk | undefined {
  if (retention === undefined) return undefined;
  const { rung, usedBytes, limitBytes, roomBytes, hoursLeft } = retention;
  const yearsLeft = wear?.yearsLeft ?? Number.NaN;
  return {
    ...{ rung, usedBytes, limitBytes, roomBytes },
    ...(Number.isFinite(hoursLeft) && { hoursLeft }),
    ...(Number.isFinite(yearsLeft) && { yearsLeft }),
    isOverWearBudget: wear?.isOverBudget === true,
  };
}

/** What the box itself shows where this central issued it nothing. */
function certificateFacts(
  issued: IssuedCertificate | undefined,
  seen: BoxSeen | undefined,
): Pick<BoxFacts, 'certificate'> {
  if (issued !== undefined) {
    const { expires, revoked } = issued;
    return { certificate: { expires: expires * 1e3, ...(revoked !== undefined && { revoked: revoked * 1e3 }) } };
  }
  const security = seen?.status.security;
  return security === undefined ? {} : { certificate: { expires: security.expires } };
}
