import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { CollectorCounters } from '../../../../collectors/collector.ts';
import { makeDecoding } from '../../../../collectors/serial/make-decoding.ts';
import { SerialCollector } from '../../../../collectors/serial/serial-collector.ts';
import { type SerialConfig, serialSettings } from '../../../../collectors/serial/serial-config.ts';
import { isoTime } from '../../../../collectors/serial/shdr/iso-time.ts';
import { ITEMS_MAX, SHDR_LINE_BYTES_MAX } from '../../../../collectors/serial/shdr-decoding.ts';
import { MemoryWire } from '../../../../hardware/serial/memory-port.ts';
import { recording } from '../../../data-dir.ts';
import { play } from '../play.ts';
import { RecordedIntake, SetClock } from '../recorded-intake.ts';

function decode(config: Partial<SerialConfig>, ...pieces: (string | Uint8Array)[]) {
  const intake = new RecordedIntake();
  const counters = new CollectorCounters();
  const settings = serialSettings({ port: { log: 'none' }, protocol: 'shdr', ...config });
  const decoding = makeDecoding(settings, 'mill', intake, counters);
  for (const piece of pieces) decoding.feed(Buffer.from(piece), 9);
  decoding.end();
  return { intake, counters };
}

const TIME = '2022-08-08T13:51:34.7167146Z';
const UTC = Date.UTC(2022, 7, 8, 13, 51, 34) * 1e3 + 716_714;

