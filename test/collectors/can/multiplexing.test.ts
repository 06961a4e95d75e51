import t from 'tap';
import { parseDbc } from '../../../collectors/can/dbc/parse-dbc.ts';
import { decodeOne } from './decode.ts';

interface Case {
  readonly name: string;
  readonly dbc: string;
  /** Data in hex, and the signals there with their values. */
  readonly frames: readonly (readonly [data: string, signals: Readonly<Record<string, number>>])[];
}

const CASES: readonly Case[] = [
  {
    name: 'a signal of a simple multiplex is there for its value of the selector',
    dbc: `BO_ 1 M: 4 A
 SG_ late m2 : 8|8@1+ (1,0) [0|0] "" B
 SG_ selector M : 0|8@1+ (1,0) [0|0] "" B
 SG_ one m1 : 8|16@1+ (1,0) [0|0] "" B
 SG_ always : 24|8@1- (0.5,0) [0|0] "" B`,
    frames: [
      ['01020304', { selector: 1, always: 2, one: 0x0302 }],
      ['020203ff', { selector: 2, always: -0.5, late: 2 }],
      ['03020300', { selector: 3, always: 0 }],
    ],
  },
  {
    name: 'a selector may be multiplexed itself',
    dbc: `BO_ 1 M: 4 A
 SG_ top M : 0|4@1+ (1,0) [0|0] "" B
 SG_ inner m3M : 4|4@1+ (1,0) [0|0] "" B
 SG_ leaf m1 : 8|8@1+ (1,0) [0|0] "" B
 SG_ other m0 : 16|8@1+ (1,0) [0|0] "" B
SG_MUL_VAL_ 1 leaf inner 1-1;
SG_MUL_VAL_ 1 inner top 3-3;
SG_MUL_VAL_ 1 other top 0-0;`,
    frames: [
      ['13aa0b00', { top: 3, inner: 1, leaf: 0xaa }],
      ['23aa0b00', { top: 3, inner: 2 }],
      ['10aa0b00', { top: 0, other: 0x0b }],
    ],
  },
  {
    name: 'one frame may have several selectors, and a signal several ranges of values',
    dbc: `BO_ 1 M: 4 A
 SG_ left M : 0|8@1+ (1,0) [0|0] "" B
 SG_ right M : 8|8@1+ (1,0) [0|0] "" B
 SG_ low m0 : 16|8@1+ (1,0) [0|0] "" B
 SG_ high m0 : 16|8@1+ (2,0) [0|0] "" B
 SG_ far m0 : 24|8@1+ (1,0) [0|0] "" B
SG_MUL_VAL_ 1 low left 0-3, 10-10;
SG_MUL_VAL_ 1 high left 3-5;
SG_MUL_VAL_ 1 far right 7-7, 200-255;`,
    frames: [
      ['00071122', { left: 0, right: 7, low: 0x11, far: 0x22 }],
      ['03c71122', { left: 3, right: 199, low: 0x11, high: 0x22 }],
      ['0aff1122', { left: 10, right: 255, low: 0x11, far: 0x22 }],
      ['06001122', { left: 6, right: 0 }],
    ],
  },
  {
    name: 'ranges as wide as 32 bits are no list of values',
    dbc: `BO_ 1 M: 8 A
 SG_ selector M : 7|32@0+ (1,0) [0|0] "" B
 SG_ upper m0 : 39|8@0+ (1,0) [0|0] "" B
SG_MUL_VAL_ 1 upper selector 2147483648-4294967295;`,
    frames: [
      ['8000000001000000', { selector: 2 ** 31, upper: 1 }],
      ['7fffffff01000000', { selector: 2 ** 31 - 1 }],
    ],
  },
];

for (const { name, dbc, frames } of CASES) {
  t.test(name, async (t) => {
    const [message] = parseDbc(dbc, 'case.dbc').messages;
    if (message === undefined) throw new Error('no message');
    for (const [data, signals] of frames) {
      t.same(Object.fromEntries(decodeOne(message, Buffer.from(data, 'hex')).values), signals, data);
    }
  });
}

t.test('a frame too short for its selector has neither it nor what it selects', async (t) => {
  const [message] = parseDbc(CASES[0]?.dbc ?? '', 'case.dbc').messages;
  if (message === undefined) throw new Error('no message');
  const { values, tooShort } = decodeOne(message, new Uint8Array(0));
  t.equal(values.size, 0);
  t.equal(tooShort, 2, 'the selector and the signal that is always there');
});
