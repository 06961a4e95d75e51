import { Buffer } from 'node:buffer';
import t from 'tap';
import { CRC_NAMES, type CrcName, crcBytes, makeCrc } from '../../collectors/crc.ts';

/** Checks over the digits 1 to 9, as the catalogue of CRCs states them. */
const CHECKS: Readonly<Record<CrcName, number>> = {
  crc8: 0xf4,
  'crc8-maxim': 0xa1,
  'crc8-j1850': 0x4b,
  'crc16-arc': 0xbb3d,
  'crc16-ccitt': 0x29b1,
  'crc16-kermit': 0x2189,
  'crc16-modbus': 0x4b37,
  'crc16-x25': 0x906e,
  'crc16-xmodem': 0x31c3,
  'crc24-q': 0xcde703,
  crc32: 0xcbf43926,
  'crc32-mpeg2': 0x0376e6e7,
  crc32c: 0xe3069283,
};

const DIGITS = Buffer.from('x123456789y', 'latin1');

for (const name of CRC_NAMES) {
  t.test(`${name} is what the catalogue says`, async (t) => {
    t.equal(makeCrc(name)(DIGITS, 1, 10).toString(16), CHECKS[name].toString(16));
    t.ok(CHECKS[name] < 2 ** (8 * crcBytes(name)));
  });
}
