import { utcText } from '../../../gateway/utc-text.ts';
import { type Metric, signed, unsigned } from './sparkplug-payload.ts';

/** Data types by number (Sparkplug 3.0, 6.4.16). */
const INT8 = 1;
const INT16 = 2;
const INT32 = 3;
const INT64 = 4;
const DATE_TIME = 13;
const DATA_SET = 16;
const TEMPLATE = 19;

/**
 * What a metric says, of the data type that its birth gave it: a number, boolean or text; `null` for nothing, such as null or bytes;
 * `undefined` for what is refused: data sets, templates, extensions.
 */
export function metricValue(metric: Metric, datatype: number): number | boolean | string | null | undefined {
  if (datatype === DATA_SET || datatype === TEMPLATE) return undefined;
  if (metric.isNull === true) return null;
  switch (metric.value) {
    case 'intValue':
      return integer(metric.intValue ?? 0, datatype);
    case 'longValue':
      return long(metric.longValue ?? 0, datatype);
    case 'floatValue':
      return metric.floatValue ?? 0;
    case 'doubleValue':
      return metric.doubleValue ?? 0;
    case 'booleanValue':
      return metric.booleanValue ?? false;
    case 'stringValue':
      return metric.stringValue ?? '';
    case 'datasetValue':
    case 'templateValue':
    case 'extensionValue':
      return undefined;
    default:
      return null;
  }
}

/** Signed integers are sent as the bits of an unsigned one. */
function integer(bits: number, datatype: number): number {
  if (datatype === INT8) return (bits << 24) >> 24;
  if (datatype === INT16) return (bits << 16) >> 16;
  return datatype === INT32 || datatype === INT64 ? bits | 0 : bits;
}

function long(bits: NonNullable<Metric['longValue']>, datatype: number): number | string {
  if (datatype === INT64 || datatype === INT32 || datatype === INT16 || datatype === INT8) return signed(bits);
  const value = unsigned(bits);
  return datatype === DATE_TIME ? (utcText(value * 1e3) ?? String(value)) : value;
}

const UNIT_KEYS = new Set(['engunit', 'units', 'unit']);

/** Unit that the properties of a metric give it, as those who make edge nodes call it; empty for none. */
export function metricUnit({ properties }: Metric): string {
  if (properties === undefined || properties === null) return '';
  const at = properties.keys.findIndex((key) => UNIT_KEYS.has(key.toLowerCase()));
  return at < 0 ? '' : (properties.values[at]?.stringValue ?? '');
}
