import { PRECISIONS, type Precision } from '../line-protocol/precision.ts';
import type { WriteVersion } from './answer.ts';
import { Refusal } from './refusal.ts';

/** What is asked for at an address. */
export type Target =
  | { readonly kind: 'write'; readonly version: WriteVersion }
  | { readonly kind: 'ping' | 'health' | 'query'; readonly version: WriteVersion };

interface Route {
  readonly methods: readonly string[];
  readonly target: Target;
}

const ROUTES: Readonly<Record<string, Route>> = {
  '/write': { methods: ['POST'], target: { kind: 'write', version: 1 } },
  '/api/v2/write': { methods: ['POST'], target: { kind: 'write', version: 2 } },
  '/ping': { methods: ['GET', 'HEAD'], target: { kind: 'ping', version: 1 } },
  '/health': { methods: ['GET', 'HEAD'], target: { kind: 'health', version: 2 } },
  '/query': { methods: ['POST', 'GET'], target: { kind: 'query', version: 1 } },
};

/** Spellings of a precision that InfluxDB 1 knows besides. */
const OLD_PRECISIONS: Readonly<Record<string, Precision>> = { n: 'ns', u: 'us', µ: 'us' };

/** Addresses that clients look for, for messages. */
const KNOWN_PATHS = Object.keys(ROUTES).join(', ');

/** @throws Refusal `http-path`, `http-method` */
export function findTarget(method: string, path: string): Target {
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (route === undefined) throw new Refusal('http-path', 404, `${path} is none of ${KNOWN_PATHS}`);
  if (!route.methods.includes(method)) {
    throw new Refusal('http-method', 405, `${path} takes ${route.methods.join(' and ')}, not ${method}`);
  }
  return route.target;
}

/**
 * Unit of the timestamps of a request.
 * @throws Refusal `http-precision`
 */
export function findPrecision(query: URLSearchParams, configured: Precision): Precision {
  const asked = query.get('precision');
  if (asked === null || asked === '') return configured;
  const precision = PRECISIONS.find((known) => known === asked) ?? OLD_PRECISIONS[asked];
  if (precision !== undefined) return precision;
  throw new Refusal('http-precision', 400, `precision ${asked} is none of ${PRECISIONS.join(', ')}`);
}
