import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { parseDbc } from '../../../collectors/can/dbc/parse-dbc.ts';
import { decodeText, readDbc } from '../../../collectors/can/dbc/read-dbc.ts';
import { CaissonError } from '../../../gateway/errors.ts';
import { recording } from '../../data-dir.ts';

const WHOLE = `VERSION "1.0"

NS_ :
\tNS_DESC_
\tCM_
\tBA_DEF_
\tVAL_

BS_: 500000 : 1,2

BU_: Engine Gateway
  Dash
VAL_TABLE_ OnOff 1 "on" 0 "off" ;

// a comment by hand
BO_ 2566844414 EEC1: 8 Engine
 SG_ Speed : 24|16@1+ (0.125,0) [0|8031.875] "rpm"  Gateway,Dash
 SG_ Torque : 16|8@1- (1,-125) [-125|+125] "%" Vector__XXX
 SG_ State : 0|4@1- (1,0) [0|0] "" Dash
 SG_ Load : 39|32@0- (1,0) [0|0] "" Dash

BO_ 100 Short:1 Vector__XXX

BO_TX_BU_ 100 : Engine,Dash;
EV_ Ambient: 0 [-40|60] "C" 20 3 DUMMY_NODE_VECTOR0 Vector__XXX;
SIG_GROUP_ 100 Group 1 : ;
CM_ "of the whole bus";
CM_ BU_ Engine "the engine";
CM_ BO_ 2566844414 "electronic engine controller";
CM_ SG_ 2566844414 Speed "of the crankshaft;
in \\"rpm\\"";
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_ SG_ "SystemSignalLongSymbol" STRING ;
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_DEF_DEF_REL_ "x" "";
BA_ "GenMsgCycleTime" BO_ 2566844414 20;
BA_ "SystemSignalLongSymbol" SG_ 2566844414 Torque "ActualEngineTorqueOfTheWholePowertrain";
VAL_ 2566844414 State 15 "not available" 14 "error" 1 "on" ;
VAL_ Ambient 1 "one" ;
SIG_VALTYPE_ 2566844414 Load : 1;
NEW_SECTION_ something "new; here" 1 2;
BO_ 101 Last: 8 Dash
`;

t.test('every statement in use is read', async (t) => {
  const dbc = parseDbc(WHOLE, 'whole.dbc');
  t.equal(dbc.version, '1.0');
  t.same(dbc.nodes, ['Engine', 'Gateway', 'Dash']);
  t.same(
    dbc.messages.map(({ id, extended, name, length, cycleMs, comment }) => ({
      id,
      extended,
      name,
      length,
      cycleMs,
      comment,
    })),
    [
      { id: 0x18feeffe, extended: true, name: 'EEC1', length: 8, cycleMs: 20, comment: 'electronic engine controller' },
      { id: 100, extended: false, name: 'Short', length: 1, cycleMs: undefined, comment: '' },
      { id: 101, extended: false, name: 'Last', length: 8, cycleMs: undefined, comment: '' },
    ],
  );
  const [speed, torque, state, load] = dbc.messages[0]?.signals ?? [];
  t.match(speed, { name: 'Speed', startBit: 24, length: 16, byteOrder: 'little', signed: false, gain: 0.125 });
  t.match(speed, { unit: 'rpm', minimum: 0, maximum: 8031.875, comment: 'of the crankshaft;\nin "rpm"' });
  t.match(torque, { name: 'ActualEngineTorqueOfTheWholePowertrain', signed: true, offset: -125, maximum: 125 });
  t.same(
    [...(state?.labels ?? [])],
    [
      [-1, 'not available'],
      [-2, 'error'],
      [1, 'on'],
    ],
    'by bits as well as by value',
  );
  t.match(load, { encoding: 'float32', byteOrder: 'big' });
  t.same(dbc.notes, [{ line: 41, text: 'statement NEW_SECTION_ is not known and was passed over' }]);
});

