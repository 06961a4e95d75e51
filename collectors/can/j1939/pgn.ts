/** Parts of a 29-bit identifier of SAE J1939-21. */
export interface J1939Id {
  /** Parameter group number, 18 bits; the destination is no part of it. */
  readonly pgn: number;
  readonly source: number;
  /** 255: to all. */
  readonly destination: number;
}

export const TO_ALL = 255;
/** A source that a DBC file has for "any". */
export const ANY_SOURCE = 0xfe;
/** Groups below this are sent to one node or to all, and have the destination in their identifier (PDU1). */
const PDU2_FORMAT = 240;

/** Takes an identifier apart; the priority is left out. */
export function j1939Id(id: number): J1939Id {
  const group = (id >>> 8) & 0x3ffff;
  const format = (group >> 8) & 0xff;
  const source = id & 0xff;
  if (format >= PDU2_FORMAT) return { pgn: group, source, destination: TO_ALL };
  return { pgn: group & 0x3ff00, source, destination: group & 0xff };
}
