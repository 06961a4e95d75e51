import fc from 'fast-check';
import t from 'tap';
import { parseDbc } from '../../../collectors/can/dbc/parse-dbc.ts';
import { CanDictionary } from '../../../collectors/can/dictionary.ts';
import { nullFrom } from '../../../collectors/can/j1939/null-values.ts';
import { j1939Id } from '../../../collectors/can/j1939/pgn.ts';
import { J1939Transport } from '../../../collectors/can/j1939/transport.ts';
import { recording } from '../../data-dir.ts';
import { playFrames, playRecording } from './play-recording.ts';
import { readLog } from './read-log.ts';

t.test(
  'an identifier is group, source and destination; a group to one node does not have the node in it',
  async (t) => {
    t.same(j1939Id(0x0cf00400), { pgn: 0xf004, source: 0, destination: 255 });
    t.same(j1939Id(0x18fef121), { pgn: 0xfef1, source: 0x21, destination: 255 });
    t.same(j1939Id(0x18ea1703), { pgn: 0xea00, source: 3, destination: 0x17 });
    t.same(j1939Id(0x19f20103), { pgn: 0x1f201, source: 3, destination: 255 });
  },
);

const DBC = `BO_ 2364540158 EEC1: 8 Vector__XXX
 SG_ EngineSpeed : 24|16@1+ (0.125,0) [0|8031.875] "rpm" Vector__XXX
 SG_ Torque : 16|8@1+ (1,-125) [-125|125] "%" Vector__XXX
 SG_ Mode : 0|4@1+ (1,0) [0|15] "" Vector__XXX
 SG_ Switch : 4|2@1+ (1,0) [0|3] "" Vector__XXX
BO_ 2566841342 EC1: 40 Vector__XXX
 SG_ Point5 : 96|16@1+ (0.125,0) [0|8031.875] "rpm" Vector__XXX
 SG_ Far : 304|8@1+ (1,0) [0|255] "" Vector__XXX
BO_ 2364540672 Special: 8 Vector__XXX
 SG_ Own : 0|8@1+ (1,0) [0|255] "" Vector__XXX
BO_ 2565537790 Request: 3 Vector__XXX
 SG_ Group : 0|16@1+ (1,0) [0|65535] "" Vector__XXX
`;

t.test('a message is known by its group, whatever its priority and sender, which its channels name', async (t) => {
  const frames = ['0CF00400#003264400000FFFF', '18F00421#003265800000FFFF', '0CF00302#07', '18EA17F9#EC2300'];
  const { intake, health } = await playFrames(
    t,
    frames,
    { protocol: 'j1939' },
    DBC.replace('2364540672', '2364539650'),
  );
  t.same(intake.values('car/00/EEC1/EngineSpeed'), [8]);
  t.same(intake.values('car/00/EEC1/Torque'), [-25]);
  t.same(intake.values('car/21/EEC1/EngineSpeed'), [16]);
  t.same(intake.values('car/02/Special/Own'), [7]);
  t.same(intake.values('car/f9/Request/Group'), [0x23ec], 'whoever it was sent to');
  t.same(health.errors, {});
});

t.test('a message for one sender goes before the one for all', async (t) => {
  const own = DBC.replace('2364540672 Special', '2364539905 Special');
  const frames = ['0CF00401#0700000000000000', '0CF00402#0700000000000000'];
  const { intake } = await playFrames(t, frames, { protocol: 'j1939' }, own);
  t.same(intake.values('car/01/Special/Own'), [7]);
  t.ok(intake.channels.has('car/02/EEC1/EngineSpeed'));
});

t.test('of two messages of one group and sender the first counts, and the other is named', async (t) => {
  const of = (file: string, id: number, length: number) =>
    parseDbc(`BO_ ${id} EEC1: 8 Vector__XXX\n SG_ A : 0|${length}@1+ (1,0) [0|0] "" Vector__XXX\n`, file);
  const files = [of('a.dbc', 0x8cf00400, 8), of('b.dbc', 0x98f00400, 4)];
  const note =
    'b.dbc:1: message EEC1 (0x18f00400) is passed over: a.dbc:1 has that parameter group and sender already, as message EEC1';
  const renamed = /^b\.dbc:1: message EEC1 .* is called EEC1_18f00400 in channel names/;
  t.match(new CanDictionary(files, true).notes, [renamed, note]);
  t.match(new CanDictionary(files).notes, [renamed], 'without a protocol both are known');
  t.equal(new CanDictionary(files, true).findGroup(0xf004, 0)?.file, 'a.dbc');
});

