import { setTimeout as pause } from 'node:timers/promises';
import { BackOff } from '../../sync/line/back-off.ts';
import { CaissonError, messageOf } from '../errors.ts';

/** Longest wait between two tries, milliseconds. */
const WAIT_MAX_MS = 10_000;

/** Classes of SQLSTATE by which a database refuses who asks: a wrong password, no such database. */
const REFUSALS = ['28', '3D'];

/**
 * Starts what needs a store. While that is away, its database down or its disk full, it is tried again, with back-off, and said why.
 * @param signal ends the waiting
 * @throws CaissonError for what trying again does not change; the reason of `signal`
 */
export async function whenStoreIsThere<Started>(
  start: () => Promise<Started>,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<Started> {
  const backOff = new BackOff();
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!isAway(error)) throw error;
      const waitMs = Math.min(backOff.next(), WAIT_MAX_MS);
      say(`the store is away: ${messageOf(error)}; trying again in ${(waitMs / 1e3).toFixed(1)} s`);
      await pause(waitMs, undefined, { signal });
    }
  }
}

function isAway(error: unknown): error is CaissonError {
  if (!(error instanceof CaissonError) || !error.retryable) return false;
  if (error.code !== 'store-failed' && error.code !== 'store-unusable') return false;
  const { code } = (error.cause ?? {}) as { readonly code?: unknown };
  return typeof code !== 'string' || !REFUSALS.includes(code.slice(0, 2));
}
