import { Message, type Schema } from 'apache-arrow';
import { ArrowStream } from '../../gateway/table/arrow-stream.ts';
import type { FlightDataMessage } from './flight-messages.ts';

/** Bytes before the header of an IPC message: a continuation mark and the header's length. */
const PREFIX_BYTES = 8;

const NO_BYTES = new Uint8Array(0);

/** The messages of a piece of an IPC stream; views of it. The mark of the stream's end is none. */
export function* flightData(bytes: Uint8Array): Generator<FlightDataMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const headerLength = view.getInt32(at + 4, true);
    if (headerLength === 0) return;
    const dataHeader = bytes.subarray(at + PREFIX_BYTES, at + PREFIX_BYTES + headerLength);
    const bodyAt = at + PREFIX_BYTES + headerLength;
    const { bodyLength } = Message.decode(dataHeader);
    at = bodyAt + bodyLength;
    yield { dataHeader, dataBody: bodyLength === 0 ? NO_BYTES : bytes.subarray(bodyAt, at) };
  }
}

/** A schema as an IPC message. */
export function schemaMessage(schema: Schema): Uint8Array {
  return new ArrowStream(schema).begin();
}
