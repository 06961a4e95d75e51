import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { CollectorCounters } from '../../../../collectors/collector.ts';
import { TEXT_LINE_BYTES_MAX } from '../../../../collectors/serial/lines/lines-config.ts';
import { makeDecoding } from '../../../../collectors/serial/make-decoding.ts';
import { checkSerial, type SerialConfig, serialSettings } from '../../../../collectors/serial/serial-config.ts';
import { RecordedIntake } from '../recorded-intake.ts';

const SCALE: Omit<SerialConfig, 'port'> = {
  protocol: 'lines',
  lines: [
    {
      pattern: '^ST,(?<state>GS|US|OL),(?<weight>[+-] *[\\d.,]*)kg$',
      values: {
        state: { name: 'scale/state', words: { GS: 0, US: 1 } },
        weight: { name: 'scale/weight', unit: 'kg', decimals: 2 },
      },
    },
    {
      pattern: 'T=(?<temperature>\\S+)(?: H=(?<flags>[0-9A-F]+))?(?: (?<note>.+))?',
      values: { temperature: { scale: 0.1, offset: -40 }, flags: { type: 'hex' }, note: { type: 'text' } },
    },
  ],
};

function decode(config: Omit<SerialConfig, 'port'>, ...pieces: (string | Uint8Array)[]) {
  const intake = new RecordedIntake();
  const counters = new CollectorCounters();
  const settings = serialSettings({ port: { log: 'none' }, ...config });
  checkSerial(settings);
  const decoding = makeDecoding(settings, 'scale', intake, counters);
  for (const piece of pieces) decoding.feed(Buffer.from(piece), 7);
  decoding.end();
  return { intake, counters };
}

t.test('groups of the first pattern that matches are samples', async (t) => {
  const { intake, counters } = decode(SCALE, 'ST,GS,+12.50kg\r\nST,US,-0,25kg\r\nT=523 H=1F fine\nT=1\n');
  t.same(intake.samples('scale/scale/weight'), [
    { time: 7, value: 12.5 },
    { time: 7, value: -0.25 },
  ]);
  t.same(intake.values('scale/scale/state'), [0, 1]);
  t.same(intake.values('scale/temperature'), [523 * 0.1 - 40, 1 * 0.1 - 40]);
  t.same(intake.values('scale/flags'), [31]);
  t.same(intake.texts('scale/note'), [{ time: 7, text: 'fine' }]);
  t.match(intake.channels.get('scale/scale/state'), { type: 'enum', labels: { 0: 'GS', 1: 'US' } });
  t.match(intake.channels.get('scale/scale/weight'), { unit: 'kg', decimals: 2, type: 'number' });
  t.same(counters.errors, {});
  t.equal(counters.received, 4);
});

t.test('what does not fit is counted, and what follows is taken', async (t) => {
  const { intake, counters } = decode(
    SCALE,
    `hello\n${'x'.repeat(TEXT_LINE_BYTES_MAX + 1)}\nST,OL,+ kg\nT=warm\nT=5\n`,
  );
  t.same(counters.errors, { 'no-match': 1, 'too-long': 1, 'bad-field': 3 });
  t.equal(intake.samples('scale/temperature').length, 1);
});

t.test('lines are the same however they come in pieces', async (t) => {
  const wire = Buffer.from('ST,GS,+12.50kg\r\n\r\nT=523\rbad\n\x00\xffST,US,-1kg\n', 'latin1');
  const whole = decode(SCALE, wire);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: wire.length }), { maxLength: 6 }), (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), wire.length];
      const pieces = edges.slice(1).map((edge, index) => wire.subarray(edges[index], edge));
      const { intake, counters } = decode(SCALE, ...pieces);
      t.same(counters.errors, whole.counters.errors);
      t.same(intake.values('scale/scale/weight'), whole.intake.values('scale/scale/weight'));
    }),
  );
});

t.test('InfluxDB line protocol over a serial line', async (t) => {
  const config = { protocol: 'line-protocol', lineProtocol: { channel: '{tag.id}/{field}', precision: 's' } } as const;
  const { intake, counters } = decode(
    config,
    'pump,id=p1 flow=12.5,on=t 1600000000\npump,id=p1 flo',
    'w=13\r\nbad line here=\npump,id=p2 flow=1\n',
  );
  t.same(intake.samples('scale/p1/flow'), [{ time: 1_600_000_000_000_000, value: 12.5 }]);
  t.same(intake.samples('scale/p1/flow/arrival'), [{ time: 7, value: 13 }]);
  t.same(intake.values('scale/p1/on'), [1]);
  t.same(intake.values('scale/p2/flow'), [1]);
  t.equal(counters.received, 4);
  t.equal(
    Object.values(counters.errors).reduce((sum, one) => sum + one, 0),
    1,
  );
});

/** Configs that are refused, and why. */
const REFUSED: readonly (readonly [Omit<SerialConfig, 'port'>, RegExp])[] = [
  [{ protocol: 'lines' }, /needs lines/],
  [{ protocol: 'nmea', lines: [{ pattern: '(?<a>b)' }] }, /lines means nothing/],
  [{ protocol: 'framed' }, /needs frame/],
  [{ protocol: 'lines', lines: [{ pattern: 'a' }] }, /no named group/],
  [{ protocol: 'lines', lines: [{ pattern: '(?<a>b)', values: { c: {} } }] }, /no group c/],
  [{ protocol: 'lines', lines: [{ pattern: '(?<a>b' }] }, /expected \)/],
  [{ protocol: 'line-protocol', lineProtocol: { channel: 'x' } }, /no \{field\}/],
];

for (const [config, why] of REFUSED) {
  t.test(`${JSON.stringify(config)} is refused`, async (t) => {
    t.throws(() => checkSerial(serialSettings({ port: { log: 'none' }, ...config })), {
      code: 'config-invalid',
      message: why,
    });
  });
}
