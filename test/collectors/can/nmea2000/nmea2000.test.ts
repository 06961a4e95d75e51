import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Parser } from '@canboat/canboatjs/dist/fromPgn.js';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { j1939Id } from '../../../../collectors/can/j1939/pgn.ts';
import { Nmea2000Samples } from '../../../../collectors/can/nmea2000/nmea2000-samples.ts';
import { CollectorCounters } from '../../../../collectors/collector.ts';
import { recording } from '../../../data-dir.ts';
import { RecordedIntake } from '../../serial/recorded-intake.ts';
import { playFrames, playRecording } from '../play-recording.ts';
import { readFrames } from '../read-log.ts';
import { fastFrames, idOf } from './fast-frames.ts';

const frame = (pgn: number, source: number, data: string) => `${idOf(pgn, source)}#${data}`;
const fast = (pgn: number, source: number, hex: string, sequence = 0) =>
  fastFrames(Buffer.from(hex, 'hex'), sequence).map((data) => frame(pgn, source, data));

function playN2k(t: Test, frames: readonly string[], dbc?: string) {
  return playFrames(t, frames, { protocol: 'nmea2000' }, dbc);
}

t.test('fields are channels of group, sender and key, with unit, labels and digits', async (t) => {
  const frames = [
    frame(129025, 0x2b, '0090D1051F4E6FFF'),
    frame(127488, 0x17, '00401F0000FFFFFF'),
    frame(127488, 0x17, '01A00F0000FFFFFF'),
    frame(127250, 0x17, '00102700000000FD'),
  ];
  const { intake, health } = await playN2k(t, frames);
  t.ok(Math.abs((intake.values('car/2b/positionRapidUpdate/latitude')[0] ?? 0) - 9.7619968) < 1e-9);
  t.match(intake.channels.get('car/2b/positionRapidUpdate/latitude'), {
    unit: 'deg',
    type: 'number',
    decimals: 7,
    rateHz: 10,
    description: 'PGN 129025, Position, Rapid Update: Latitude',
  });
  t.same(intake.values('car/17/engineParametersRapidUpdate/Single_Engine_or_Dual_Engine_Port/speed'), [2000]);
  t.same(intake.values('car/17/engineParametersRapidUpdate/Dual_Engine_Starboard/speed'), [1000]);
  t.same(intake.values('car/17/vesselHeading/heading'), [1]);
  const reference = intake.channels.get('car/17/vesselHeading/reference');
  t.match(reference, { type: 'enum', labels: { 0: 'True', 1: 'Magnetic' } });
  t.equal(health.errors['no-definition'], undefined);
});

t.test('what is not available has no sample and is counted; that a value went is told once', async (t) => {
  const headings = ['FFFF', '1027', 'FFFF', 'FFFF', '2027'];
  const { intake, health } = await playN2k(
    t,
    headings.map((raw) => frame(127250, 1, `FF${raw}FF7FFF7FFF`)),
  );
  t.same(intake.values('car/01/vesselHeading/heading'), [1, Number.NaN, 1.0016]);
  t.notOk(intake.channels.has('car/01/vesselHeading/deviation'));
  t.notOk(intake.channels.has('car/01/vesselHeading/reference'), 'a label of all ones is none');
  // Five messages of five fields, of which two values were there.
  t.same(health.errors, { 'not-available': 5 * 5 - 2 });
});

t.test('dates, times and durations are numbers, also below zero', async (t) => {
  // Day 19723 is 2024-01-01; 45,296.5 s; 90 minutes behind UTC.
  const { intake } = await playN2k(t, [frame(129033, 1, '0B4D88B2FF1AA6FF')]);
  t.same(intake.values('car/01/timeDate/date'), [19_723]);
  t.same(intake.values('car/01/timeDate/time'), [45_296.5]);
  t.same(intake.values('car/01/timeDate/localOffset'), [-5400]);
});

const PRODUCT = `3408C800${hexText('GPS', 32)}${hexText('1.0', 32)}${hexText('', 32)}${hexText('00123', 32)}0101`;

function hexText(text: string, length: number): string {
  return Buffer.from(text.padEnd(length, '\0'), 'latin1').toString('hex');
}

