/**
 * How a PDU travels on a wire. A framing keeps one request at a time and looks for its answer in the bytes that come:
 * noise, answers of others and answers that come too late are skipped and counted.
 */
export interface ModbusFraming {
  /** The bytes of a request. What came before them is forgotten. */
  request(unit: number, pdu: Uint8Array): Uint8Array;

  /** Takes the next bytes of the wire; returns the PDU of the answer once it is whole, valid until the next call. */
  take(bytes: Uint8Array): Uint8Array | undefined;

  /** Forgets all: what comes next does not continue what came before. */
  reset(): void;

  /** Bytes that came since the request and are not its answer. */
  readonly skippedBytes: number;
}
