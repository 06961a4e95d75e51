import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs';

/** What an edge node sends, in the words of the specification; unlike the host's schema, whole for what is sent here. */
const PROTO = `
  syntax = "proto2";
  message Payload {
    optional uint64 timestamp = 1;
    repeated Metric metrics = 2;
    optional uint64 seq = 3;
    optional string uuid = 4;
    optional bytes body = 5;
    message PropertyValue {
      optional uint32 type = 1;
      oneof value { uint32 int_value = 3; string string_value = 8; }
    }
    message PropertySet { repeated string keys = 1; repeated PropertyValue values = 2; }
    message DataSet { optional uint64 num_of_columns = 1; repeated string columns = 2; }
    message Template { optional string version = 1; repeated Metric metrics = 2; }
    message MetaData { optional string description = 8; }
    message Metric {
      optional string name = 1;
      optional uint64 alias = 2;
      optional uint64 timestamp = 3;
      optional uint32 datatype = 4;
      optional bool is_historical = 5;
      optional bool is_transient = 6;
      optional bool is_null = 7;
      optional MetaData metadata = 8;
      optional PropertySet properties = 9;
      oneof value {
        uint32 int_value = 10;
        uint64 long_value = 11;
        float float_value = 12;
        double double_value = 13;
        bool boolean_value = 14;
        string string_value = 15;
        bytes bytes_value = 16;
        DataSet dataset_value = 17;
        Template template_value = 18;
      }
    }
  }`;

const PAYLOAD = protobuf.parse(PROTO).root.lookupType('Payload');

export type SentMetric = Readonly<Record<string, unknown>>;

export interface SentPayload {
  readonly timestamp?: number;
  readonly seq?: number;
  readonly metrics?: readonly SentMetric[];
}

/** A payload as an edge node writes it; 64-bit values as numbers or decimal text. */
export function encodeSparkplug(payload: SentPayload): Buffer {
  return Buffer.from(PAYLOAD.encode(PAYLOAD.fromObject(payload)).finish());
}

/** The names and values of a command's metrics. */
export function decodeCommand(bytes: Uint8Array): [name: string, value: unknown][] {
  const { metrics } = PAYLOAD.toObject(PAYLOAD.decode(bytes)) as {
    metrics: { name: string; booleanValue?: boolean }[];
  };
  return metrics.map(({ name, booleanValue }) => [name, booleanValue]);
}
