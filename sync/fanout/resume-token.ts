import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { CaissonError } from '../../gateway/errors.ts';
import type { Head } from './continuity.ts';
import type { NewsPlace } from './news.ts';

/** Bytes of a token when it is unpacked. Beyond: refused. */
const TOKEN_BYTES_MAX = 4 << 20;

const VERSION = 1;

/** Where a reader of every sample stands. */
export interface ResumePoint {
  /** By gateway. */
  readonly places: ReadonlyMap<string, NewsPlace>;
  /** By gateway and channel: what was delivered last. */
  readonly heads: ReadonlyMap<string, ReadonlyMap<string, Head>>;
}

/** A token as it is kept: JSON, deflated. It lets nobody see what he may not: every delivery is decided anew. */
interface KeptPoint {
  readonly version: number;
  readonly gateways: Readonly<Record<string, KeptGateway>>;
}

interface KeptGateway {
  readonly place: NewsPlace;
  readonly heads: Readonly<Record<string, Head>>;
}

export function encodeToken({ places, heads }: ResumePoint): Uint8Array {
  const gateways = Object.fromEntries(
    [...places].map(([gateway, place]) => [gateway, { place, heads: Object.fromEntries(heads.get(gateway) ?? []) }]),
  );
  return deflateRawSync(JSON.stringify({ version: VERSION, gateways } satisfies KeptPoint));
}

/** @throws CaissonError `query-invalid` for what is no token */
export function decodeToken(token: Uint8Array): ResumePoint {
  const kept = parse(token);
  if (!isKeptPoint(kept)) throw notAToken();
  const gateways = Object.entries(kept.gateways);
  return {
    places: new Map(gateways.map(([gateway, { place }]) => [gateway, place])),
    heads: new Map(gateways.map(([gateway, { heads }]) => [gateway, new Map(Object.entries(heads))])),
  };
}

function parse(token: Uint8Array): unknown {
  try {
    return JSON.parse(inflateRawSync(token, { maxOutputLength: TOKEN_BYTES_MAX }).toString());
  } catch (cause) {
    throw notAToken(cause);
  }
}

function isKeptPoint(kept: unknown): kept is KeptPoint {
  if (!isObject(kept) || kept.version !== VERSION || !isObject(kept.gateways)) return false;
  return Object.values(kept.gateways).every(
    (each) => isObject(each) && isPlace(each.place) && isObject(each.heads) && Object.values(each.heads).every(isHead),
  );
}

export function isPlace(place: unknown): place is NewsPlace {
  if (!isObject(place) || typeof place.feed !== 'string' || !isCount(place.position)) return false;
  return place.month === undefined || isCount(place.month);
}

function isHead(head: unknown): boolean {
  return isObject(head) && typeof head.boot === 'string' && isCount(head.next);
}

export function isCount(number: unknown): boolean {
  return Number.isSafeInteger(number) && Number(number) >= 0;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notAToken(cause?: unknown): CaissonError {
  return new CaissonError('query-invalid', 'what `resume` holds is no token of a subscription', {
    hint: 'give it back as an update had it, byte for byte',
    ...(cause === undefined ? {} : { cause }),
  });
}
