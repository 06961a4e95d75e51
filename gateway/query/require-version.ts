import { CaissonError } from '../errors.ts';
import type { PastVersion, StoredChannel } from './telemetry.ts';

/**
 * Refuses a version of the past that there is not: beyond the newest one it would be answered as if it were that.
 * @param channels that are asked about; versions are counted for each gateway
 * @param version undefined: the newest
 * @param versions all there are
 * @throws CaissonError `query-invalid`, naming those there are
 */
export function requireVersion(
  channels: readonly Pick<StoredChannel, 'gateway'>[],
  version: number | undefined,
  versions: readonly PastVersion[],
): void {
  if (version === undefined || version === 0) return;
  for (const gateway of new Set(channels.map((channel) => channel.gateway))) {
    const newest = versions.reduce((most, each) => (each.gateway === gateway ? Math.max(most, each.version) : most), 0);
    if (version <= newest) continue;
    const known =
      newest === 0 ? 'only 0: nothing was made anew of what it took in' : `0, as it was taken in, to ${newest}`;
    throw new CaissonError('query-invalid', `there is no version ${version} of the past of ${gateway}, but ${known}`, {
      hint: '`caisson channels` lists the versions of each channel; without one the newest is shown',
    });
  }
}
