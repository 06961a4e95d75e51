import { randomBytes } from 'node:crypto';
import { CaissonError } from '../../errors.ts';
import { findSession, type Session } from '../../query/sessions.ts';
import { utcText } from '../../utc-text.ts';
import {
  SESSION_KEY,
  SESSION_KEYS_MAX,
  SESSION_TEXT_MAX,
  type SessionMetadata,
  type SessionRecord,
} from './session-records.ts';

/** Characters that would break a line of a table. */
const CONTROL = /\p{Cc}/u;

/** What somebody wants to be so. */
export interface SessionWish {
  /** A new one begins; the one that goes on ends there. */
  readonly begins: boolean;
  /** Which one changes: its id, or its name; empty: the one that goes on. */
  readonly session: string;
  /** Empty: as it is. */
  readonly name: string;
  /** UTC, microseconds; undefined: as it is, and now for a new one. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** It ends now. */
  readonly ends: boolean;
  /** Keys that change; an empty value takes one away. */
  readonly metadata: SessionMetadata;
}

export interface SessionDeskParts {
  /** The sessions of this gateway, as they are on disk. */
  readonly sessions: () => Promise<readonly Session[]>;
  /** Keeps records, all at one moment; resolves when they are on disk. */
  readonly keep: (records: readonly SessionRecord[]) => Promise<void>;
  /** UTC, microseconds. */
  readonly utcNow: () => number;
}

/** Begins, ends and describes sessions as people ask for it: at most one goes on at a time. */
export class SessionDesk {
  readonly #parts: SessionDeskParts;
  /** The last wish that was taken up: one after the other, since each is decided over the one before. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: SessionDeskParts) {
    this.#parts = parts;
  }

  /**
   * The session as it is then.
   * @throws CaissonError `session-invalid`, `session-unknown`, `store-failed`, `server-busy`
   */
  take(wish: SessionWish): Promise<Session> {
    const turn = this.#turn.then(() => this.#take(wish));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #take(wish: SessionWish): Promise<Session> {
    requireTexts(wish);
    const { sessions, keep } = this.#parts;
    const known = await sessions();
    const records = wish.begins ? this.#begun(wish, known) : [this.#changed(wish, known)];
    await keep(records);
    const id = records.at(-1)?.id;
    const session = (await sessions()).find((each) => each.id === id);
    if (session !== undefined) return session;
    throw new CaissonError('store-failed', `session ${id} was kept and is not there`);
  }

  /** The records of a new one, the last, and of those that end with it. */
  #begun({ name, from, to, metadata }: SessionWish, known: readonly Session[]): SessionRecord[] {
    if (name === '') throw invalid('a session needs a name');
    if (to !== undefined && from === undefined) throw invalid('a session that has ended needs its begin as well');
    this.#requireSpan(from, to);
    const begun: SessionRecord = {
      ...{ id: randomBytes(6).toString('hex'), name, from: from ?? 'now', metadata },
      ...(to !== undefined && { to }),
    };
    const going = to === undefined ? known.filter((each) => each.to === undefined) : [];
    const ended = going.map((each): SessionRecord => {
      if (from === undefined || from > each.from) return { id: each.id, to: from ?? 'now' };
      throw invalid(`${each.name} goes on since ${text(each.from)}, which is not before ${text(from)}: end it first`);
    });
    return [...ended, begun];
  }

  #changed(wish: SessionWish, known: readonly Session[]): SessionRecord {
    const { name, from, to, ends, metadata } = wish;
    const session = findSession(known, wish.session);
    if (ends && session.to !== undefined) throw invalid(`${session.name} has ended at ${text(session.to)}`);
    this.#requireSpan(from ?? session.from, to ?? session.to);
    // What is given no value is taken away.
    const values = Object.entries({ ...session.metadata, ...metadata }).filter(([, value]) => value !== '');
    requireKeys(Object.fromEntries(values));
    return {
      id: session.id,
      ...(name !== '' && { name }),
      ...(from !== undefined && { from }),
      ...(to === undefined ? ends && { to: 'now' } : { to }),
      ...(Object.keys(metadata).length > 0 && { metadata }),
    };
  }

  #requireSpan(from: number | undefined, to: number | undefined): void {
    const now = this.#parts.utcNow();
    for (const each of [from, to]) {
      if (each !== undefined && each > now) throw invalid(`${text(each)} is still to come: here it is ${text(now)}`);
    }
    if (from !== undefined && to !== undefined && to <= from) {
      throw invalid(`the end, ${text(to)}, is not after the begin, ${text(from)}`);
    }
  }
}

function requireTexts({ name, metadata }: SessionWish): void {
  for (const [what, said] of [['the name', name], ...Object.entries(metadata)] as const) {
    if (said.length > SESSION_TEXT_MAX)
      throw invalid(`${what} has ${said.length} characters, ${SESSION_TEXT_MAX} may be`);
    if (CONTROL.test(said)) throw invalid(`${what} has a control character: ${JSON.stringify(said)}`);
  }
  requireKeys(metadata);
}

function requireKeys(metadata: SessionMetadata): void {
  const keys = Object.keys(metadata);
  const odd = keys.find((key) => !SESSION_KEY.test(key));
  if (odd !== undefined) {
    throw invalid(`${JSON.stringify(odd)} is no key of metadata: up to 64 letters, digits, spaces, _ . / and -`);
  }
  if (keys.length > SESSION_KEYS_MAX) throw invalid(`${keys.length} keys of metadata, ${SESSION_KEYS_MAX} may be`);
}

function invalid(message: string): CaissonError {
  return new CaissonError('session-invalid', message);
}

function text(time: number): string {
  return utcText(time) ?? String(time);
}
