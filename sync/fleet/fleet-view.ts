import type { BoxDisk, BoxFacts, BoxLine, Fleet } from '../../gateway/fleet.ts';
import type { ConfigStatus, GatewayStatus } from '../../gateway/status.ts';
import type { GatewayHolding, NewestStored } from '../../gateway/store/gateway-holdings.ts';
import type { IssuedCertificate } from '../trust/register.ts';
import { byAttention } from './attention.ts';
import type { BoxSeen } from './box-watches.ts';

/** How long sums over the store and the register are taken for true, microseconds: they are asked by several who watch. */
const SUMS_KEPT_US = 2e6;

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
  /** What the store has of each gateway; undefined where it does not tell at once. */
  readonly holdings: ((since: number) => readonly GatewayHolding[]) | undefined;
  /** UTC of a stored time, microseconds. */
  readonly utcOf: (newest: NewestStored) => number;
  /** What was issued, by name and age; undefined where another central is the authority. */
  readonly certificates: (() => readonly IssuedCertificate[]) | undefined;
}

/** What a store and a register have of one gateway. */
interface Sums {
  readonly holding?: GatewayHolding;
  readonly certificate?: IssuedCertificate;
}

/** Puts together what a central knows of its boxes, when somebody asks. */
export class FleetView {
  readonly #parts: FleetViewParts;
  #sums: { readonly at: number; readonly byGateway: ReadonlyMap<string, Sums> } | undefined;

  constructor(parts: FleetViewParts) {
    this.#parts = parts;
  }

  /** All boxes, those that need attention first. */
  look(): Fleet {
    const { central, now: clock, lines: allLines } = this.#parts;
    const now = clock();
    const sums = this.#sumsAt(now);
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
    const newest = this.#newestOf(holding);
    return {
      gateway,
      line: lineFacts(line, hasCentrals && seen === undefined && holding !== undefined),
      ...(newest !== undefined && { newest }),
      gaps: holding?.gaps ?? 0,
      lost: holding?.lost ?? 0,
      lostToday: holding?.lostSince ?? 0,
      ...(seen !== undefined && seenFacts(seen, line?.health.complete === true)),
      ...certificateFacts(certificate, seen),
    };
  }

  #newestOf(holding: GatewayHolding | undefined): number | undefined {
    if (holding === undefined || holding.newest.length === 0) return undefined;
    return Math.max(...holding.newest.map((each) => this.#parts.utcOf(each)));
  }

  #sumsAt(now: number): ReadonlyMap<string, Sums> {
    if (this.#sums !== undefined && now - this.#sums.at < SUMS_KEPT_US) return this.#sums.byGateway;
    const byGateway = new Map<string, Sums>();
    for (const certificate of this.#parts.certificates?.() ?? []) {
      // Of several the newest counts, which is the last.
      if (certificate.role === 'gateway') byGateway.set(certificate.name, { certificate });
    }
    for (const holding of this.#parts.holdings?.(now - DAY_US) ?? []) {
      byGateway.set(holding.gateway, { ...byGateway.get(holding.gateway), holding });
    }
    this.#sums = { at: now, byGateway };
    return byGateway;
  }
}

function lineFacts(line: FleetLine | undefined, isBeyond: boolean): BoxLine {
  if (line === undefined) return { state: isBeyond ? 'beyond' : 'none' };
  const { state, problem } = line.health;
  return { state, kind: line.kind, place: line.name, ...(problem !== undefined && { problem }) };
}

function seenFacts({ status, at, aheadUs, position }: BoxSeen, isComplete: boolean): Partial<BoxFacts> {
  const { clock, sources, store, feedEnd } = status;
  const positions = isComplete || feedEnd === undefined ? 0 : Math.max(0, feedEnd - position);
  const meanBytes = feedEnd === undefined || feedEnd === 0 ? 0 : store.blockBytes / feedEnd;
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
