/** The messages of sync/proto/arrow/flight/flight.proto as they are in memory; the proto says what they mean. */

export interface HandshakeMessage {
  readonly protocolVersion: number;
  readonly payload: Uint8Array;
}

export interface CriteriaMessage {
  readonly expression: Uint8Array;
}

export interface FlightDescriptorMessage {
  readonly type: 'UNKNOWN' | 'PATH' | 'CMD';
  readonly cmd: Uint8Array;
  readonly path: readonly string[];
}

export interface FlightInfoMessage {
  readonly schema: Uint8Array;
  readonly flightDescriptor: FlightDescriptorMessage;
  readonly endpoint: readonly FlightEndpointMessage[];
  readonly totalRecords: number;
  readonly totalBytes: number;
  readonly ordered: boolean;
}

export interface FlightEndpointMessage {
  readonly ticket: TicketMessage;
  readonly location: readonly { readonly uri: string }[];
}

export interface TicketMessage {
  readonly ticket: Uint8Array;
}

export interface SchemaResultMessage {
  readonly schema: Uint8Array;
}

export interface FlightDataMessage {
  readonly dataHeader: Uint8Array;
  readonly dataBody: Uint8Array;
}

export interface ActionMessage {
  readonly type: string;
  readonly body: Uint8Array;
}

export interface ResultMessage {
  readonly body: Uint8Array;
}

export interface ActionTypeMessage {
  readonly type: string;
  readonly description: string;
}