t.test('moments are read to the microsecond', async (t) => {
  t.equal(isoTime(TIME), UTC);
  t.equal(isoTime('2022-08-08T15:51:34,7+02:00'), UTC - 16_714);
  for (const bad of ['', '2022-08-08', '2022-02-29T00:00:00Z', '2022-13-01T00:00:00Z', '2022-01-01T24:00:00Z', 'x']) {
    t.equal(isoTime(bad), undefined, bad);
  }
  fc.assert(
    fc.property(
      fc.date({ min: new Date('1600-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
      (date) => isoTime(date.toISOString()) === date.getTime() * 1e3,
    ),
  );
});

t.test('values are samples, numbers or texts as they began', async (t) => {
  const { intake, counters } = decode(
    { timestamp: 'device' },
    `${TIME}|X1actm|12.5|p1block|G01 X=1|pos|-1.5 0 22.9609|mill2:load|3\n`,
    `${TIME}@12|X1actm|UNAVAILABLE|p1block|17|pos|UNAVAILABLE|X1actm|overtravel|esc|a\\|b\n`,
  );
  t.same(intake.samples('mill/X1actm'), [{ time: UTC, value: 12.5 }]);
  t.same(intake.texts('mill/X1actm/text'), [{ time: UTC, text: 'overtravel' }]);
  t.same(
    intake.texts('mill/p1block').map(({ text }) => text),
    ['G01 X=1', '17'],
  );
  t.same(
    ['x', 'y', 'z'].map((axis) => intake.values(`mill/pos/${axis}`)),
    [[-1.5], [0], [22.9609]],
  );
  t.same(intake.values('mill/mill2/load'), [3]);
  t.same(
    intake.texts('mill/esc').map(({ text }) => text),
    ['a|b'],
  );
  t.equal(intake.channels.get('mill/X1actm')?.stamp, 'device');
  t.same(counters.errors, {});
});

t.test('a condition is a state and what is said about it', async (t) => {
  const { intake } = decode({}, `${TIME}|system|NORMAL||||\n${TIME}|system|FAULT|E12|1|HIGH|Spindle hot\n`);
  t.same(intake.samples('mill/system'), [
    { time: 9, value: 0 },
    { time: 9, value: 2 },
  ]);
  t.match(intake.channels.get('mill/system'), { type: 'enum', labels: { 1: 'warning' } });
  t.same(
    intake.texts('mill/system/message').map(({ text }) => text),
    ['E12 1 HIGH Spindle hot'],
  );
});

t.test('assets, commands and what is wrong are told apart', async (t) => {
  const { intake, counters } = decode(
    { timestamp: 'device' },
    `* PONG 10000\n* device: mill\n${TIME}|@ASSET@|1|CuttingTool|--multiline--AB\n<x|1>\n${TIME}|a|1\n--multiline--AB\n`,
    `${TIME}|a|2\nyesterday|a|3\n${TIME}|a\n|a|4\n${'x'.repeat(SHDR_LINE_BYTES_MAX + 1)}\n`,
  );
  t.same(intake.values('mill/a'), [2]);
  t.same(counters.errors, { 'unknown @ASSET@': 1, 'bad-time': 1, 'no-value': 1, 'no-utc': 1, 'too-long': 1 });
});

t.test('data items have a bound', async (t) => {
  const lines = Array.from({ length: ITEMS_MAX + 5 }, (_, index) => `|k${index}|1\n`);
  const { intake, counters } = decode({}, lines.join(''));
  t.ok(intake.channels.size <= ITEMS_MAX);
  t.ok((counters.errors['too-many-items'] ?? 0) >= 5);
});

t.test('lines are the same however they come in pieces, and any bytes are taken', async (t) => {
  const wire = Buffer.from(`${TIME}|a|1|b|x y\r\n${TIME}|@ASSET@|1|T|--multiline--A\nq\n--multiline--A\n${TIME}|a|2\n`);
  for (let at = 0; at <= wire.length; at += 1) {
    const { intake, counters } = decode({}, wire.subarray(0, at), wire.subarray(at));
    t.same([intake.values('mill/a'), counters.errors], [[1, 2], { 'unknown @ASSET@': 1 }]);
  }
  const hostile = fc.array(
    fc.constantFrom('|', '*', '@', '\n', '\\', TIME, '--multiline--', 'NORMAL', '1', ' ', 'a', '\xff'),
    { maxLength: 60 },
  );
  fc.assert(fc.property(hostile, (parts) => void decode({}, Buffer.from(parts.join(''), 'latin1'))));
});

t.test('an adapter is pinged when its port opens', async (t) => {
  const wire = new MemoryWire();
  const settings = serialSettings({ port: { host: 'mill', port: 7878 }, protocol: 'shdr' });
  const intake = new RecordedIntake();
  const collector = new SerialCollector(settings, { source: 'mill', intake, clock: new SetClock() }, wire.port());
  await collector.start();
  t.same(Buffer.concat(wire.takeWritten()).toString(), '* PING\n');
  await wire.send(Buffer.from(`* PONG 10000\n${TIME}|a|1\n`));
  t.match(collector.health(), { received: 1, state: 'running' });
  await collector.stop();
});

const OKUMA = recording('industrial/okuma-mtconnect/okuma.txt');

t.test('a mill-turn: every value of every line, in the order of the wire', { skip: OKUMA === undefined }, async (t) => {
  const { intake, health } = await play(OKUMA ?? '', { protocol: 'shdr', timestamp: 'device' });
  // Values by key, by a rule of its own: what follows a time at the start of a line.
  const expected = new Map<string, string[]>();
  for (const line of readFileSync(OKUMA ?? '', 'latin1').split('\n')) {
    const [time = '', ...fields] = line.split('|');
    if (!/^2022-/.test(time) || fields[0]?.startsWith('@') || fields[1] === 'NORMAL') continue;
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const list = expected.get(fields[at] ?? '') ?? [];
      list.push(fields[at + 1] ?? '');
      expected.set(fields[at] ?? '', list);
    }
  }
  let numbers = 0;
  for (const [key, values] of expected) {
    const kept = values.map((value) => value.trim()).filter((value) => value !== 'UNAVAILABLE' && value !== '');
    const channel = intake.channels.get(`gps/${key}`);
    if (channel?.type === 'number') {
      const isNumber = (value: string) => value !== '' && Number.isFinite(Number(value));
      t.same(intake.values(channel.name), kept.filter(isNumber).map(Number), key);
      numbers += intake.values(channel.name).length;
    } else if (channel?.type === 'text') {
      t.same(
        intake.texts(channel.name).map(({ text }) => text),
        kept,
        key,
      );
    } else {
      const first = intake.values(`gps/${key}/x`);
      t.same(
        first,
        kept.map((value) => Number(value.split(' ')[0])),
        key,
      );
    }
  }
  t.ok(expected.size > 70 && numbers > 20_000, `${expected.size} items, ${numbers} numbers`);
  t.same(health.errors, { 'unknown @ASSET@': 118, 'unknown @REMOVE_ALL_ASSETS@': 4, 'unknown @REMOVE_ASSET@': 30 });
  const times = intake.samples('gps/Z1actm').map(({ time }) => time);
  t.ok(
    times.some((time, index) => time < (times[index - 1] ?? 0)),
    'times that go back stay as they are',
  );
});