t.test('without j1939 only the very identifier is known', async (t) => {
  const { intake, health } = await playFrames(t, ['0CF00400#003264400000FFFF', '0CF004FE#003264400000FFFF'], {}, DBC);
  t.same(intake.values('car/EEC1/EngineSpeed'), [8]);
  t.same(health.errors, { 'no-definition': 1 });
});

t.test('"not available" and "error" are no values; that a value went is told once', async (t) => {
  const speeds = ['FFFF', 'FEFF', '4000', '00FE', 'FFFE', 'FFFF', 'FFFA', '4000'];
  const frames = speeds.map((speed) => `0CF00400#FFFFFF${speed}FFFFFF`);
  const { intake, health } = await playFrames(t, frames, { protocol: 'j1939' }, DBC);
  t.same(intake.values('car/00/EEC1/EngineSpeed'), [8, Number.NaN, 8031.875, 8]);
  t.same(
    [...intake.channels.keys()].filter((name) => name.includes('EEC1')),
    ['car/00/EEC1/EngineSpeed'],
  );
  t.same(health.errors, {});
  const { intake: plain } = await playFrames(t, ['0CF004FE#FFFFFFFFFFFFFFFF'], {}, DBC);
  t.same(plain.values('car/EEC1/EngineSpeed'), [8191.875], 'elsewhere every raw value is one');
});

t.test('what is null depends on the length', async (t) => {
  const ofLength = (length: number) => nullFrom({ encoding: 'integer', signed: false, length });
  t.same([2, 4, 8, 12, 16, 32].map(ofLength), [2, 14, 0xfe, 0xfe0, 0xfe00, 0xfe000000]);
  t.ok(Number.isNaN(ofLength(1)));
  t.ok(Number.isNaN(nullFrom({ encoding: 'integer', signed: true, length: 8 })));
  t.ok(Number.isNaN(nullFrom({ encoding: 'float32', signed: false, length: 32 })));
});

/** Frames of a message of bytes counting up: its announcement and its packets. */
function message(length: number, pgn: string, start: string, control = '20', source = '00'): string[] {
  const packets = Math.ceil(length / 7);
  const hex = (value: number) => value.toString(16).padStart(2, '0').toUpperCase();
  const size = `${hex(length & 0xff)}${hex(length >> 8)}`;
  const destination = control === '20' ? 'FF' : '17';
  const head = `${start}EC${destination}${source}#${control}${size}${hex(packets)}FF${pgn}`;
  const data = Array.from({ length: packets }, (_, n) => {
    const bytes = Array.from({ length: 7 }, (_, k) => (n * 7 + k < length ? hex((n * 7 + k) & 0xff) : 'FF'));
    return `${start}EB${destination}${source}#${hex(n + 1)}${bytes.join('')}`;
  });
  return [head, ...data];
}

const EC1 = 'E3FE00';
/** Bytes 12 and 13 of those that count up, and byte 38. */
const POINT5 = 0x0d0c / 8;

t.test('a long message to all or to one node is put together, also of packets out of order and twice', async (t) => {
  const [head = '', ...packets] = message(40, EC1, '1C');
  const cases = [
    [head, ...packets],
    message(40, EC1, '18', '10'),
    [head, ...packets.toReversed()],
    [head, ...packets.flatMap((packet) => [packet, packet])].slice(0, -1),
    message(40, EC1, '18', '10').flatMap((frame, n) => (n === 1 ? ['18EC0017#110601FFFFE3FE00', frame] : [frame])),
  ];
  for (const frames of cases) {
    const { intake, health } = await playFrames(t, frames, { protocol: 'j1939' }, DBC);
    t.same(intake.values('car/00/EC1/Point5'), [POINT5]);
    t.same(intake.values('car/00/EC1/Far'), [38]);
    t.same(health.errors, {});
  }
});

t.test('messages of several senders may be mixed', async (t) => {
  const [a, b] = [message(40, EC1, '1C'), message(40, EC1, '1C', '20', '21')];
  const mixed = a.flatMap((frame, n) => [frame, b[n] ?? '']);
  const { intake, health } = await playFrames(t, mixed, { protocol: 'j1939' }, DBC);
  t.same([intake.values('car/00/EC1/Point5'), intake.values('car/21/EC1/Point5')], [[POINT5], [POINT5]]);
  t.same(health.errors, {});
});

