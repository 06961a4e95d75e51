/** What a DBC file says, in the words of the format. */
export interface Dbc {
  /** Name of the file, for messages. */
  readonly file: string;
  readonly version: string;
  readonly nodes: readonly string[];
  readonly messages: readonly DbcMessage[];
  /** What was passed over or looks wrong, and did not make the file unusable. */
  readonly notes: readonly DbcNote[];
}

export interface DbcNote {
  readonly line: number;
  readonly text: string;
}

export interface DbcMessage {
  /** Identifier, 11 or 29 bits. */
  readonly id: number;
  readonly extended: boolean;
  /** The long name where the file has one. */
  readonly name: string;
  /** Data bytes as the file says; a frame may be shorter or longer. */
  readonly length: number;
  readonly signals: readonly DbcSignal[];
  readonly comment: string;
  /** Time between two frames, milliseconds, from GenMsgCycleTime; undefined where it is not sent cyclically. */
  readonly cycleMs: number | undefined;
  /** Where in the file it stands. */
  readonly line: number;
}

export interface DbcSignal {
  readonly name: string;
  /** As the file has it: the least significant bit in Intel order, the most significant in Motorola order. */
  readonly startBit: number;
  /** Bits, 1 to 64. */
  readonly length: number;
  readonly byteOrder: 'little' | 'big';
  readonly signed: boolean;
  /** What the bits are: an integer, or IEEE 754 of 32 or 64 bits. */
  readonly encoding: 'integer' | 'float32' | 'float64';
  /** value = raw * gain + offset */
  readonly gain: number;
  readonly offset: number;
  /** As the file says; both 0 where it does not. */
  readonly minimum: number;
  readonly maximum: number;
  readonly unit: string;
  readonly comment: string;
  /** Names of raw values. */
  readonly labels: ReadonlyMap<number, string>;
  /** True where other signals are there or not, depending on its value. */
  readonly isSelector: boolean;
  /** When the signal is there; undefined: always. */
  readonly presence: Presence | undefined;
  readonly line: number;
}

/** A multiplexed signal is there when the raw value of its selector lies in one of the ranges, ends included. */
export interface Presence {
  readonly selector: string;
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/** Set in the identifier that a file has for 29-bit identifiers. */
export const DBC_EXTENDED_FLAG = 0x80000000;

/** Identifier of the message that Vector's tools keep unused signals in; it is on no bus. */
export const DBC_ORPHANS_ID = 0xc0000000;
