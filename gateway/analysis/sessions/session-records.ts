import type { ChannelSpec } from '../../channel.ts';

/** Characters of a session's name and of a value of its metadata, at most. Longer: refused. */
export const SESSION_TEXT_MAX = 256;

/** Keys of the metadata of a session, at most, and what one is. */
export const SESSION_KEYS_MAX = 64;
export const SESSION_KEY = /^[\p{L}\p{N}][\p{L}\p{N} _./-]{0,63}$/u;

/** Sessions are samples like all else: text of one channel, JSON. */
export const SESSION_CHANNEL: ChannelSpec = {
  name: 'caisson/sessions',
  source: 'caisson',
  type: 'text',
  class: 'critical',
  description: 'what people call stretches of the recording, with what they noted of them',
};

/** What people note of a session. */
export type SessionMetadata = Readonly<Record<string, string>>;

/**
 * What was said of a session at one moment, that of its sample; what is missing stays as it is. In whatever order records of a session
 * come, they say the same: of each thing the latest word counts.
 */
export interface SessionRecord {
  /** Of one session, whichever boot it was said in. */
  readonly id: string;
  readonly name?: string;
  /** UTC, microseconds; or `now`: the moment of the record, which a better clock moves with all other samples. */
  readonly from?: number | 'now';
  readonly to?: number | 'now';
  /** Keys that change; empty: the key goes. */
  readonly metadata?: SessionMetadata;
}

export function encodeSessionRecord(record: SessionRecord): string {
  return JSON.stringify(record);
}

/** Undefined for what is none: whoever may publish may write a channel of that name. */
export function decodeSessionRecord(text: string): SessionRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, name, from, to, metadata } = value as Record<string, unknown>;
  if (typeof id !== 'string' || id === '') return undefined;
  if (name !== undefined && typeof name !== 'string') return undefined;
  if (!isMoment(from) || !isMoment(to) || !isMetadata(metadata)) return undefined;
  return {
    id,
    ...(name !== undefined && { name }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(metadata !== undefined && { metadata }),
  };
}

function isMoment(value: unknown): value is number | 'now' | undefined {
  return value === undefined || value === 'now' || Number.isSafeInteger(value);
}

function isMetadata(value: unknown): value is SessionMetadata | undefined {
  if (value === undefined) return true;
  return typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'string');
}
