import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { escapeBytes, RAW_LINE_BYTES_MAX, RawLines, unescapeBytes } from '../../../collectors/serial/raw-lines.ts';
import { SerialCollector } from '../../../collectors/serial/serial-collector.ts';
import { type SerialConfig, serialSettings } from '../../../collectors/serial/serial-config.ts';
import { planSerialRedecode } from '../../../collectors/serial/serial-redecoder.ts';
import { MemoryWire } from '../../../hardware/serial/memory-port.ts';
import { play, serialRecording, skipWithout } from './play.ts';
import { RecordedIntake, SetClock } from './recorded-intake.ts';

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

t.test('any bytes are printable ASCII when escaped, and come back', async (t) => {
  t.match(escapeBytes(ALL_BYTES), /^[ -~]*$/);
  t.equal(escapeBytes(Buffer.from('$GPGGA\\\t\x00\xff\r\n', 'latin1')), '$GPGGA\\\\\\t\\x00\\xff\\r\\n');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      return Buffer.compare(unescapeBytes(escapeBytes(bytes)) ?? Buffer.from('?'), bytes) === 0;
    }),
  );
});

t.test('a shell turns escaped bytes back', async (t) => {
  const printed = execFileSync('bash', ['-c', 'printf %b "$1"', 'bash', escapeBytes(ALL_BYTES)]);
  t.same([...printed], [...ALL_BYTES]);
});

t.test('text that nobody escaped is refused', async (t) => {
  for (const text of ['\n', 'ä', '\\', '\\q', '\\x1', '\\xFF', '\\x41']) t.equal(unescapeBytes(text), undefined, text);
});

function linesOf(...pieces: readonly string[]): string[] {
  const lines: string[] = [];
  const raw = new RawLines((text) => lines.push(text), 'lines');
  for (const piece of pieces) raw.feed(Buffer.from(piece, 'latin1'));
  raw.end();
  return lines;
}

t.test('a piece is a line with its end, as soon as it ends', async (t) => {
  t.same(linesOf('one\r\ntwo\rthree\n\n', 'fo', 'ur\r', '\nfive'), [
    ...['one\\r\\n', 'two\\r', 'three\\n', '\\n', 'four\\r', '\\n', 'five'],
  ]);
  t.same(
    linesOf('x'.repeat(RAW_LINE_BYTES_MAX + 3)).map((text) => text.length),
    [RAW_LINE_BYTES_MAX, 3],
  );
});

t.test('where there are no lines a piece is a read', async (t) => {
  const pieces: string[] = [];
  const raw = new RawLines((text) => pieces.push(text), 'reads');
  raw.feed(Buffer.from('a\nb'));
  raw.feed(Buffer.alloc(RAW_LINE_BYTES_MAX + 1, 0x78));
  raw.lost();
  t.same(pieces, ['a\\nb', 'x'.repeat(RAW_LINE_BYTES_MAX), 'x', '']);
});

t.test('an empty piece says that the wire was lost inside a line, and only there', async (t) => {
  const lines: string[] = [];
  const raw = new RawLines((text) => lines.push(text), 'lines');
  raw.lost();
  raw.feed(Buffer.from('whole\r\n'));
  raw.lost();
  raw.feed(Buffer.from('part'));
  raw.lost();
  raw.feed(Buffer.from('y'.repeat(RAW_LINE_BYTES_MAX)));
  raw.lost();
  t.same(lines, ['whole\\r\\n', 'part', '', 'y'.repeat(RAW_LINE_BYTES_MAX), '']);
});

/** Definitions and samples of what was decoded, without ids. */
function decoded(intake: RecordedIntake) {
  const channels = [...intake.channels.values()].filter(({ name }) => name !== 'gps/raw');
  return new Map(channels.map(({ id: _, ...one }) => [one.name, { channel: one, samples: intake.samples(one.name) }]));
}

