import { CaissonError } from '../errors.ts';
import type { Coverage } from './coverage/coverage.ts';
import type { Envelope, LatestSample, Samples, StoredChannel, Telemetry } from './telemetry.ts';

/** What can be asked where no store is open: there are no channels, and so nothing of them. */
export class NoTelemetry implements Telemetry {
  channels(): readonly StoredChannel[] {
    return [];
  }

  channel(name: string): StoredChannel {
    throw unknown(name);
  }

  raw(channel: number): IterableIterator<Samples> {
    throw unknown(`${channel}`);
  }

  envelope(channel: number): Envelope {
    throw unknown(`${channel}`);
  }

  versions(): readonly [] {
    return [];
  }

  latest(): LatestSample | undefined {
    return undefined;
  }

  follow(): () => void {
    return () => {};
  }

  gaps(): readonly [] {
    return [];
  }

  coverage(channel: number): Coverage {
    throw unknown(`${channel}`);
  }

  ledger(): readonly [] {
    return [];
  }

  accounts(): readonly [] {
    return [];
  }
}

function unknown(channel: string): CaissonError {
  return new CaissonError('channel-unknown', `the store is not open, so channel ${channel} is not known`);
}
