import { SessionReading, sessionChannels } from '../sessions.ts';
import type { KeptTelemetry } from '../telemetry.ts';
import { type SqlValue, whole } from './sql-value.ts';

/** Every session of every gateway, by begin. */
export function* sessionRows(telemetry: KeptTelemetry): Generator<SqlValue[]> {
  for (const channel of sessionChannels(telemetry.channels())) {
    const reading = new SessionReading(channel.gateway);
    for (const samples of telemetry.raw(channel.id, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)) {
      reading.add(samples);
    }
    for (const { gateway, id, name, from, to, metadata } of reading.sessions()) {
      const ends = to === undefined ? [null, null] : [whole(to), (to - from) / 1e6];
      yield [gateway, id, name, whole(from), ...ends, JSON.stringify(metadata)];
    }
  }
}