t.test('text is told when it is another one, and repetitions are numbered', async (t) => {
  const satellite = (prn: number, snr: number) =>
    `${prn.toString(16).padStart(2, '0')}${'1027'}${'2027'}${snr
      .toString(16)
      .padStart(4, '0')
      .replace(/(..)(..)/, '$2$1')}FFFFFF7FF2`;
  const frames = [
    ...fast(126996, 0x23, PRODUCT, 0),
    ...fast(126996, 0x23, PRODUCT, 1),
    ...fast(129540, 3, `00FD02${satellite(5, 4000)}${satellite(17, 3000)}`),
  ];
  const { intake } = await playN2k(t, frames);
  t.same(
    intake.texts('car/23/productInformation/modelId').map(({ text }) => text),
    ['GPS'],
  );
  t.same(intake.values('car/03/gnssSatsInView/1/prn'), [5]);
  t.same(intake.values('car/03/gnssSatsInView/2/prn'), [17]);
  t.same(intake.values('car/03/gnssSatsInView/2/snr'), [30]);
});

t.test('what has no definition is kept as bytes and counted', async (t) => {
  const frames = [
    frame(65299, 4, '1122334455667788'),
    ...fast(130910, 4, 'E599AABBCCDDEEFF00'),
    frame(127999, 4, '0102030405060708'),
    ...fast(126208, 4, '0100EE0100'),
  ];
  const { intake, health } = await playN2k(t, frames);
  const texts = (name: string) => intake.texts(`car/04/${name}`).map(({ text }) => text);
  t.same(texts('proprietary/65299'), ['1122334455667788']);
  t.same(texts('proprietary/130910'), ['E599AABBCCDDEEFF00']);
  t.same(texts('unknown/127999'), ['0102030405060708']);
  t.same(texts('unknown/126208'), ['0100EE0100'], 'a list whose types stand in the message');
  t.match(intake.channels.get('car/04/proprietary/65299'), { type: 'text', class: 'bulk' });
  t.same(health.errors, { 'no-definition': 4 });
});

t.test('a group that a DBC file has is decoded by that, a fast packet as a whole', async (t) => {
  const dbc = (pgn: number, bytes: number, bit: number) =>
    `BO_ ${0x80000000 + 0x0c000000 + pgn * 256 + 0xfe} Own: ${bytes} Vector__XXX\n SG_ Value : ${bit}|8@1+ (1,0) [0|0] "" Vector__XXX\n`;
  const single = await playN2k(t, [frame(65299, 4, '1122334455667788')], dbc(65299, 8, 8));
  t.same(single.intake.values('car/04/Own/Value'), [0x22]);
  const whole = await playN2k(t, fast(130910, 4, 'E599AABBCCDDEEFF00112233'), dbc(130910, 12, 80));
  t.same(whole.intake.values('car/04/Own/Value'), [0x22]);
});

t.test('long messages of the transport protocol are decoded as well', async (t) => {
  const bytes = Buffer.from(PRODUCT, 'hex');
  const packets = Math.ceil(bytes.length / 7);
  const head = `20${hex2(bytes.length & 255)}${hex2(bytes.length >> 8)}${hex2(packets)}FF14F001`;
  const data = Array.from({ length: packets }, (_, n) => {
    return `${hex2(n + 1)}${bytes
      .subarray(n * 7, n * 7 + 7)
      .toString('hex')
      .padEnd(14, 'F')}`;
  });
  const frames = [`1CECFF23#${head}`, ...data.map((packet) => `1CEBFF23#${packet}`)];
  const { intake } = await playN2k(t, frames);
  t.equal(intake.texts('car/23/productInformation/modelId')[0]?.text, 'GPS');
});

function hex2(value: number): string {
  return value.toString(16).padStart(2, '0').toUpperCase();
}

function samplesOf(): { samples: Nmea2000Samples; intake: RecordedIntake; counters: CollectorCounters } {
  const [intake, counters] = [new RecordedIntake(), new CollectorCounters()];
  return { samples: new Nmea2000Samples('boat', 'boat', 'arrival', intake, counters), intake, counters };
}