t.test('lines may end as on any system, and a byte order mark stand in front', async (t) => {
  const expected = parseDbc(WHOLE, 'whole.dbc').messages.length;
  t.equal(parseDbc(WHOLE.replaceAll('\n', '\r\n'), 'whole.dbc').messages.length, expected);
  t.equal(parseDbc(`\ufeff${WHOLE}`, 'whole.dbc').messages.length, expected);
});

t.test('units are read in the encodings that tools write', async (t) => {
  t.equal(decodeText(Buffer.from('°C', 'utf8')), '°C');
  t.equal(decodeText(Buffer.from('°C', 'latin1')), '°C');
  t.equal(decodeText(Buffer.from('\ufeff°C', 'utf8')), '°C');
  t.equal(decodeText(Buffer.from('\ufeff°C', 'utf16le')), '°C');
});

const SIGNAL = 'SG_ a : 0|8@1+ (1,0) [0|0] "" B';
const BROKEN: readonly (readonly [text: string, reason: string])[] = [
  [`BO_ 1 M: 8 A\n ${SIGNAL}\n ${SIGNAL}`, 'x.dbc:3: message M has two signals a'],
  [SIGNAL, 'x.dbc:1: a signal outside of a message'],
  ['BO_ 1 M 8 A', `x.dbc:1: expected ':', found "8 A"`],
  ['BO_ 1 M: 99999 A', 'x.dbc:1: message M has 99999 bytes, at most 65535 are possible'],
  ['BO_ 5000000000 M: 8 A', 'x.dbc:1: message identifier 5000000000 has more than 32 bits'],
  ['BO_ 1 M: 8 A\n SG_ a : 0|65@1+ (1,0) [0|0] "" B', 'x.dbc:2: signal a has 65 bits, expected 1 to 64'],
  ['BO_ 1 M: 8 A\n SG_ a : 510|8@1+ (1,0) [0|0] "" B', 'x.dbc:2: signal a reaches beyond the 64 bytes of a frame'],
  [
    'BO_ 1 M: 8 A\n SG_ a : 0|8@2+ (1,0) [0|0] "" B',
    'x.dbc:2: expected the byte order, 0 (Motorola) or 1 (Intel), found "2+ (1,0) [0|0] \\"\\" B"',
  ],
  [
    'BO_ 1 M: 8 A\n SG_ a : 0|8@1 (1,0) [0|0] "" B',
    `x.dbc:2: expected the sign, '+' (unsigned) or '-' (signed), found "(1,0) [0|0] \\"\\" B"`,
  ],
  ['BO_ 1 M: 8 A\n SG_ a : 0|8@1+ (1;0) [0|0] "" B', `x.dbc:2: expected ',', found ";0) [0|0] \\"\\" B"`],
  ['BO_ 1 M: 8 A\n SG_ a X1 : 0|8@1+ (1,0) [0|0] "" B', 'x.dbc:2: multiplexing "X1": expected M, m<n> or m<n>M'],
  [
    'BO_ 1 M: 8 A\n SG_ a m1 : 0|8@1+ (1,0) [0|0] "" B',
    'x.dbc:2: signal a is multiplexed and message M has no multiplexor',
  ],
  ['VERSION "never ended\nBO_ 1 M: 8 A', 'x.dbc:1: the text is not ended by a quote'],
  ['BA_DEF_REL_ BU_SG_REL_ "x" INT 0 1', `x.dbc:1: the statement is not ended by ';'`],
  [
    `BO_ 1 M: 8 A\n ${SIGNAL}\nVAL_ 1 a 0 "off" 1`,
    'x.dbc:3: expected the name of the value in quotes, found the end of the file',
  ],
  [`BO_ 1 M: 8 A\n ${SIGNAL}\nSIG_VALTYPE_ 1 a : 1;`, 'x.dbc:3: signal a is a 32-bit float and has 8 bits'],
  [
    `BO_ 1 M: 8 A\n ${SIGNAL}\nSG_MUL_VAL_ 1 a b 0-0;`,
    'x.dbc:2: signal a is selected by b, which message M does not have',
  ],
  [`BO_ 1 M: 8 A\n ${SIGNAL}\nSG_MUL_VAL_ 1 a a 0-0;`, 'x.dbc:2: signal a is selected by itself'],
  [`BO_ 1 M: 8 A\n ${SIGNAL}\nSG_MUL_VAL_ 1 a a 3-0;`, 'x.dbc:3: range 3-0 ends before it begins'],
  ['<html>', 'x.dbc:1: expected a keyword, found "<html>"'],
];

