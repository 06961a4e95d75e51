import { Buffer } from 'node:buffer';
import type { Heard, Listen } from '../../../collectors/serial/find-line-settings.ts';
import type { BytePort } from '../../../hardware/serial/byte-port.ts';
import { openSerialPort, type SerialSettings } from '../../../hardware/serial/serial-port.ts';

/** Bytes heard at one speed. Beyond: enough. */
const HEARD_BYTES_MAX = 64 * 1024;

/** Time between two looks at what came so far, milliseconds. */
const LOOK_MS = 200;

/** Listens at a serial device, one speed at a time, for at most `listenMs` each. Nothing is sent. */
export function listenAt(settings: Omit<SerialSettings, 'baudRate'>, listenMs: number): Listen {
  return (baudRate, isEnough) => hear(openSerialPort({ ...settings, baudRate }), listenMs, isEnough);
}

/** Listens at a port until what came is enough, or the time is over. */
export async function hear(port: BytePort, listenMs: number, isEnough: (bytes: Uint8Array) => boolean): Promise<Heard> {
  const pieces: Buffer[] = [];
  let length = 0;
  await port.open((bytes) => {
    if (length >= HEARD_BYTES_MAX) return;
    pieces.push(Buffer.from(bytes));
    length += bytes.length;
  });
  try {
    let looked = 0;
    // Looks are counted, not time: where this process is held up, what came meanwhile is read before the next.
    for (let looks = Math.ceil(listenMs / LOOK_MS); looks > 0 && length < HEARD_BYTES_MAX; looks -= 1) {
      const { state } = port;
      if (state.kind === 'waiting') return { kind: 'closed', problem: state.problem };
      if (state.kind === 'ended') break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      if (length > looked && isEnough(Buffer.concat(pieces))) break;
      looked = length;
    }
    if (port.state.kind === 'waiting') return { kind: 'closed', problem: port.state.problem };
    return { kind: 'bytes', bytes: Buffer.concat(pieces) };
  } finally {
    await port.close();
  }
}