t.test('ships without end are passed over when there are too many', async (t) => {
  const { samples, intake, counters } = samplesOf();
  for (let ship = 1; ship <= 8300; ship += 1) {
    const bytes = Buffer.from('010000000090D1051F4E6FFF00000000000000000000000000000000', 'hex');
    bytes.writeUInt32LE(200_000_000 + ship, 1);
    samples.take(129038, 1, bytes, ship);
  }
  t.equal(counters.errors['nmea2000-too-many'], 8300 - 8192);
  t.equal(intake.values('boat/01/aisClassAPositionReport/200000001/latitude').length, 1);
  t.notOk(intake.channels.has('boat/01/aisClassAPositionReport/200008300/latitude'));
});

t.test('any bytes of any group give samples or are counted, in bounded room', async () => {
  const pgns = fc.oneof(
    fc.constantFrom(
      59904,
      60928,
      126996,
      127489,
      127503,
      129029,
      129038,
      129285,
      129540,
      129809,
      130074,
      130820,
      130842,
    ),
    fc.integer({ min: 0, max: 0x3ffff }),
  );
  fc.assert(
    fc.property(pgns, fc.uint8Array({ minLength: 0, maxLength: 223 }), (pgn, bytes) => {
      const { samples, intake, counters } = samplesOf();
      intake.room = 1024;
      return samples.take(pgn, 1, bytes, 0) && counters.samples <= 1024;
    }),
    { numRuns: 1500 },
  );
});

/** Fields of numbers that are no samples: those in the names of channels, bits as bytes, and labels of all ones. */
const IN_NAMES_OR_NONE = [
  'aisAidsToNavigationAtonReport/atonStatus',
  'aisAidsToNavigationAtonReport/userId',
  'aisClassAPositionReport/communicationState',
  'aisClassAPositionReport/navStatus',
  'aisClassAPositionReport/userId',
  'aisClassAStaticAndVoyageRelatedData/gnssType',
  'aisClassAStaticAndVoyageRelatedData/userId',
  'aisClassBPositionReport/communicationState',
  'aisClassBPositionReport/regionalApplication',
  'aisClassBPositionReport/regionalApplicationB',
  'aisClassBPositionReport/userId',
  'aisClassBStaticDataMsg24PartA/userId',
  'aisClassBStaticDataMsg24PartB/mothershipUserId',
  'aisClassBStaticDataMsg24PartB/userId',
  'aisUtcAndDateReport/communicationState',
  'aisUtcAndDateReport/userId',
  'batteryConfigurationStatus/instance',
  'batteryStatus/instance',
  'crossTrackError/xteMode',
  'dcDetailedStatus/dcType',
  'dcDetailedStatus/instance',
  'environmentalParameters/humiditySource',
  'environmentalParameters/temperatureSource',
  'gnssSatsInView/rangeResidualMode',
  'systemTime/source',
  'windData/reference',
];

const FOLDER = 'can/nmea2000';

/** What canboat itself makes of a message: numbers by field; text and lists are left out. */
function numbersOf(fields: Record<string, unknown>): [string, number][] {
  return Object.entries(fields).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
}

t.test(
  'frames of a real boat give what canboat puts together and decodes itself',
  { skip: recording(FOLDER) === undefined },
  async (t) => {
    const log = recording(`${FOLDER}/can0-1.pcap.gz`) ?? '';
    const { intake, health } = await playRecording({ log, protocol: 'nmea2000', timestamp: 'arrival' });
    t.equal(health.received, 49_928);
    const { 'not-available': _, ...errors } = health.errors;
    t.same(errors, { 'fast-packet-without-start': 6, 'no-definition': 1917 });
    const theirs = new Map<string, number[]>();
    const parser = new Parser({ resolveEnums: false });
    parser.on('error', () => {});
    for (const { id, data } of await readFrames(log)) {
      const { pgn, source, destination: dst } = j1939Id(id);
      const head = { pgn, src: source, dst, prio: 0, timestamp: '2020-01-01T00:00:00Z' };
      const message = parser.parse({ pgn: head, length: data.length, data: Buffer.from(data) }) as unknown;
      if (message === undefined) continue;
      const { id: name, fields } = message as Expected;
      for (const [field, value] of numbersOf(fields)) {
        const path = `car/${source.toString(16).padStart(2, '0')}/${name}/${field}`;
        theirs.set(path, [...(theirs.get(path) ?? []), value]);
      }
    }
    let compared = 0;
    for (const [path, values] of theirs) {
      const { scale, labels } = intake.channels.get(path) ?? {};
      const mine = intake.values(path).filter((value) => !Number.isNaN(value));
      // A label of all ones is a number to the decoder; a group with keys has other names.
      if (mine.length === 0 || labels !== undefined) continue;
      const isSame = mine.length === values.length && mine.every((value, n) => isNear(value, values[n], scale?.gain));
      if (!isSame) t.fail(`${path}: ${mine.length} samples, expected ${values.length}`);
      compared += mine.length;
    }
    t.ok(compared > 30_000, `${compared} samples compared`);
    const byTime = await playRecording({ log, protocol: 'nmea2000' });
    t.equal(
      byTime.health.errors['fast-packet-timeout'],
      4,
      'where the recorder had a hole, and where its clock was set',
    );
  },
);

