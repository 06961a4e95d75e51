import fc from 'fast-check';
import t from 'tap';
import { readAddressClaim } from '../../../collectors/can/j1939/address-claim.ts';
import { ExtendedTransport } from '../../../collectors/can/j1939/extended-transport.ts';
import { NodeSamples } from '../../../collectors/can/j1939/node-samples.ts';
import { readTroubles } from '../../../collectors/can/j1939/trouble-codes.ts';
import { CollectorCounters } from '../../../collectors/collector.ts';
import { recording } from '../../data-dir.ts';
import { RecordedIntake } from '../serial/recorded-intake.ts';
import { playFrames, playRecording } from './play-recording.ts';

const hex = (value: number, bytes = 1) =>
  Array.from({ length: bytes }, (_, n) => ((value / 2 ** (8 * n)) & 0xff).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();

const DBC = `BO_ ${0x98ef0026} Pool: 2000 Vector__XXX
 SG_ Near : 8|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ Far : 15992|8@1+ (1,0) [0|0] "" Vector__XXX
`;
const POOL = '00EF00';

/** Frames of a message of bytes counting up from node 26 to node 00, in windows of `window` packets. */
function extended(length: number, window: number, pgn = POOL): string[] {
  const packets = Math.ceil(length / 7);
  const frames = [`18C80026#14${hex(length, 4)}${pgn}`, `18C82600#150A010000${pgn}`];
  for (let offset = 0; offset < packets; offset += window) {
    const count = Math.min(window, packets - offset);
    frames.push(`18C80026#16${hex(count)}${hex(offset, 3)}${pgn}`);
    for (let n = 0; n < count; n += 1) {
      const data = Array.from({ length: 7 }, (_, k) => hex(((offset + n) * 7 + k) & 0xff)).join('');
      frames.push(`18C70026#${hex(n + 1)}${data}`);
    }
  }
  return [...frames, `18C82600#17${hex(length, 4)}${pgn}`];
}

const LENGTH = 2000;
/** Byte 1 of those that count up, and byte 1999. */
const NEAR = 1;
const FAR = 1999 & 0xff;

t.test('a message of more than 1785 bytes is put together of windows, also where one is sent again', async (t) => {
  for (const window of [255, 100, 16]) {
    const frames = extended(LENGTH, window);
    const again = frames.flatMap((frame, n) => (n === 5 ? [frame, frame] : [frame]));
    for (const sent of [frames, again]) {
      const { intake, health } = await playFrames(t, sent, { protocol: 'j1939' }, DBC);
      t.same(intake.values('car/26/Pool/Near'), [NEAR]);
      t.same(intake.values('car/26/Pool/Far'), [FAR]);
      t.same(health.errors, {});
    }
  }
});

t.test('a long message that is lost is counted by reason, and the next comes', async (t) => {
  const frames = extended(LENGTH, 100);
  const start = frames.slice(0, 6);
  const packet = frames[3] ?? '';
  const silence = new Array<string>(13).fill('123#');
  const cases: [Record<string, number>, string[]][] = [
    [{ 'transport-without-start': 1 }, [packet]],
    [{ 'transport-unfinished': 1 }, start],
    [{ 'transport-aborted': 1 }, [...start, `18C82600#FF01FFFFFF${POOL}`]],
    [{ 'transport-malformed': 1 }, [...start, '18C70026#00FFFFFFFFFFFFFF']],
    [{ 'transport-malformed': 1 }, [...start, '18C70026#65FFFFFFFFFFFFFF']],
    [{ 'transport-malformed': 1 }, [`18C80026#14${hex(1785, 4)}${POOL}`]],
    [{ 'transport-malformed': 1 }, ['18C80026#14']],
    [
      { 'transport-too-long': 1 },
      [`18C80026#14${hex(1_000_000, 4)}${POOL}`, `18C80026#1664000000${POOL}`, packet, packet],
    ],
    [{ 'transport-timeout': 1, 'no-definition': 13 }, [...start, ...silence, packet]],
  ];
  for (const [errors, lost] of cases) {
    const { intake, health } = await playFrames(t, [...lost, ...frames], { protocol: 'j1939' }, DBC);
    t.same(health.errors, errors, lost.at(-1));
    t.same(intake.values('car/26/Pool/Far'), [FAR]);
  }
});

t.test('any frames of the extended transport give messages or errors, in bounded memory', async () => {
  const frame = fc.record({
    pgn: fc.constantFrom(0xc800, 0xc700),
    source: fc.integer({ min: 0, max: 40 }),
    data: fc.uint8Array({ minLength: 7, maxLength: 8 }),
    control: fc.constantFrom(20, 20, 22, 255, 1, 2, undefined),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 300 }), (frames) => {
      let lost = 0;
      const transport = new ExtendedTransport(() => {
        lost += 1;
      });
      for (const { pgn, source, data, control } of frames) {
        if (control !== undefined) data[0] = control;
        const view = new DataView(data.buffer, data.byteOffset, data.length);
        const message = transport.take({ pgn, source, destination: 0 }, view, 0, data.length, 0);
        if (message !== undefined && (message.length < 1786 || message.length > 65_535)) return false;
      }
      return lost <= 2 * frames.length;
    }),
    { numRuns: 200 },
  );
});

const viewOf = (data: string) => new DataView(Uint8Array.from(Buffer.from(data, 'hex')).buffer);

