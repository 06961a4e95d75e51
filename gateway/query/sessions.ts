import {
  decodeSessionRecord,
  SESSION_CHANNEL,
  type SessionMetadata,
  type SessionRecord,
} from '../analysis/sessions/session-records.ts';
import { CaissonError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { utcText } from '../utc-text.ts';
import type { AskedTelemetry, Samples, StoredChannel } from './telemetry.ts';

/** A stretch of the recording of a gateway that people gave a name. Times UTC, microseconds. */
export interface Session {
  readonly gateway: string;
  readonly id: string;
  readonly name: string;
  readonly from: number;
  /** Exclusive; undefined while it goes on. */
  readonly to: number | undefined;
  readonly metadata: SessionMetadata;
}

/** A record with the moment of its sample, UTC in microseconds. */
interface Said {
  readonly time: number;
  readonly record: SessionRecord;
}

/**
 * The sessions that touch [from, to), by their begin: of one gateway, or of all.
 * @param gateway empty: all
 */
export async function sessionsOf(
  telemetry: Pick<AskedTelemetry, 'channels' | 'raw'>,
  gateway = '',
  from = Number.MIN_SAFE_INTEGER,
  to = Number.MAX_SAFE_INTEGER,
): Promise<Session[]> {
  const sessions: Session[] = [];
  for (const channel of sessionChannels(await telemetry.channels(), gateway)) {
    const reading = new SessionReading(channel.gateway);
    // Whatever they are of: a session may have been named long after it, and may go on for weeks.
    for await (const samples of telemetry.raw(channel.id, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
      reading.add(samples);
    }
    sessions.push(...reading.sessions());
  }
  return sessions
    .filter((session) => session.from < to && (session.to ?? Number.POSITIVE_INFINITY) > from)
    .sort((a, b) => a.from - b.from || (a.id < b.id ? -1 : 1));
}

/**
 * The one that is meant.
 * @param asked id or name; empty: the one that goes on
 * @throws CaissonError `session-unknown`, and `session-invalid` where several have the name
 */
export function findSession(known: readonly Session[], asked: string): Session {
  const byId = known.find(({ id }) => id === asked);
  const named = known.filter(({ name, to }) => (asked === '' ? to === undefined : name === asked));
  const found = byId ?? named.at(-1);
  if (found === undefined) throw unknownSession(known, asked);
  if (byId !== undefined || asked === '' || named.length === 1) return found;
  const ids = named.map(({ id, gateway, from }) => `${id} of ${gateway}, ${utcText(from) ?? from}`);
  throw new CaissonError('session-invalid', `${named.length} sessions are called ${JSON.stringify(asked)}`, {
    hint: `say which by its id: ${ids.join('; ')}`,
  });
}

function unknownSession(known: readonly Session[], asked: string): CaissonError {
  if (asked === '') return new CaissonError('session-unknown', 'no session goes on');
  const names = known.map(({ name }) => name);
  const alike = nearest(asked, new Set(names), 3);
  return new CaissonError('session-unknown', `no session is called ${JSON.stringify(asked)}`, {
    ...(alike.length > 0 && { hint: `did you mean ${alike.join(', ')}?` }),
  });
}

/** Channels with the records of sessions. @param gateway empty: of all */
export function sessionChannels(channels: readonly StoredChannel[], gateway = ''): StoredChannel[] {
  return channels.filter(({ name, type, gateway: whose }) => {
    return name === SESSION_CHANNEL.name && type === 'text' && (gateway === '' || whose === gateway);
  });
}

/** Makes sessions of the records of a gateway, in whatever order they come. */
export class SessionReading {
  readonly #gateway: string;
  readonly #said = new Map<string, Said[]>();

  constructor(gateway: string) {
    this.#gateway = gateway;
  }

  add({ times, values }: Samples): void {
    for (const [i, time] of times.entries()) {
      const record = decodeSessionRecord(String(values[i]));
      if (record === undefined) continue;
      const said = this.#said.get(record.id);
      if (said === undefined) this.#said.set(record.id, [{ time, record }]);
      else said.push({ time, record });
    }
  }

  /** Those of which it was said when they began, by their begin. */
  sessions(): Session[] {
    const sessions = [...this.#said].flatMap(([id, said]) => this.#session(id, said) ?? []);
    return sessions.sort((a, b) => a.from - b.from || (a.id < b.id ? -1 : 1));
  }

  #session(id: string, said: readonly Said[]): Session | undefined {
    const metadata = new Map<string, string>();
    let [name, from, to]: [string, number | undefined, number | undefined] = ['', undefined, undefined];
    for (const { time, record } of said.toSorted((a, b) => a.time - b.time)) {
      name = record.name ?? name;
      from = momentOf(record.from, time) ?? from;
      to = momentOf(record.to, time) ?? to;
      for (const [key, value] of Object.entries(record.metadata ?? {})) {
        if (value === '') metadata.delete(key);
        else metadata.set(key, value);
      }
    }
    if (from === undefined) return undefined;
    return { gateway: this.#gateway, id, name, from, to, metadata: Object.fromEntries(metadata) };
  }
}

function momentOf(said: number | 'now' | undefined, time: number): number | undefined {
  return said === 'now' ? time : said;
}