/** Whether a value is the one that the decoder rounds to decimal digits of the resolution. */
function isNear(mine: number, theirs = Number.NaN, gain = 0): boolean {
  return Math.abs(mine - theirs) <= Math.max(gain / 2, 1e-12 * Math.abs(theirs));
}

t.test(
  'every number of two recordings of whole messages is the one that canboat gives',
  { skip: recording(FOLDER) === undefined },
  async (t) => {
    for (const [name, least, elsewhere] of [
      ['aava-n2k.data.gz', 80_000, IN_NAMES_OR_NONE],
      ['furuno-130842-figure8-fast.raw.gz', 100_000, []],
    ] as const) {
      const lines = gunzipSync(readFileSync(recording(`${FOLDER}/${name}`) ?? ''))
        .toString()
        .split('\n');
      const theirs = new Parser({ resolveEnums: false });
      theirs.on('error', () => {});
      const { samples, intake } = samplesOf();
      const channels = new ChannelsByField(intake);
      const missing = new Set<string>();
      let compared = 0;
      for (const [n, line] of lines.entries()) {
        const [, , pgn = '', source = '', , , ...bytes] = line.trim().split(',');
        if (pgn === '' || line.startsWith('#')) continue;
        const expected = theirs.parseString(line.trim()) as unknown as Expected | undefined;
        samples.take(Number(pgn), Number(source), Buffer.from(bytes.map((byte) => Number.parseInt(byte, 16))), n);
        for (const [field, value] of numbersOf(expected?.fields ?? {})) {
          const node = Number(source).toString(16).padStart(2, '0');
          const path = channels.of(`boat/${node}/${expected?.id}/${field}`).find((name) => {
            return intake.samples(name).at(-1)?.time === n;
          });
          if (path === undefined) {
            if (!/^(reserved|spare)\d*$/.test(field)) missing.add(`${expected?.id}/${field}`);
            continue;
          }
          const { unit, scale } = intake.channels.get(path) ?? {};
          // The decoder makes coulombs of ampere hours.
          const mine = (intake.samples(path).at(-1)?.value ?? Number.NaN) * (unit === 'Ah' ? 3600 : 1);
          if (isNear(mine, value, scale?.gain)) compared += 1;
          else t.fail(`${line} ${field}: ${mine}, expected ${value}`);
        }
      }
      t.same([...missing].sort(), elsewhere);
      t.ok(compared > least, `${compared} values of ${name}`);
    }
  },
);

/** Channels by their name without the key in it. */
class ChannelsByField {
  readonly #intake: RecordedIntake;
  readonly #names = new Map<string, string[]>();
  #seen = 0;

  constructor(intake: RecordedIntake) {
    this.#intake = intake;
  }

  of(name: string): readonly string[] {
    if (this.#seen < this.#intake.channels.size) {
      for (const path of [...this.#intake.channels.keys()].slice(this.#seen)) {
        const segments = path.split('/');
        const key = [...segments.slice(0, 3), segments.at(-1)].join('/');
        this.#names.set(key, [...(this.#names.get(key) ?? []), path]);
      }
      this.#seen = this.#intake.channels.size;
    }
    return this.#names.get(name) ?? [];
  }
}

interface Expected {
  readonly id: string;
  readonly fields: Record<string, unknown>;
}
