/** Turns the bytes of a wire into samples: those of a wire and those that were kept raw alike. */
export interface WireDecoding {
  /** What the bytes should hold, for people: `NMEA 0183 sentence`. */
  readonly unit: string;

  /** What the far end wants to hear again and again while the port is open. */
  readonly heartbeat?: Heartbeat;

  /** Takes the next bytes of the wire, read at box time `arrival`, microseconds. They are not kept. */
  feed(bytes: Uint8Array, arrival: number): void;

  /** The wire ended in good order, as a recording does. */
  end(): void;

  /** The wire was lost: what comes next does not continue what came before. */
  lost(): void;
}

export interface Heartbeat {
  readonly bytes: Uint8Array;
  readonly everyMs: number;
}

/** Who wants to know more than samples. */
export interface WireListener {
  /** A unit came whole, whatever it holds: the wire speaks what it should. */
  understood(): void;
  /** A valid fix was told: its UTC, microseconds, by a message of that many bytes. */
  fix(utc: number, bytes: number): void;
}