t.test('a broken file is refused with file, line and reason', async (t) => {
  for (const [text, reason] of BROKEN) {
    let refusal: unknown;
    try {
      parseDbc(text, 'x.dbc');
    } catch (error) {
      refusal = error;
    }
    t.ok(refusal instanceof CaissonError && refusal.code === 'dbc-invalid', reason);
    t.equal(refusal instanceof Error ? refusal.message : 'accepted', reason);
  }
});

t.test('what looks wrong and can be used all the same is noted', async (t) => {
  const cases: [string, { line: number; text: string }][] = [
    [`BO_ 1 M: 0 A\n ${SIGNAL}`, { line: 2, text: 'signal a reaches beyond the 0 bytes of message M' }],
    ['BO_ 1 M: 8 A\nBO_ 1 N: 8 A', { line: 2, text: 'message 1 is there already in line 1: the first counts' }],
    ['CM_ BO_ 7 "x";', { line: 1, text: 'a comment of message 7, which is not there' }],
    ['BO_ 1 M: 8 A\nVAL_ 1 a 0 "x";', { line: 2, text: 'values of signal a, which message M does not have' }],
    ['BO_ 2048 M: 8 A', { line: 1, text: 'message M: no frame can have the identifier 2048' }],
  ];
  for (const [text, note] of cases) t.same(parseDbc(text, 'x.dbc').notes, [note], note.text);
});

t.test('a file that is not there, cut short or no DBC file at all is refused by name', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-dbc-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'cut.dbc');
  t.throws(() => readDbc(path), { code: 'dbc-invalid', message: /cut\.dbc: cannot be read: ENOENT/ });
  await writeFile(path, 'BO_ 1 M: 8 A\n SG_ a : 0|');
  t.throws(() => readDbc(path), { message: `${path}:2: expected the length in bits, found the end of the file` });
  for (const text of ['', 'garbage', '%PDF-1.7\n\u0000\u0001', 'VERSION "1"\nBU_: A\n']) {
    await writeFile(path, text);
    t.throws(() => readDbc(path), { code: 'dbc-invalid', message: /cut\.dbc/ }, JSON.stringify(text));
  }
});

const CORPUS = 'can/dbc-corpus-cantools/tests/files/dbc';

t.test(
  'all files of the cantools corpus are read; none is broken beyond use, these are noted',
  { skip: recording(CORPUS) === undefined ? `no recording ${CORPUS}` : false },
  async (t) => {
    const folder = recording(CORPUS) ?? '';
    const names = readdirSync(folder);
    const files = names.map((name) => parseDbc(decodeText(readFileSync(join(folder, name))), name));
    t.equal(files.length, 83);
    t.equal(
      files.reduce((sum, { messages }) => sum + messages.length, 0),
      439,
    );
    const noted = files.flatMap(({ notes }, index) =>
      notes.length === 0 ? [] : [[names[index], notes.length, notes[0]]],
    );
    t.same(noted, [
      [
        'bad_message_length.dbc',
        1,
        { line: 40, text: 'signal Signal1 reaches beyond the 1 bytes of message Message1' },
      ],
      ['issue_199.dbc', 11, { line: 45, text: 'message DriverDoorStatus: no frame can have the identifier 274923520' }],
      [
        'issue_199_extended.dbc',
        11,
        { line: 45, text: 'message DriverDoorStatus: no frame can have the identifier 4294967295' },
      ],
    ]);
  },
);
