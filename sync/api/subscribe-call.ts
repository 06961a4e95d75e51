import { CaissonError } from '../../gateway/errors.ts';
import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import { EMPTY_UPDATE, encodeLiveValue } from '../fanout/live-update.ts';
import type { Wanted } from '../fanout/wanted.ts';
import { LatestValues } from './latest-values.ts';
import type { LiveUpdateMessage, SubscribeRequestMessage } from './live-messages.ts';
import type { Outflow } from './outflow.ts';
import { requestedChannels } from './query-call.ts';

/** Channels of one subscription. Beyond: refused. */
const SUBSCRIBE_CHANNELS_MAX = 4096;

/** Updates a second where the request says nothing, and at most. */
const RATE_DEFAULT = 10;
const RATE_MAX = 60;

/**
 * Sends the latest values of channels until the reader goes: what changes at once, and what changes within the interval after that
 * together at its end. `out` must be given one message at a time: what changes while it is on its way is merged, so a slow reader
 * costs one value a channel.
 *
 * @param wanted told of what is watched, where values come only if somebody watches
 * @throws CaissonError `query-invalid`, `channel-unknown`
 */
export async function answerSubscribe(
  telemetry: AskedTelemetry,
  request: SubscribeRequestMessage,
  out: Outflow<LiveUpdateMessage>,
  wanted?: Wanted,
): Promise<void> {
  const channels = await requestedChannels(telemetry, request, SUBSCRIBE_CHANNELS_MAX);
  const intervalMs = 1000 / rateOf(request.rateMax);
  const indexes = new Map<number, number[]>();
  for (const [index, { id }] of channels.entries()) indexes.set(id, [...(indexes.get(id) ?? []), index]);
  const latest = new LatestValues();
  let wake = () => {};
  const unfollow = telemetry.follow((batch) => {
    for (const index of indexes.get(batch.channel) ?? []) latest.offerBatch(index, batch);
    if (latest.changes > 0) wake();
  });
  out.closed.addEventListener('abort', () => wake(), { once: true });
  const change = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
      if (latest.changes > 0 || !out.isOpen) resolve();
    });
  const unwant = wanted?.want(channels, 'values');
  try {
    for (const [index, { id }] of channels.entries()) {
      const sample = await telemetry.latest(id);
      if (sample !== undefined) latest.offer(index, sample.time, sample.value);
    }
    await out.send({ ...EMPTY_UPDATE, values: latest.take().map(encodeLiveValue) });
    while (out.isOpen) {
      await out.pause(intervalMs);
      await change();
      await out.send({ ...EMPTY_UPDATE, values: latest.take().map(encodeLiveValue) });
    }
  } finally {
    unwant?.();
    unfollow();
  }
}

function rateOf(rateMax: number): number {
  if (rateMax === 0) return RATE_DEFAULT;
  if (rateMax > 0 && rateMax <= RATE_MAX) return rateMax;
  throw new CaissonError('query-invalid', `${rateMax} updates a second, expected more than 0 and at most ${RATE_MAX}`);
}
