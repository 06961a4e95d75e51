import { readFileSync } from 'node:fs';
import t from 'tap';
import { CollectorCounters } from '../../../../collectors/collector.ts';
import { Outlet } from '../../../../collectors/serial/outlet.ts';
import { FIELDS } from '../../../../collectors/serial/vedirect/fields.ts';
import { OTHER_LABELS_MAX, VeDirectDecoding } from '../../../../collectors/serial/vedirect-decoding.ts';
import { play, serialRecording, skipWithout } from '../play.ts';
import { RecordedIntake } from '../recorded-intake.ts';
import { vedirectBlock } from './vedirect-block.ts';

function decoding() {
  const intake = new RecordedIntake();
  const counters = new CollectorCounters();
  const decode = new VeDirectDecoding(new Outlet('mppt', undefined, intake, counters));
  return { intake, counters, decode };
}

/** Fields as devices send them, and the samples they become. */
const CASES: readonly (readonly [label: string, value: string, told: Readonly<Record<string, number>>])[] = [
  ['V', '12065', { 'battery/voltage': 12.065 }],
  ['I', '-7625', { 'battery/current': -7.625 }],
  ['SOC', '839', { 'battery/state-of-charge': 83.9 }],
  ['CE', '-65473', { 'battery/consumed': -65.473 }],
  ['TTG', '942', { 'battery/time-to-go': 942 }],
  ['TTG', '-1', {}],
  ['T', '---', {}],
  ['H17', '6843', { 'history/discharged': 68.43 }],
  ['CS', '3', { state: 3 }],
  ['LOAD', 'ON', { 'load/on': 1 }],
  ['Alarm', 'Off', { alarm: 0 }],
  ['OR', '0x00000081', { 'off-reason': 0x81 }],
  ['NEW', '17', { 'other/NEW': 17 }],
];

for (const [label, value, expected] of CASES) {
  t.test(`${label} ${value} is told in its unit`, async (t) => {
    const { intake, counters, decode } = decoding();
    decode.feed(vedirectBlock([label, value]), 5);
    const told = Object.keys(expected).map((path) => [path, intake.samples(`mppt/${path}`)]);
    t.same(
      told,
      Object.entries(expected).map(([path, of]) => [path, [{ time: 5, value: of }]]),
    );
    t.same(counters.errors, {});
    t.equal(counters.samples, told.length);
  });
}

t.test('recorded blocks follow one another by the second, also where one of a second is damaged', async (t) => {
  const intake = new RecordedIntake();
  const outlet = new Outlet('bmv', undefined, intake, new CollectorCounters());
  const decode = new VeDirectDecoding(outlet, undefined, 1e15);
  const [main, history] = [
    (v: number) => vedirectBlock(['PID', '0x204'], ['V', String(v)]),
    vedirectBlock(['H4', '7']),
  ];
  const damaged = Buffer.from(main(4000));
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  for (const block of [main(1000), history, main(2000), main(3000), history, damaged, history, main(5000)]) {
    decode.feed(block, Number.NEGATIVE_INFINITY);
  }
  t.same(
    intake.samples('bmv/battery/voltage'),
    [0, 1, 2, 4].map((second, i) => ({ time: 1e15 + second * 1e6, value: [1, 2, 3, 5][i] })),
  );
});

t.test('each reason of an alarm is a channel', async (t) => {
  const { intake, decode } = decoding();
  decode.feed(vedirectBlock(['AR', '5']), 1);
  const active = [...intake.channels.keys()].filter((name) => intake.values(name)[0] === 1);
  t.same(active, ['mppt/alarm/low-voltage', 'mppt/alarm/low-state-of-charge']);
  t.equal(intake.channels.size, 14);
});

t.test('a text is a sample when it changes, and after the wire was lost', async (t) => {
  const { intake, decode } = decoding();
  for (const value of ['0308', '0308', '0309']) decode.feed(vedirectBlock(['FW', value]), 1);
  decode.lost();
  decode.feed(vedirectBlock(['FW', '0309']), 2);
  t.same(
    intake.texts('mppt/device/firmware').map(({ text }) => text),
    ['0308', '0309', '0309'],
  );
});

t.test('what a value cannot be is counted, and labels have a bound', async (t) => {
  const { counters, decode } = decoding();
  decode.feed(vedirectBlock(['V', 'x'], ['CS', ''], ['AR', 'ON'], ['LOAD', '1']), 1);
  t.same(counters.errors, { 'bad-field': 4 });
  for (let index = 0; index <= OTHER_LABELS_MAX; index += 1) decode.feed(vedirectBlock([`X${index}`, '1']), 1);
  t.equal(counters.errors['unknown-label'], 1);
});

t.test('no two fields are one channel unless they are one thing', async (t) => {
  const paths = Object.entries(FIELDS)
    .filter(([label]) => label !== 'FWE' && label !== 'AR')
    .map(([, { path }]) => path);
  t.equal(new Set(paths).size, paths.length);
});

/** Values of a label in a recording, by a rule of its own: fields of lines whose block sums to 0, HEX frames left out. */
function expectedOf(path: string, label: string): number[] {
  const text = readFileSync(path)
    .toString('latin1')
    .replace(/:[0-9A-F]+\n/g, '');
  const values: number[] = [];
  for (const [block] of text.matchAll(/(?:\r\n[^\t\r\n]+\t[^\r\n]*)+?\r\nChecksum\t[\s\S]/g)) {
    if ([...block].reduce((sum, one) => sum + one.charCodeAt(0), 0) % 256 !== 0) continue;
    const value = new RegExp(`\r\n${label}\t(-?\\d+)\r`).exec(block)?.[1];
    if (value !== undefined) values.push(Number(value));
  }
  return values;
}

t.test('a battery monitor: every block is whole', skipWithout('vedirect/bvm702.dump'), async (t) => {
  const path = serialRecording('vedirect/bvm702.dump');
  const { intake, health } = await play(path, { protocol: 'vedirect' });
  t.equal(health.received, 907, '906 blocks and the one that the end cuts');
  t.same(health.errors, { 'cut-off': 1 });
  for (const [label, channel, divisor] of [
    ['V', 'battery/voltage', 1e3],
    ['I', 'battery/current', 1e3],
    ['SOC', 'battery/state-of-charge', 10],
    ['H9', 'history/since-full', 1],
  ] as const) {
    const expected = expectedOf(path, label);
    t.ok(expected.length >= 453);
    t.same(
      intake.values(`gps/${channel}`),
      expected.map((value) => value / divisor),
      label,
    );
  }
  t.same(
    intake.texts('gps/device/product').map(({ text }) => text),
    ['0x203'],
  );
});

t.test(
  'a solar charger: HEX frames stand between its blocks, and the end of one before the first',
  skipWithout('vedirect/bluesolar_1.23.dump'),
  async (t) => {
    const path = serialRecording('vedirect/bluesolar_1.23.dump');
    const { intake, health } = await play(path, { protocol: 'vedirect' });
    const frames = [
      ...readFileSync(path)
        .toString('latin1')
        .matchAll(/:[0-9A-F]+\n/g),
    ].length;
    t.ok(frames >= 7);
    t.same(health.errors, { 'unknown HEX': frames });
    t.same(
      intake.values('gps/panel/voltage'),
      expectedOf(path, 'VPV').map((value) => value / 1e3),
    );
    t.equal(intake.values('gps/state').length, 248);
  },
);
