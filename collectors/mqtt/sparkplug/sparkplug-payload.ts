import protobuf from 'protobufjs';
import { messageOf } from '../../../gateway/errors.ts';
import { PayloadError } from '../../payload/payload-error.ts';

/** Metrics of one payload. Beyond: bad input, reason `sparkplug-invalid`. */
const METRICS_MAX = 65_536;

/*
 * Fields and numbers of Sparkplug 3.0, 6.4 (payload B). What is only refused by name, data sets and templates, is left as
 * bytes: on the wire a message is no different.
 */
const ROOT = protobuf.Root.fromJSON({
  nested: {
    PropertyValue: {
      oneofs: { value: { oneof: ['stringValue'] } },
      fields: { isNull: { type: 'bool', id: 2 }, stringValue: { type: 'string', id: 8 } },
    },
    PropertySet: {
      fields: {
        keys: { rule: 'repeated', type: 'string', id: 1 },
        values: { rule: 'repeated', type: 'PropertyValue', id: 2 },
      },
    },
    Metric: {
      oneofs: {
        value: {
          oneof: [
            'intValue',
            'longValue',
            'floatValue',
            'doubleValue',
            'booleanValue',
            'stringValue',
            'bytesValue',
            'datasetValue',
            'templateValue',
            'extensionValue',
          ],
        },
      },
      fields: {
        name: { type: 'string', id: 1 },
        alias: { type: 'uint64', id: 2 },
        timestamp: { type: 'uint64', id: 3 },
        datatype: { type: 'uint32', id: 4 },
        isHistorical: { type: 'bool', id: 5 },
        isTransient: { type: 'bool', id: 6 },
        isNull: { type: 'bool', id: 7 },
        properties: { type: 'PropertySet', id: 9 },
        intValue: { type: 'uint32', id: 10 },
        longValue: { type: 'uint64', id: 11 },
        floatValue: { type: 'float', id: 12 },
        doubleValue: { type: 'double', id: 13 },
        booleanValue: { type: 'bool', id: 14 },
        stringValue: { type: 'string', id: 15 },
        bytesValue: { type: 'bytes', id: 16 },
        datasetValue: { type: 'bytes', id: 17 },
        templateValue: { type: 'bytes', id: 18 },
        extensionValue: { type: 'bytes', id: 19 },
      },
    },
    Payload: {
      fields: {
        timestamp: { type: 'uint64', id: 1 },
        metrics: { rule: 'repeated', type: 'Metric', id: 2 },
        seq: { type: 'uint64', id: 3 },
      },
    },
  },
});

const PAYLOAD = ROOT.lookupType('Payload');

/** 64 bits as protobufjs reads them. */
type Long = number | { readonly low: number; readonly high: number };

/** A metric as it came; what was not sent is undefined or the default of its type. */
export interface Metric {
  readonly name?: string;
  readonly alias?: Long;
  readonly timestamp?: Long;
  readonly datatype?: number;
  readonly isNull?: boolean;
  readonly properties?: {
    readonly keys: readonly string[];
    readonly values: readonly { readonly stringValue?: string }[];
  } | null;
  /** Which of the values was sent. */
  readonly value?: keyof Metric;
  readonly intValue?: number;
  readonly longValue?: Long;
  readonly floatValue?: number;
  readonly doubleValue?: number;
  readonly booleanValue?: boolean;
  readonly stringValue?: string;
  readonly bytesValue?: Uint8Array;
  readonly datasetValue?: Uint8Array;
  readonly templateValue?: Uint8Array;
  readonly extensionValue?: Uint8Array;
}

export interface SparkplugPayload {
  /** Milliseconds of UTC; undefined where the sender gives none. */
  readonly timestampMs: number | undefined;
  /** 0 to 255; undefined where there is none, as in a death of a node. */
  readonly seq: number | undefined;
  readonly metrics: readonly Metric[];
}

/** @throws PayloadError `sparkplug-invalid` */
export function decodeSparkplug(payload: Uint8Array): SparkplugPayload {
  let message: protobuf.Message;
  try {
    message = PAYLOAD.decode(payload);
  } catch (error) {
    throw new PayloadError('sparkplug-invalid', messageOf(error));
  }
  const { timestamp, seq, metrics } = message as unknown as { timestamp: Long; seq: Long; metrics: Metric[] };
  if (metrics.length > METRICS_MAX) throw new PayloadError('sparkplug-invalid', `more than ${METRICS_MAX} metrics`);
  return {
    timestampMs: Object.hasOwn(message, 'timestamp') ? unsigned(timestamp) : undefined,
    seq: Object.hasOwn(message, 'seq') ? unsigned(seq) : undefined,
    metrics,
  };
}

/** A command that asks a node for its births (`Node Control/Rebirth`). */
export function encodeRebirth(nowMs: number): Uint8Array {
  const metric = { name: 'Node Control/Rebirth', timestamp: nowMs, datatype: 11, booleanValue: true };
  return PAYLOAD.encode({ timestamp: nowMs, metrics: [metric] }).finish();
}

/** True when the field was sent, be it with its default. */
export function isSent(metric: Metric, field: keyof Metric): boolean {
  return Object.hasOwn(metric, field);
}

export function unsigned(value: Long): number {
  return typeof value === 'number' ? value : (value.high >>> 0) * 2 ** 32 + (value.low >>> 0);
}

/** The same bits as a signed integer. */
export function signed(value: Long): number {
  return typeof value === 'number' ? value : (value.high | 0) * 2 ** 32 + (value.low >>> 0);
}
