import { Buffer } from 'node:buffer';
import { makeCrc } from '../../../../collectors/crc.ts';

/** A UBX frame, as the interface description builds it. */
export function ubxFrame(messageClass: number, id: number, payload: Uint8Array): Buffer {
  const head = Buffer.from([0xb5, 0x62, messageClass, id, payload.length & 0xff, payload.length >> 8]);
  const frame = Buffer.concat([head, payload, Buffer.alloc(2)]);
  let a = 0;
  let b = 0;
  for (const byte of frame.subarray(2, -2)) {
    a = (a + byte) & 0xff;
    b = (b + a) & 0xff;
  }
  frame.set([a, b], frame.length - 2);
  return frame;
}

/** An RTCM 3 frame around a message. */
export function rtcmFrame(message: Uint8Array): Buffer {
  const frame = Buffer.concat([
    Buffer.from([0xd3, message.length >> 8, message.length & 0xff]),
    message,
    Buffer.alloc(3),
  ]);
  frame.writeUIntBE(makeCrc('crc24-q')(frame, 0, frame.length - 3), frame.length - 3, 3);
  return frame;
}

/** What a NAV-PVT says, in the units of its fields. */
export interface PvtFields {
  iTow: number;
  utc: readonly [year: number, month: number, day: number, hour: number, minute: number, second: number];
  valid: number;
  nano: number;
  fixType: number;
  flags: number;
  flags2: number;
  flags3: number;
  lon: number;
  lat: number;
  height: number;
  hMsl: number;
}

/** A NAV-PVT of a car at 30 m/s north-east, with what a test says about it. */
export function navPvt(fields: Partial<PvtFields> = {}): Buffer {
  const {
    iTow = 385_200_000,
    utc = [2020, 1, 2, 10, 59, 42],
    valid = 0x0f,
    nano = 0,
    fixType = 3,
    flags = 0x01,
    flags2 = 0xe0,
    flags3 = 0,
    lon = 52_471_234,
    lat = 503_654_321,
    height = 123_456,
    hMsl = 76_543,
  } = fields;
  const payload = Buffer.alloc(92);
  payload.writeUInt32LE(iTow, 0);
  payload.writeUInt16LE(utc[0], 4);
  payload.set(utc.slice(1), 6);
  payload[11] = valid;
  payload.writeUInt32LE(25, 12);
  payload.writeInt32LE(nano, 16);
  payload.set([fixType, flags, flags2, 17], 20);
  payload.writeInt32LE(lon, 24);
  payload.writeInt32LE(lat, 28);
  payload.writeInt32LE(height, 32);
  payload.writeInt32LE(hMsl, 36);
  payload.writeUInt32LE(1_520, 40);
  payload.writeUInt32LE(2_310, 44);
  payload.writeInt32LE(21_213, 48);
  payload.writeInt32LE(-21_214, 52);
  payload.writeInt32LE(-150, 56);
  payload.writeInt32LE(30_000, 60);
  payload.writeInt32LE(31_500_000, 64);
  payload.writeUInt32LE(240, 68);
  payload.writeUInt32LE(123_456, 72);
  payload.writeUInt16LE(143, 76);
  payload.writeUInt16LE(flags3, 78);
  payload.writeInt32LE(31_400_000, 84);
  payload.writeInt16LE(-212, 88);
  payload.writeUInt16LE(150, 90);
  return ubxFrame(0x01, 0x07, payload);
}