function redecode(from: RecordedIntake, config: Omit<SerialConfig, 'port'>) {
  const intake = new RecordedIntake();
  const full: SerialConfig = { port: { log: 'none' }, ...config };
  const redecoder = planSerialRedecode(full, 'gps').begin('arrival', intake);
  for (const { time, text } of from.texts('gps/raw')) redecoder.take(time, text);
  redecoder.end();
  return { intake, redecoder };
}

const LOGS = [
  ['gpsd/ublox-8.log', 'nmea'],
  ['gpsd/firefly-II.log', 'nmea'],
  ['gpsd/gp-320fw-2019-04-07-coldboot.log', 'nmea'],
  ['gpsd/ublox-neo-m8t.log', 'ubx'],
] as const;

for (const [log, protocol] of LOGS) {
  t.test(`${log}, kept raw as it comes in pieces, is decoded anew as it was live`, skipWithout(log), async (t) => {
    const file = readFileSync(serialRecording(log));
    const bytes = file[0] === 0x1f ? gunzipSync(file) : file;
    for (const timestamp of ['arrival', 'device'] as const) {
      const wire = new MemoryWire();
      const intake = new RecordedIntake();
      const clock = new SetClock();
      const settings = serialSettings({ port: { path: '/dev/ttyS0' }, protocol, timestamp, raw: true });
      const collector = new SerialCollector(settings, { source: 'gps', intake, clock }, wire.port());
      await collector.start();
      let step = 1;
      for (let at = 0; at < bytes.length; at += step) {
        step = 1 + ((step * 7) % 97);
        clock.time += 10_000;
        await wire.send(bytes.subarray(at, at + step));
      }
      await collector.stop();
      const pieces = intake.texts('gps/raw').map(({ text }) => unescapeBytes(text) ?? Buffer.from('?'));
      t.equal(Buffer.compare(Buffer.concat(pieces), bytes), 0, 'every byte was kept');
      const { intake: anew } = redecode(intake, { protocol, timestamp });
      t.ok(decoded(intake).size >= 2);
      t.same(decoded(anew), decoded(intake), timestamp);
    }
  });
}

t.test(
  'a recording is kept to its last byte, and its last line needs no end',
  skipWithout('gpsd/ublox-8.log'),
  async (t) => {
    const { intake } = await play(serialRecording('gpsd/ublox-8.log'), { raw: 'standard' });
    t.match(intake.channels.get('gps/raw'), { type: 'text', class: 'standard', stamp: 'arrival', source: 'gps' });
    const pieces = intake.texts('gps/raw').map(({ text }) => unescapeBytes(text) ?? Buffer.from('?'));
    t.equal(Buffer.compare(Buffer.concat(pieces), readFileSync(serialRecording('gpsd/ublox-8.log'))), 0);
    t.same(decoded(redecode(intake, {}).intake), decoded(intake));
  },
);

t.test('a line that the loss of the wire cut is not joined with the next', async (t) => {
  const wire = new MemoryWire();
  const intake = new RecordedIntake();
  const settings = serialSettings({ port: { path: '/dev/ttyS0' }, checksum: 'optional', raw: true });
  const collector = new SerialCollector(settings, { source: 'gps', intake, clock: new SetClock() }, wire.port());
  await collector.start();
  await wire.send(Buffer.from('$SDDBT,7.7,f,2.3,M,1'));
  await collector.stop();
  await collector.start();
  await wire.send(Buffer.from('0.3,F\r\n$SDDBT,7.7,f,5.5,M,1.3,F\r\n'));
  await collector.stop();
  t.same(
    intake.texts('gps/raw').map(({ text }) => text),
    ['$SDDBT,7.7,f,2.3,M,1', '', '0.3,F\\r\\n', '$SDDBT,7.7,f,5.5,M,1.3,F\\r\\n'],
  );
  t.same(intake.values('gps/depth/transducer'), [5.5]);
  const { intake: anew, redecoder } = redecode(intake, { checksum: 'optional' });
  t.same(anew.values('gps/depth/transducer'), [5.5]);
  redecoder.take(0, '\\q');
  t.equal(redecoder.errors['not-raw'], 1);
});
