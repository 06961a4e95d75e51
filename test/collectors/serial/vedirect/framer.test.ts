import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import {
  BLOCK_FIELDS_MAX,
  BlockFramer,
  HEX_BYTES_MAX,
  LABEL_BYTES_MAX,
  VALUE_BYTES_MAX,
} from '../../../../collectors/serial/vedirect/framer.ts';
import { vedirectBlock } from './vedirect-block.ts';

/** What a framer tells of pieces; blocks as label and value in turn. */
function told(...pieces: readonly Uint8Array[]): (string | readonly string[])[] {
  const events: (string | readonly string[])[] = [];
  const framer = new BlockFramer({
    block: (fields) => events.push([...fields]),
    hex: () => events.push('hex'),
    damaged: (reason) => events.push(reason),
  });
  for (const piece of pieces) framer.feed(piece);
  return events;
}

const ONE = vedirectBlock(['V', '12065'], ['Alarm', 'OFF']);
const TWO = vedirectBlock(['H1', '-149322']);
const HEX = Buffer.from(':A501000000000000000000000ED04C60\n', 'latin1');

t.test('a block is told once its checksum is right, at every split and byte by byte', async (t) => {
  const wire = Buffer.concat([ONE, HEX, TWO, ONE]);
  const whole = [['V', '12065', 'Alarm', 'OFF'], 'hex', ['H1', '-149322'], ['V', '12065', 'Alarm', 'OFF']];
  t.same(told(wire), whole);
  for (let at = 1; at < wire.length; at += 1) t.same(told(wire.subarray(0, at), wire.subarray(at)), whole);
  t.same(told(...[...wire].map((byte) => Uint8Array.of(byte))), whole);
});

t.test('a HEX frame may stand anywhere in a block but in the place of the checksum', async (t) => {
  for (let at = 0; at < ONE.length - 1; at += 1) {
    const wire = Buffer.concat([ONE.subarray(0, at), HEX, ONE.subarray(at)]);
    t.same(told(wire), ['hex', ['V', '12065', 'Alarm', 'OFF']], `at ${at}`);
  }
});

t.test('a checksum may be any byte, a colon and a line end too', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.stringMatching(/^[A-Z][A-Z0-9_#]{0,8}$/), fc.stringMatching(/^[0-9A-Za-z.-]{0,33}$/)), {
        minLength: 1,
        maxLength: 20,
      }),
      (fields) => {
        t.same(told(TWO, vedirectBlock(...fields), TWO), [['H1', '-149322'], fields.flat(), ['H1', '-149322']]);
      },
    ),
    { numRuns: 600 },
  );
});

t.test('any one byte that is damaged costs at most its block and the next', async (t) => {
  const wire = Buffer.concat([ONE, ONE, TWO, TWO]);
  for (let at = 0; at < ONE.length; at += 1) {
    for (const bit of [0x01, 0x20, 0x80]) {
      const damaged = Buffer.from(wire);
      damaged[at] = (damaged[at] ?? 0) ^ bit;
      const blocks = told(damaged).filter((event) => typeof event !== 'string');
      t.same(blocks.slice(-1), [['H1', '-149322']]);
      t.notOk(blocks.length > 3 && at < ONE.length, `byte ${at}`);
    }
  }
});

t.test('what is cut or too long is said so, and what follows is taken', async (t) => {
  const last = ['H1', '-149322'];
  t.same(told(ONE.subarray(5), TWO), ['cut-off', last]);
  t.same(told(Buffer.from([0xb4, 0x07]), TWO, Buffer.from([0x55]), TWO), [last, last], 'noise between blocks');
  t.same(told(TWO, ONE.subarray(5), TWO), [last, 'bad-checksum', last]);
  t.same(told(vedirectBlock(['L'.repeat(LABEL_BYTES_MAX + 1), '1']), TWO), ['too-long', last]);
  t.same(told(vedirectBlock(['V', '1'.repeat(VALUE_BYTES_MAX + 1)]), TWO), ['too-long', last]);
  const many = Array.from({ length: BLOCK_FIELDS_MAX + 1 }, (_, index) => [`F${index}`, '1'] as const);
  t.same(told(vedirectBlock(...many), TWO), ['too-long', last]);
  t.same(told(TWO, Buffer.alloc(HEX_BYTES_MAX + 1, ':'), TWO), [last, last], 'colons in noise');
});

t.test('any bytes are taken', async () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), (pieces) => {
      told(...pieces);
    }),
  );
});
