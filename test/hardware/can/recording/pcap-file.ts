import { Buffer } from 'node:buffer';

/** Writes numbers of a byte order one behind the other. */
export class Writer {
  readonly #little: boolean;
  readonly #parts: Buffer[] = [];

  constructor(little: boolean) {
    this.#little = little;
  }

  u16(...values: readonly number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(2);
      this.#little ? part.writeUInt16LE(value) : part.writeUInt16BE(value);
      this.#parts.push(part);
    }
    return this;
  }

  u32(...values: readonly number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(4);
      this.#little ? part.writeUInt32LE(value) : part.writeUInt32BE(value);
      this.#parts.push(part);
    }
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes));
    return this;
  }

  end(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export const SECONDS = 1_669_809_629;

export function pcap(little: boolean, nanos: boolean, packets: readonly Uint8Array[], linkType = 227): Buffer {
  const writer = new Writer(little)
    .u32(nanos ? 0xa1b23c4d : 0xa1b2c3d4)
    .u16(2, 4)
    .u32(0, 0, 262_144, linkType);
  packets.forEach((packet, n) => {
    const micros = 100_000 + n;
    writer.u32(SECONDS, nanos ? micros * 1000 + 999 : micros, packet.length, packet.length).bytes(packet);
  });
  return writer.end();
}

export function block(little: boolean, type: number, body: Buffer): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
  const size = padded.length + 12;
  return new Writer(little).u32(type, size).bytes(padded).u32(size).end();
}

/** @param tsresol as in the option, undefined for none */
export function pcapng(little: boolean, packets: readonly Uint8Array[], tsresol?: number, linkType = 227): Buffer {
  const options = new Writer(little).u16(2, 5).bytes(Buffer.from('vcan7\0\0\0'));
  if (tsresol !== undefined) options.u16(9, 1).bytes(Uint8Array.of(tsresol, 0, 0, 0));
  options.u16(0, 0);
  const perSecond =
    tsresol === undefined ? 1_000_000n : tsresol < 128 ? 10n ** BigInt(tsresol) : 2n ** BigInt(tsresol - 128);
  const bytes = [
    block(little, 0x0a0d0d0a, new Writer(little).u32(0x1a2b3c4d).u16(1, 0).u32(0xffffffff, 0xffffffff).end()),
    block(little, 1, new Writer(little).u16(linkType, 0).u32(0).bytes(options.end()).end()),
    block(little, 0x99, Buffer.from('something else')),
  ];
  packets.forEach((packet, n) => {
    const micros = BigInt(SECONDS) * 1_000_000n + 100_000n + BigInt(n);
    const time = (micros * perSecond + 999_999n) / 1_000_000n;
    const head = new Writer(little).u32(
      0,
      Number(time >> 32n),
      Number(time & 0xffffffffn),
      packet.length,
      packet.length,
    );
    bytes.push(block(little, 6, head.bytes(packet).end()));
  });
  return Buffer.concat(bytes);
}
