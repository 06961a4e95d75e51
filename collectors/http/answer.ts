import type { LineBody } from '../line-protocol/line-body.ts';
import { faultText } from '../line-protocol/line-fault.ts';
import type { Refusal } from './refusal.ts';

/** Which of the two ways to write a request used; they answer in different words. */
export type WriteVersion = 1 | 2;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON; undefined for none. */
  readonly body: unknown;
}

const NO_CONTENT: Answer = { status: 204, headers: {}, body: undefined };

/** Words of InfluxDB 2 for a status. */
const CODES: Readonly<Record<number, string>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not found',
  405: 'method not allowed',
  408: 'timeout',
  413: 'request too large',
  415: 'unsupported media type',
  429: 'too many requests',
  503: 'unavailable',
};

/** The answer to a body whose good lines are on disk: 204, or 400 that names the bad ones. */
export function writeAnswer(body: LineBody, version: WriteVersion): Answer {
  const { bad, faults, lines } = body;
  if (bad === 0) return NO_CONTENT;
  const told = faults.map(faultText);
  if (bad > faults.length) told.push(`and ${bad - faults.length} lines more`);
  // Clients look for these words: what could be kept is kept, and sending it again would not mend the rest.
  const message = `${lines > 0 ? 'partial write: ' : ''}${told.join('\n')}${lines > 0 ? ` dropped=${bad}` : ''}`;
  return errorAnswer(400, message, version, {}, faults[0]?.line);
}

export function refusalAnswer({ status, message, retryAfterS }: Refusal, version: WriteVersion): Answer {
  const headers: Record<string, string> = {};
  if (retryAfterS !== undefined) headers['Retry-After'] = String(retryAfterS);
  if (status === 401) headers['WWW-Authenticate'] = 'Basic realm="Caisson"';
  return errorAnswer(status, message, version, headers);
}

function errorAnswer(
  status: number,
  message: string,
  version: WriteVersion,
  headers: Readonly<Record<string, string>>,
  line?: number,
): Answer {
  // A header holds one line of ASCII.
  const headerText = message.slice(0, 200).replace(/[^\x20-\x7e]/g, ' ');
  const body =
    version === 1
      ? { error: message }
      : { code: CODES[status] ?? 'internal error', message, ...(line === undefined ? {} : { line }) };
  return { status, headers: { 'X-Influxdb-Error': headerText, ...headers }, body };
}