t.test('a message that is lost is counted by reason, and the next comes', async (t) => {
  const [head = '', first = '', ...rest] = message(40, EC1, '1C');
  const later = [
    '123#',
    '123#',
    '123#',
    '123#',
    '123#',
    '123#',
    '123#',
    '123#',
    '123#',
    '123#',
    '123#',
    '123#',
    '123#',
  ];
  const cases: [string, string[]][] = [
    ['transport-without-start', [first]],
    ['transport-unfinished', [head, first]],
    ['transport-malformed', [head, first, '1CEBFF00#09FFFFFFFFFFFFFF']],
    ['transport-malformed', ['1CECFF00#2028000AFFE3FE00']],
    ['transport-malformed', ['1CECFF00#20']],
    ['transport-aborted', [head, first, '1CECFF00#FF03FFFFFFE3FE00']],
  ];
  for (const [reason, frames] of cases) {
    const { intake, health } = await playFrames(t, [...frames, head, first, ...rest], { protocol: 'j1939' }, DBC);
    t.same(health.errors, { [reason]: 1 }, frames.join(' '));
    t.same(intake.values('car/00/EC1/Point5'), [POINT5]);
  }
  const { health } = await playFrames(t, [head, ...later, first], { protocol: 'j1939' }, DBC);
  t.equal(health.errors['transport-timeout'], 1);
});

t.test('any frames give messages or errors, and what is under way is bounded', async () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          pgn: fc.constantFrom(0xec00, 0xeb00),
          source: fc.integer({ min: 0, max: 255 }),
          data: fc.uint8Array({ minLength: 7, maxLength: 8 }),
          control: fc.constantFrom(16, 17, 19, 32, 255, 1, 2, undefined),
        }),
        { maxLength: 400 },
      ),
      (frames) => {
        let lost = 0;
        const transport = new J1939Transport(() => {
          lost += 1;
        });
        for (const { pgn, source, data, control } of frames) {
          if (control !== undefined) data[0] = control;
          const view = new DataView(data.buffer, data.byteOffset, data.length);
          const message = transport.take({ pgn, source, destination: 255 }, view, 0, data.length, 0);
          if (message !== undefined && (message.length < 9 || message.length > 1785)) return false;
        }
        return lost <= 2 * frames.length;
      },
    ),
    { numRuns: 300 },
  );
});

const TRUCK = 'can/css-j1939-truck';

t.test('long messages of a real truck are put together', { skip: recording(TRUCK) === undefined }, async (t) => {
  const log = recording(`${TRUCK}/j1939_tp_20210601_186s.candump.log.gz`) ?? '';
  const { intake, health } = await playRecording({
    log,
    dbc: [recording(`${TRUCK}/tp_j1939.dbc`) ?? ''],
    protocol: 'j1939',
  });
  // Bytes 12 and 13 are the last of the second packet; 13 of the 16 messages are of the group that the DBC file has.
  let group = 0;
  const expected = readLog(log).flatMap(({ id, data }) => {
    if (id === 0x1cecff00) group = ((data[6] ?? 0) << 8) | (data[5] ?? 0);
    const isSecond = id === 0x1cebff00 && group === 0xfee3 && data[0] === 2;
    return isSecond ? [(((data[7] ?? 0) << 8) | (data[6] ?? 0)) / 8] : [];
  });
  t.equal(expected.length, 13);
  t.same(intake.values('car/00/EC1/EngineSpeedAtPoint5'), expected);
  t.equal(
    intake.samples('car/00/EC1/EngineSpeedAtPoint5')[0]?.time,
    1_622_547_831_935_650,
    'the time of the last packet',
  );
  t.same(Object.keys(health.errors), ['no-definition']);
  t.equal(health.errors['no-definition'], 1815 - 64 - 16 + 3);
});

t.test('a real truck with its engine off', { skip: recording(TRUCK) === undefined }, async (t) => {
  const log = recording(`${TRUCK}/j1939_20231130_401s.candump.log.gz`) ?? '';
  const dbc = [recording(`${TRUCK}/CSS-Electronics-SAE-J1939-DEMO.dbc`) ?? ''];
  const { intake, health } = await playRecording({ log, dbc, protocol: 'j1939' });
  t.equal(health.received, 150_410);
  t.same(intake.values('car/00/EEC1/EngineSpeed'), new Array(3993).fill(0));
  t.same(intake.values('car/00/CCVS1/WheelBasedVehicleSpeed'), new Array(3993).fill(0));
  // Beside both groups: what its units say of themselves.
  t.equal(150_410 - (health.errors['no-definition'] ?? 0), 2 * 3993 + 10);
});