t.test('trouble codes are SPN, FMI and count; zeros and ones are none', async (t) => {
  // SPN 110 FMI 0 three times; SPN 520192 FMI 31, count not known; one of an older form.
  const report = readTroubles(viewOf('04FF6E00000300F0FF7F6400E381'), 0, 14);
  t.same(report?.lamps, [0, 0, 1, 0]);
  t.same(report?.codes, [
    { spn: 110, fmi: 0, count: 3, isOld: false },
    { spn: 520_192, fmi: 31, count: undefined, isOld: false },
    { spn: 458_852, fmi: 3, count: 1, isOld: true },
  ]);
  t.same(readTroubles(viewOf('00FF00000000FFFF'), 0, 8)?.codes, []);
  t.same(readTroubles(viewOf('00FFFFFFFFFFFFFF'), 0, 8)?.codes, []);
  t.equal(readTroubles(viewOf('00FF0000'), 0, 4), undefined);
});

t.test(
  'active and previous codes are text and count, of one frame and of many, whatever the DBC file says',
  async (t) => {
    const codes = '04FF6E00000364000100';
    const frames = [
      '18FECA00#04FF6E000003FFFF',
      '18FECA00#04FF6E000003FFFF',
      `1CECFF00#200A0002FFCAFE00`,
      `1CEBFF00#01${codes.slice(0, 14)}`,
      `1CEBFF00#02${codes.slice(14)}FFFFFFFF`,
      '18FECA00#C0FF00000000FFFF',
      '18FECB21#FFFF6E000003FFFF',
      '18FECA00#04FF',
    ];
    const dbc = `BO_ ${0x98feca00} DM1: 8 Vector__XXX\n SG_ Lamp : 0|2@1+ (1,0) [0|0] "" Vector__XXX\n`;
    const { intake, health } = await playFrames(t, frames, { protocol: 'j1939' }, dbc);
    const texts = (name: string) => intake.texts(`car/${name}`).map(({ text }) => text);
    t.same(texts('00/trouble/active/codes'), ['SPN 110 FMI 0 x3', 'SPN 110 FMI 0 x3, SPN 100 FMI 1 x0', '']);
    t.same(intake.values('car/00/trouble/active/count'), [1, 1, 2, 0]);
    t.same(intake.values('car/00/trouble/active/warning_lamp'), [1, 1, 1, 0]);
    t.same(intake.values('car/00/trouble/active/malfunction_lamp'), [0, 0, 0], 'a unit without that lamp says so');
    t.same(texts('21/trouble/previous/codes'), ['SPN 110 FMI 0 x3']);
    t.same(health.errors, { 'j1939-malformed': 1 });
  },
);

t.test('who has an address is told when it is claimed, and when another one claims it', async (t) => {
  const name = (functionNumber: number, identity: number) =>
    hex(identity | (16 << 21), 4) + hex(functionNumber * 256, 4);
  const frames = [
    `18EEFF00#${name(0, 4711)}`,
    `18EEFF00#${name(0, 4711)}`,
    `18EEFF03#${name(3, 1)}`,
    `18EEFF03#${name(200, 2)}`,
    '18EEFF03#00',
  ];
  const { intake, health } = await playFrames(t, frames, { protocol: 'j1939' });
  t.same(
    intake.texts('car/00/node').map(({ text }) => text),
    ['engine 0, manufacturer 16, identity 4711, NAME 0000000002001267'],
  );
  t.same(
    intake.texts('car/03/node').map(({ text }) => text.slice(0, 30)),
    ['transmission 0, manufacturer 1', 'function 200 0, manufacturer 1'],
  );
  t.same(health.errors, { 'j1939-malformed': 1 });
  const parts = readAddressClaim(viewOf('1234567890ABCDEF'), 0, 8);
  t.match(parts, { identity: 0x163412, manufacturer: 0x3c2, functionInstance: 0x12, function: 0xab, industryGroup: 6 });
});

t.test('any report gives samples or is counted, in bounded room', async () => {
  const pgns = fc.constantFrom(0xfeca, 0xfecb, 0xee00);
  fc.assert(
    fc.property(pgns, fc.uint8Array({ maxLength: 1785 }), (pgn, bytes) => {
      const [intake, counters] = [new RecordedIntake(), new CollectorCounters()];
      intake.room = 1 + 2048 / 16 + 1 + 4;
      const nodes = new NodeSamples('truck', 'truck', 'arrival', intake, counters);
      return nodes.take(pgn, 1, new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length, 0);
    }),
    { numRuns: 300 },
  );
});

const TRUCK = 'can/css-j1939-truck';

t.test('a unit of a real truck says that nothing is wrong', { skip: recording(TRUCK) === undefined }, async (t) => {
  const log = recording(`${TRUCK}/j1939_20231130_401s.candump.log.gz`) ?? '';
  const { intake, health } = await playRecording({ log, protocol: 'j1939' });
  const found = [...intake.channels.keys()].filter((name) => name.includes('/trouble/'));
  const lamps = ['malfunction', 'warning'].map((lamp) => `car/2f/trouble/active/${lamp}_lamp`);
  t.same(found, ['car/2f/trouble/active/codes', 'car/2f/trouble/active/count', 'car/2f/trouble/active/warning_lamp']);
  t.same(
    intake.texts('car/2f/trouble/active/codes').map(({ text }) => text),
    [''],
  );
  t.same(intake.values('car/2f/trouble/active/count'), new Array(10).fill(0));
  t.same(
    lamps.map((lamp) => intake.values(lamp).length),
    [0, 10],
    'it has no malfunction lamp',
  );
  t.equal(health.errors['j1939-malformed'], undefined);
});
