import { joinedRuns } from '../../gateway/query/number-runs.ts';
import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import type { HeldChannel } from '../fidelity/held-numbers.ts';
import { NOT_RECEIVED } from './sequence-ledger.ts';

/** Runs that are told with one wish. Beyond: none are, and what the feed has gone by does not come. */
const RUNS_MAX = 4096;

/**
 * The numbers of channels that need not come: what is here, and what is known to be lost or was given up.
 * @param gateway whose channels; empty: of all
 * @returns undefined where they are more than can be told
 */
export async function heldHere(
  telemetry: Pick<AskedTelemetry, 'channels' | 'accounts'>,
  gateway: string,
  names: readonly string[],
): Promise<readonly HeldChannel[] | undefined> {
  const wished = (await telemetry.channels()).filter(
    (channel) => names.includes(channel.name) && (gateway || channel.gateway) === channel.gateway,
  );
  const held: HeldChannel[] = [];
  let count = 0;
  for (const { id, gateway: of, name: channel } of wished) {
    for (const account of await telemetry.accounts(id)) {
      const known = account.missing.filter(({ cause }) => cause !== NOT_RECEIVED);
      const runs = joinedRuns([...account.held, ...known]);
      count += runs.length;
      if (count > RUNS_MAX) return undefined;
      held.push({ gateway: of, boot: account.boot, channel, runs: runs.flatMap(({ first, end }) => [first, end]) });
    }
  }
  return held;
}
