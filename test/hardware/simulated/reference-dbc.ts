/*
 * A small reading of DBC text for the tests: as plain as can be and made without a look at how the car packs its
 * frames. A signal's bits are picked one by one.
 */

export interface ReferenceSignal {
  readonly name: string;
  readonly startBit: number;
  readonly bits: number;
  readonly intel: boolean;
  readonly signed: boolean;
  readonly gain: number;
  readonly offset: number;
  readonly least: number;
  readonly greatest: number;
  readonly unit: string;
  /** `M` selects the page; a number is the page the signal is on. */
  readonly multiplex: 'M' | number | undefined;
  float: boolean;
}

export interface ReferenceMessage {
  readonly id: number;
  readonly name: string;
  readonly bytes: number;
  readonly signals: ReferenceSignal[];
}

export function parseDbc(text: string): Map<number, ReferenceMessage> {
  const messages = new Map<number, ReferenceMessage>();
  let current: ReferenceMessage | undefined;
  for (const line of text.split('\n')) {
    const message = /^BO_ (\d+) (\w+): (\d) (\w+)$/.exec(line);
    if (message !== null) {
      current = { id: Number(message[1]), name: message[2] ?? '', bytes: Number(message[3]), signals: [] };
      messages.set(current.id, current);
    }
    const signal =
      /^ SG_ (\w+) ?(M|m\d+)? : (\d+)\|(\d+)@([01])([+-]) \(([^,]+),([^)]+)\) \[([^|]+)\|([^\]]+)\] "([^"]*)" Vector__XXX$/.exec(
        line,
      );
    if (signal !== null) current?.signals.push(signalOf(signal));
    else if (line.startsWith(' SG_')) throw new Error(`no signal line: ${line}`);
    const float = /^SIG_VALTYPE_ (\d+) (\w+) : 1;$/.exec(line);
    if (float !== null) {
      const found = messages.get(Number(float[1]))?.signals.find(({ name }) => name === float[2]);
      if (found === undefined) throw new Error(`no signal for ${line}`);
      found.float = true;
    }
  }
  return messages;
}

function signalOf(match: RegExpExecArray): ReferenceSignal {
  const [, name = '', multiplex, start, bits, order, sign, gain, offset, least, greatest, unit = ''] = match;
  return {
    name,
    startBit: Number(start),
    bits: Number(bits),
    intel: order === '1',
    signed: sign === '-',
    gain: Number(gain),
    offset: Number(offset),
    least: Number(least),
    greatest: Number(greatest),
    unit,
    multiplex: multiplex === undefined ? undefined : multiplex === 'M' ? 'M' : Number(multiplex.slice(1)),
    float: false,
  };
}

/** Numbers of the data bits of a signal, the most significant first. Bit `n` is bit `n % 8` of byte `n / 8`. */
export function bitsOf({ startBit, bits, intel }: ReferenceSignal): number[] {
  const places: number[] = [];
  let place = startBit;
  for (let i = 0; i < bits; i++) {
    places.push(place);
    if (intel) place += 1;
    else place = place % 8 === 0 ? place + 15 : place - 1;
  }
  return intel ? places.reverse() : places;
}

/** Value of a signal in a frame. */
export function decodeSignal(signal: ReferenceSignal, data: Uint8Array): number {
  let raw = 0n;
  for (const place of bitsOf(signal)) raw = (raw << 1n) | BigInt(((data[place >> 3] ?? 0) >> (place & 7)) & 1);
  if (signal.float) {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, Number(raw));
    return view.getFloat32(0);
  }
  return Number(signal.signed ? BigInt.asIntN(signal.bits, raw) : raw) * signal.gain + signal.offset;
}

/** The signals that a frame carries: all but those on other pages, and not the one that selects the page. */
export function signalsIn(message: ReferenceMessage, data: Uint8Array): ReferenceSignal[] {
  const selector = message.signals.find(({ multiplex }) => multiplex === 'M');
  const page = selector === undefined ? undefined : decodeSignal(selector, data);
  return message.signals.filter(({ multiplex }) => multiplex === undefined || multiplex === page);
}
