/**
 * A million frames, and more, through each protocol of a CAN bus: identifiers that mean something with data that need not. And a million
 * damaged DBC files, of which each is read, or refused with its line.
 */
import process from 'node:process';
import fc from 'fast-check';
import t from 'tap';
import { type CanConfig, canSettings } from '../../../collectors/can/can-config.ts';
import { CanDecoding } from '../../../collectors/can/can-decoding.ts';
import { compileMessage } from '../../../collectors/can/dbc/compile.ts';
import { parseDbc } from '../../../collectors/can/dbc/parse-dbc.ts';
import { Dictionaries } from '../../../collectors/can/dictionary.ts';
import { CollectorCounters } from '../../../collectors/collector.ts';
import { CaissonError } from '../../../gateway/errors.ts';
import { FRAME_EXTENDED, FrameBatch } from '../../../hardware/can/can-frame.ts';
import { damagedFile, FUZZ_RUNS, microsecondsEach } from '../../fuzz.ts';

/** Most CPU time that some frames, or a file of some hundred bytes, may take on average, microseconds. */
const AVERAGE_US_MAX = 2_000;

const PROTOCOLS: Readonly<Record<string, Omit<CanConfig, 'bus'>>> = {
  j1939: { protocol: 'j1939' },
  'NMEA 2000': { protocol: 'nmea2000' },
  'OBD-II': { obd: true },
};

/** Groups of J1939 and NMEA 2000 that are read by rules of their own: transport, trouble codes, claims, fast packets, times. */
const GROUPS = [
  0xec00, 0xeb00, 0xc800, 0xc700, 0xfeca, 0xfecb, 0xee00, 126_992, 129_025, 129_029, 129_038, 129_040, 126_996, 130_824,
];

const extended = fc.record({
  id: fc.oneof(
    fc.tuple(fc.constantFrom(...GROUPS), fc.nat(3), fc.nat(2)).map(([pgn, source, destination]) => {
      const isToOne = ((pgn >> 8) & 0xff) < 240;
      return 0x18000000 + pgn * 256 + (isToOne ? destination * 256 : 0) + source;
    }),
    fc.nat(0x1fffffff),
    fc.nat(255).map((unit) => 0x18daf100 + unit),
  ),
  flags: fc.constant(FRAME_EXTENDED),
});
const standard = fc.record({ id: fc.integer({ min: 0x7e0, max: 0x7ef }), flags: fc.constant(0) });

/** First bytes that begin, go on with or end something in one of the protocols. */
const head = fc.constantFrom(0, 1, 2, 3, 0x10, 0x11, 0x14, 0x16, 0x20, 0x21, 0x22, 0x30, 0x40, 0x41, 0x60, 0xff);
const data = fc.tuple(head, fc.uint8Array({ maxLength: 7 })).map(([first, rest]) => Uint8Array.of(first, ...rest));
const frame = fc.tuple(fc.oneof(extended, standard), fc.oneof(data, fc.uint8Array({ minLength: 8, maxLength: 8 })));

for (const [name, config] of Object.entries(PROTOCOLS)) {
  t.test(`${name} takes whatever comes`, async (t) => {
    const sink = {
      channel: (spec: { name: string }) => ({ id: 1 + (spec.name.length % 7), type: 'number' }),
      push: () => true,
      pushColumns: () => 0,
      pushText: () => true,
    };
    const settings = canSettings({ bus: { slcan: 'none', bitrate: 250_000 }, ...config });
    const dictionaries = Dictionaries.load(settings);
    const make = () => new CanDecoding(settings, 'x', dictionaries, ['can0'], sink as never, new CollectorCounters());
    let decoding = make();
    const batch = new FrameBatch(1);
    let runs = 0;
    const before = process.cpuUsage();
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 12 }), (frames) => {
        runs += 1;
        if (runs % 1000 === 0) decoding = make();
        for (const [n, [{ id, flags }, bytes]] of frames.entries()) {
          batch.clear();
          batch.add(id, flags, bytes, 0, bytes.length);
          decoding.take(batch, 0, runs * 1000 + n);
        }
      }),
      { numRuns: FUZZ_RUNS },
    );
    const each = microsecondsEach(before, runs);
    t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
  });
}

const DBC = `VERSION ""
NS_ :
BS_:
BU_: ECU Dash
BO_ 256 Engine: 8 ECU
 SG_ Speed : 0|16@1+ (0.25,0) [0|16000] "rpm" Dash
 SG_ Mux M : 16|4@1+ (1,0) [0|0] "" Dash
 SG_ Part m1M : 32|32@0- (1e-3,-40) [0|0] "degC" Dash
 SG_ Deep m2 : 20|8@1- (1,0) [0|0] "" Dash
CM_ SG_ 256 Speed "of the crankshaft";
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 1000;
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_ "GenMsgCycleTime" BO_ 256 100;
VAL_ 256 Mux 0 "none" 1 "one" ;
SG_MUL_VAL_ 256 Deep Part 1-1, 3-5;
SIG_VALTYPE_ 256 Part : 1;
`;

t.test('a damaged DBC file is read, or refused with its line', async (t) => {
  t.equal(parseDbc(DBC, 'car.dbc').messages.length, 1, 'what is damaged was whole');
  let runs = 0;
  const before = process.cpuUsage();
  fc.assert(
    fc.property(damagedFile([Buffer.from(DBC)]), (bytes) => {
      runs += 1;
      try {
        for (const message of parseDbc(bytes.toString('latin1'), 'car.dbc').messages) compileMessage(message);
      } catch (error) {
        return error instanceof CaissonError && /^car\.dbc:\d+: /.test(error.message);
      }
      return true;
    }),
    { numRuns: FUZZ_RUNS },
  );
  const each = microsecondsEach(before, runs);
  t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
});
