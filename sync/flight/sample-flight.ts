import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { QUERY_PIXELS_MAX } from '../../gateway/limits.ts';
import { nearest } from '../../gateway/nearest.ts';
import { requireVersion } from '../../gateway/query/require-version.ts';
import type { SqlParameters } from '../../gateway/query/sql/sql-statement.ts';
import type { SqlValue } from '../../gateway/query/sql/sql-value.ts';
import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import type { SampleQuery } from '../../gateway/table/sample-table.ts';
import { utcFromText } from '../../gateway/utc-text.ts';

/** Channels of one flight. Beyond: refused. */
const FLIGHT_CHANNELS_MAX = 256;

/** What a flight of samples asks, as it stands in commands and tickets. */
export interface SampleFlight {
  readonly channels: readonly string[];
  readonly gateway?: string;
  /** UTC, microseconds, or ISO 8601; absent: without a beginning. */
  readonly from?: number | string;
  readonly to?: number | string;
  readonly pixels?: number;
  readonly version?: number;
}

/** What a statement asks, as clients of InfluxDB 3 write it; there is one database, whatever it is called. */
export interface StatementFlight {
  readonly sql: string;
  readonly parameters: SqlParameters;
}

const SAMPLE_KEYS = ['channels', 'gateway', 'from', 'to', 'pixels', 'version'];
const STATEMENT_KEYS = ['database', 'sql_query', 'query_type', 'params'];

/**
 * Reads a command or ticket that is JSON: `{"channels": [...], "from": ..., "to": ..., "pixels": ...}`, or
 * `{"sql_query": "...", "params": {...}}`.
 *
 * @throws CaissonError `query-invalid`, naming the key
 */
export function parseFlight(text: string): SampleFlight | StatementFlight {
  const given = objectOf(text);
  const keys = 'sql_query' in given ? STATEMENT_KEYS : SAMPLE_KEYS;
  for (const key of Object.keys(given)) {
    if (keys.includes(key)) continue;
    const [similar] = nearest(key, keys, 1);
    const hint = similar === undefined ? `keys are ${keys.join(', ')}` : `did you mean ${similar}?`;
    throw new CaissonError('query-invalid', `there is no key ${JSON.stringify(key)}`, { hint });
  }
  return 'sql_query' in given ? statementOf(given) : samplesOf(given);
}

/**
 * What is to be read for a flight.
 * @throws CaissonError `query-invalid`, `channel-unknown`
 */
export async function sampleQuery(telemetry: AskedTelemetry, flight: SampleFlight): Promise<SampleQuery> {
  const { channels, gateway, pixels, version } = flight;
  const from = timeOf('from', flight.from) ?? -Number.MAX_SAFE_INTEGER;
  const to = timeOf('to', flight.to) ?? Number.MAX_SAFE_INTEGER;
  if (!(from < to)) throw new CaissonError('query-invalid', `from ${from} is not before to ${to}`);
  if (pixels !== undefined && (flight.from === undefined || flight.to === undefined)) {
    throw new CaissonError('query-invalid', `${pixels} pixels of an open range, expected both from and to`);
  }
  const found = await Promise.all(channels.map(async (name) => telemetry.channel(name, gateway)));
  if (version !== undefined) requireVersion(found, version, await telemetry.versions());
  return { channels: found, from, to, pixels, version };
}

function objectOf(text: string): Record<string, unknown> {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw new CaissonError('query-invalid', `the command is no JSON: ${messageOf(cause)}`, { cause });
  }
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given as Record<string, unknown>;
  throw new CaissonError('query-invalid', 'the command is JSON, but no object');
}

function samplesOf({ channels, gateway, from, to, pixels, version }: Record<string, unknown>): SampleFlight {
  if (!Array.isArray(channels) || !channels.every((name) => typeof name === 'string'))
    throw misfit('channels', channels, 'a list of names');
  if (channels.length === 0 || channels.length > FLIGHT_CHANNELS_MAX) {
    throw new CaissonError('query-invalid', `${channels.length} channels, expected 1 to ${FLIGHT_CHANNELS_MAX}`);
  }
  if (gateway !== undefined && typeof gateway !== 'string') throw misfit('gateway', gateway, 'the id of a gateway');
  if (!isWhole(pixels, 1, QUERY_PIXELS_MAX)) throw misfit('pixels', pixels, `1 to ${QUERY_PIXELS_MAX}`);
  if (!isWhole(version, 0, Number.MAX_SAFE_INTEGER)) throw misfit('version', version, 'a whole number');
  timeOf('from', from);
  timeOf('to', to);
  const flight = { channels, gateway, from, to, pixels, version };
  return Object.fromEntries(
    Object.entries(flight).filter(([, value]) => value !== undefined),
  ) as unknown as SampleFlight;
}

function statementOf({
  sql_query: sql,
  query_type: type = 'sql',
  params = {},
}: Record<string, unknown>): StatementFlight {
  if (typeof sql !== 'string') throw misfit('sql_query', sql, 'a statement');
  if (type !== 'sql') throw misfit('query_type', type, 'sql');
  if (typeof params !== 'object' || params === null) throw misfit('params', params, 'values by their names');
  const parameters = Object.entries(params).map(([name, value]): [string, SqlValue] => {
    if (value === null || typeof value === 'string' || typeof value === 'number') return [name, value];
    if (typeof value === 'boolean') return [name, value ? 1 : 0];
    throw misfit(`params.${name}`, value, 'a number or a text');
  });
  return { sql, parameters: Object.fromEntries(parameters) };
}

function timeOf(key: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const time = typeof value === 'string' ? utcFromText(value) : value;
  if (typeof time === 'number' && Number.isSafeInteger(time)) return time;
  throw misfit(key, value, 'UTC in microseconds, or ISO 8601');
}

function isWhole(value: unknown, least: number, most: number): value is number | undefined {
  return value === undefined || (Number.isInteger(value) && (value as number) >= least && (value as number) <= most);
}

function misfit(key: string, value: unknown, expected: string): CaissonError {
  return new CaissonError('query-invalid', `${key} is ${JSON.stringify(value)}, expected ${expected}`);
}
