import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import {
  type ClientFrame,
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  type ServerFrame,
  shownText,
  TEXT_SHOWN_BYTES_MAX,
  WireError,
} from '../../dashboards/wire.ts';
import { PROJECT_ROOT } from '../data-dir.ts';
import { CLIENT_SAMPLES, SERVER_SAMPLES } from './wire-samples.ts';
import { makeVectors, plain, VECTORS, type WireVector } from './wire-vectors.ts';

const FORMAT = readFileSync(join(PROJECT_ROOT, 'dashboards/WIRE_FORMAT.md'), 'utf8');

const decode = { client: decodeClientFrame, server: decodeServerFrame };

t.test('the vectors on disk are those the generator makes', async (t) => {
  const made = makeVectors();
  const onDisk = readdirSync(VECTORS).filter((name) => name.endsWith('.bin'));
  t.same(onDisk.sort(), [...made.keys()].map((name) => `${name}.bin`).sort());
  for (const [name, { bytes, vector }] of made) {
    t.equal(readFileSync(join(VECTORS, `${name}.bin`)).toString('hex'), Buffer.from(bytes).toString('hex'), name);
    t.same(JSON.parse(readFileSync(join(VECTORS, `${name}.json`), 'utf8')), JSON.parse(JSON.stringify(vector)), name);
  }
});

for (const file of readdirSync(VECTORS).filter((name) => name.endsWith('.bin'))) {
  const name = file.slice(0, -'.bin'.length);
  const bytes = new Uint8Array(readFileSync(join(VECTORS, file)));
  const vector: WireVector = JSON.parse(readFileSync(join(VECTORS, `${name}.json`), 'utf8'));

  if (vector.clause !== undefined) {
    t.test(`refuses vector ${name} by ${vector.clause}`, async (t) => {
      t.throws(() => decode[vector.from](bytes), { name: 'WireError', clause: vector.clause });
      t.match(FORMAT, `**${vector.clause}**`, 'the clause stands in WIRE_FORMAT.md');
    });
    continue;
  }
  t.test(`decodes vector ${name} and encodes it to the same bytes`, async (t) => {
    const frame = decode[vector.from](bytes);
    t.same(JSON.parse(JSON.stringify(plain(frame))), vector.frame);
    const again =
      vector.from === 'client' ? encodeClientFrame(frame as ClientFrame) : encodeServerFrame(frame as ServerFrame);
    t.equal(Buffer.from(again).toString('hex'), Buffer.from(bytes).toString('hex'));
  });
}

t.test('the worked example of WIRE_FORMAT.md is the vector it names', async (t) => {
  const example = FORMAT.slice(FORMAT.indexOf('## Worked example'));
  const hex = [...example.matchAll(/^ {4}((?:[0-9a-f]{2} ?)+)/gm)].map((line) => line[1]).join(' ');
  const expected = Buffer.from(encodeServerFrame(SERVER_SAMPLES.tick as ServerFrame)).toString('hex');
  t.equal(hex.replace(/\s+/g, ''), expected);
});

t.test('steps over frames of a type it does not know', async (t) => {
  t.same(decodeServerFrame(Uint8Array.of(0xee, 0, 4, 0)), { type: 'unknown' });
  t.same(decodeClientFrame(Uint8Array.of(0x70, 9, 9, 9, 9)), { type: 'unknown' });
});

t.test('does not read what a later writer adds to the head, to a channel record or behind a frame', async (t) => {
  for (const [name, frame] of Object.entries(SERVER_SAMPLES)) {
    const bytes = [...encodeServerFrame(frame)];
    const head = (bytes[2] ?? 0) + 256 * (bytes[3] ?? 0);
    if (name !== 'pong') {
      const longer = [...bytes.slice(0, head), 1, 2, 3, ...bytes.slice(head)];
      longer[2] = head + 3;
      t.same(plain(decodeServerFrame(Uint8Array.from(longer))), plain(frame), `${name}: head`);
    }
    t.same(plain(decodeServerFrame(Uint8Array.from([...bytes, 7, 7]))), plain(frame), `${name}: behind`);
  }
  const one = SERVER_SAMPLES.dictionary;
  if (one?.type !== 'dictionary') throw new Error('the sample is a dictionary');
  const bytes = [...encodeServerFrame({ ...one, channels: one.channels.slice(0, 1) })];
  bytes[12] = (bytes[12] ?? 0) + 2;
  const frame = decodeServerFrame(Uint8Array.from([...bytes, 5, 5]));
  t.same(plain(frame), plain({ ...one, channels: one.channels.slice(0, 1) }), 'record');
});

const f64 = fc.double();
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const news = { channel: u32, count: u32, time: f64 };
const tick = fc.record({
  type: fc.constant('tick' as const),
  number: u32,
  now: f64,
  newest: f64,
  charts: fc.array(fc.record({ ...news, min: f64, max: f64, last: f64 }), { maxLength: 20 }),
  rows: fc.array(fc.record({ ...news, last: f64 }), { maxLength: 20 }),
  texts: fc.array(fc.record({ ...news, text: fc.string({ unit: 'grapheme' }) }), { maxLength: 5 }),
});
const subscribe = fc.record({
  type: fc.constant('subscribe' as const),
  frameRate: fc.integer({ min: 1, max: 60 }),
  rowRate: fc.integer({ min: 1, max: 10 }),
  historySeconds: fc.integer({ min: 1, max: 3600 }),
  historyColumns: fc.integer({ min: 1, max: 4096 }),
  charts: fc.array(u32, { maxLength: 64 }),
  rows: fc.array(u32, { maxLength: 1024 }),
});

t.test('brings any tick and any subscription to the other side unchanged', async (t) => {
  fc.assert(fc.property(tick, (frame) => t.same(plain(decodeServerFrame(encodeServerFrame(frame))), plain(frame))));
  fc.assert(fc.property(subscribe, (frame) => t.same(decodeClientFrame(encodeClientFrame(frame)), frame)));
});

t.test('mutated frames are decoded or refused with a clause, never anything else', async (t) => {
  const samples = [
    ...Object.values(CLIENT_SAMPLES).map(encodeClientFrame),
    ...Object.values(SERVER_SAMPLES).map(encodeServerFrame),
  ];
  const mutation = fc.record({
    sample: fc.constantFrom(...samples),
    cut: fc.nat(400),
    changes: fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
  });
  let refused = 0;
  fc.assert(
    fc.property(mutation, ({ sample, cut, changes }) => {
      const bytes = sample.slice(0, Math.max(0, sample.length - (cut % 3 === 0 ? cut : 0)));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      for (const decoder of [decodeClientFrame, decodeServerFrame]) {
        try {
          decoder(bytes);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          refused += 1;
        }
      }
    }),
    { numRuns: 5000 },
  );
  t.ok(refused > 100, `${refused} refused`);
});

t.test('cuts long text at a character', async (t) => {
  t.equal(shownText('short'), 'short');
  const long = '–'.repeat(TEXT_SHOWN_BYTES_MAX);
  const cut = shownText(long);
  t.ok(Buffer.byteLength(cut) <= TEXT_SHOWN_BYTES_MAX);
  t.ok(long.startsWith(cut), 'no half character at the end');
});
