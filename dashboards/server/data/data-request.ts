import { CaissonError } from '../../../gateway/errors.ts';
import { QUERY_PIXELS_MAX } from '../../../gateway/limits.ts';
import { nearest } from '../../../gateway/nearest.ts';
import { isTableFormat, TABLE_FORMAT_NAMES, type TableFormatName } from '../../../gateway/table/table-formats.ts';
import { parseRange, type RangeQuery } from '../api.ts';

/** Channels of one request. Beyond: refused. */
export const DATA_CHANNELS_MAX = 256;

/** What a request for data asks; times UTC, microseconds. */
export interface DataRequest extends RangeQuery {
  readonly format: TableFormatName;
  /** Of a past that was made anew: 0 what was taken in; undefined: the newest. */
  readonly version: number | undefined;
}

const PARAMETERS = ['channels', 'channel', 'from', 'to', 'pixels', 'gateway', 'format', 'version'];

/**
 * Reads what a range query has, and `format` and `version`.
 * @param now UTC, microseconds: where `to` is left out
 * @throws CaissonError `query-invalid`, naming the parameter
 */
export function parseDataRequest(search: string, now: number): DataRequest {
  const params = new URLSearchParams(search);
  for (const name of params.keys()) {
    if (!PARAMETERS.includes(name)) throw unknownParameter(name);
  }
  const range = parseRange(params, now, DATA_CHANNELS_MAX);
  if (range.pixels !== undefined && !(range.pixels >= 1 && range.pixels <= QUERY_PIXELS_MAX)) {
    throw new CaissonError('query-invalid', `pixels is ${range.pixels}, expected 1 to ${QUERY_PIXELS_MAX}`);
  }
  const format = params.get('format') ?? 'arrow';
  if (!isTableFormat(format)) {
    throw new CaissonError(
      'query-invalid',
      `format is ${JSON.stringify(format)}, expected ${TABLE_FORMAT_NAMES.join(', ')}`,
    );
  }
  const version = params.get('version');
  if (version !== null && !/^\d{1,15}$/.test(version)) {
    throw new CaissonError('query-invalid', `version is ${JSON.stringify(version)}, expected a whole number`);
  }
  return { ...range, format, version: version === null ? undefined : Number(version) };
}

function unknownParameter(name: string): CaissonError {
  const [similar] = nearest(name, PARAMETERS, 1);
  const hint = similar === undefined ? `parameters are ${PARAMETERS.join(', ')}` : `did you mean ${similar}?`;
  return new CaissonError('query-invalid', `there is no parameter ${JSON.stringify(name)}`, { hint });
}
