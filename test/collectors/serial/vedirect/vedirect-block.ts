import { Buffer } from 'node:buffer';

/** A block of VE.Direct's text protocol. */
export function vedirectBlock(...fields: readonly (readonly [label: string, value: string])[]): Buffer {
  const text = fields.map(([label, value]) => `\r\n${label}\t${value}`).join('');
  const body = Buffer.from(`${text}\r\nChecksum\t`, 'latin1');
  const sum = body.reduce((total, byte) => total + byte, 0);
  return Buffer.concat([body, Buffer.from([-sum & 0xff])]);
}
