import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { LOSS_CAUSES, type LossCause } from '../../gateway/intake.ts';
import {
  createRing,
  RingReader,
  type RingSink,
  RingWriter,
  RUN_SAMPLES_MAX,
  type SampleColumns,
} from '../../gateway/ring.ts';

type Entry =
  | { readonly kind: 'sample'; readonly channel: number; readonly time: number; readonly value: number }
  | { readonly kind: 'columns'; readonly channel: number; readonly times: readonly number[] }
  | { readonly kind: 'text'; readonly channel: number; readonly time: number; readonly text: string }
  | {
      readonly kind: 'loss';
      readonly channel: number;
      readonly from: number;
      readonly to: number;
      readonly count: number;
      readonly cause: LossCause;
    }
  | { readonly kind: 'receipt'; readonly digest: string };

class Collected implements RingSink {
  readonly entries: Entry[] = [];

  stretch({ channels, times, values }: SampleColumns, from: number, to: number): void {
    for (let i = from; i < to; i += 1) {
      const [channel, time, value] = [channels[i] as number, times[i] as number, values[i] as number];
      this.entries.push({ kind: 'sample', channel, time, value });
    }
  }

  run(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): void {
    for (let i = from; i < to; i += 1) {
      this.entries.push({ kind: 'sample', channel, time: times[i] as number, value: values[i] as number });
    }
  }

  text(channel: number, time: number, text: string): void {
    this.entries.push({ kind: 'text', channel, time, text });
  }

  loss(channel: number, from: number, to: number, count: number, cause: LossCause): void {
    this.entries.push({ kind: 'loss', channel, from, to, count, cause });
  }

  receipt(digest: Uint8Array): void {
    this.entries.push({ kind: 'receipt', digest: Buffer.from(digest).toString('hex') });
  }
}

const channel = fc.integer({ min: 1, max: 0x3fffffff });
const time = fc.maxSafeInteger();
const entry: fc.Arbitrary<Entry> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('sample' as const), channel, time, value: fc.double() }) },
  fc.record({
    kind: fc.constant('columns' as const),
    channel,
    times: fc.array(time, { maxLength: 80 }),
  }),
  fc.record({
    kind: fc.constant('text' as const),
    channel,
    time,
    text: fc.string({ unit: 'grapheme', maxLength: 60 }),
  }),
  fc.record({
    kind: fc.constant('loss' as const),
    channel,
    from: time,
    to: time,
    count: fc.nat(),
    cause: fc.constantFrom(...LOSS_CAUSES),
  }),
  fc.record({
    kind: fc.constant('receipt' as const),
    digest: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  }),
);

/** Writes an entry; returns what of it is to be read. */
function write(ring: RingWriter, each: Entry): Entry[] {
  switch (each.kind) {
    case 'sample':
      return ring.writeSample(each.channel, each.time, each.value) ? [each] : [];
    case 'columns':
      return writeColumns(ring, each.channel, each.times);
    case 'text':
      return ring.writeText(each.channel, each.time, Buffer.from(each.text)) ? [each] : [];
    case 'loss':
      return ring.writeLoss(each.channel, each.from, each.to, each.count, each.cause) ? [each] : [];
    case 'receipt':
      return ring.writeReceipt(Buffer.from(each.digest, 'hex')) ? [each] : [];
  }
}

/** Writes a run with the values 0, 1, ...; returns the samples of it that fitted. */
function writeColumns(ring: RingWriter, channel: number, stamps: readonly number[]): Entry[] {
  const values = Float64Array.from(stamps, (_, i) => i);
  const room = ring.free();
  const count = ring.writeColumns(channel, Float64Array.from(stamps), values, 0, stamps.length);
  t.equal(count, Math.min(room, stamps.length), 'a sample takes a slot');
  return stamps.slice(0, count).map((stamp, i) => ({ kind: 'sample', channel, time: stamp, value: i }));
}

t.test('gives back every kind of entry in order, round and round', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.array(entry, { maxLength: 12 }), { maxLength: 12 }), fc.nat(200), (batches, slotsMax) => {
      const memory = createRing(64);
      const writer = new RingWriter(memory);
      const reader = new RingReader(memory);
      const written: Entry[] = [];
      const read = new Collected();
      for (const batch of batches) {
        for (const each of batch) written.push(...write(writer, each));
        writer.publish();
        reader.drain(slotsMax, read);
        reader.release();
      }
      reader.drain(1000, read);
      t.same(read.entries, written);
    }),
  );
});

t.test('shows nothing before it is published', async (t) => {
  const memory = createRing(8);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  writer.writeSample(1, 2, 3);
  t.equal(reader.available(), 0);
  t.equal(writer.publish(), 1);
  t.equal(reader.available(), 1);
});

t.test('refuses what does not fit as a whole and takes it again when there is room', async (t) => {
  const memory = createRing(4);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  for (let i = 0; i < 3; i += 1) t.ok(writer.writeSample(1, i, i));
  t.notOk(writer.writeText(1, 3, Buffer.from('sixteen bytes ok')), 'two slots into one');
  t.ok(writer.writeSample(1, 3, 3));
  t.notOk(writer.writeSample(1, 4, 4));
  t.equal(writer.used(), 4);
  writer.publish();
  reader.drain(100, new Collected());
  t.notOk(writer.writeSample(1, 4, 4), 'what is drained and not on disk keeps its slots');
  reader.release();
  t.ok(writer.writeText(1, 3, Buffer.from('sixteen bytes ok')));
  writer.publish();
  const read = new Collected();
  reader.drain(100, read);
  t.same(read.entries, [{ kind: 'text', channel: 1, time: 3, text: 'sixteen bytes ok' }]);
});

t.test('keeps the bits of every NaN', async (t) => {
  const memory = createRing(8);
  const bits = new BigUint64Array([0x7ff8000000000001n, 0x7ff0000000000001n, 0xfff8deadbeef0001n]);
  const values = new Float64Array(bits.buffer);
  const writer = new RingWriter(memory);
  for (const [i] of values.entries()) writer.writeSample(1, i, values[i] as number);
  writer.publish();
  const met = new Float64Array(3);
  const sink = new Collected();
  sink.stretch = ({ times, values }, from, to) => {
    for (let i = from; i < to; i += 1) met[times[i] as number] = values[i] as number;
  };
  new RingReader(memory).drain(8, sink);
  t.same(new BigUint64Array(met.buffer), bits);
});

t.test('lets a new consumer go on where the last one was durable', async (t) => {
  const memory = createRing(16);
  const writer = new RingWriter(memory);
  for (let i = 0; i < 10; i += 1) writer.writeSample(1, i, i);
  writer.publish();
  const dead = new RingReader(memory);
  dead.drain(3, new Collected());
  dead.release();
  dead.drain(4, new Collected());

  const successor = new RingReader(memory, 3);
  t.equal(successor.available(), 7, 'what was drained and not released is there again');

  const better = new RingReader(memory, 7);
  t.equal(better.available(), 3, 'what the dead one made durable without living to free it is not');
  t.equal(writer.free(), 13);
  const read = new Collected();
  better.drain(100, read);
  t.same(
    read.entries.map((each) => (each.kind === 'sample' ? each.value : undefined)),
    [7, 8, 9],
  );
});

t.test('a run goes on at the beginning of the ring, wherever its end falls', async (t) => {
  const memory = createRing(64);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  for (let round = 0; round < 64; round += 1) {
    writer.writeSample(1, 0, 0);
    const written = writeColumns(
      writer,
      2,
      Array.from({ length: 40 }, (_, i) => round * 100 + i),
    );
    writer.publish();
    const read = new Collected();
    reader.drain(64, read);
    reader.release();
    t.same(read.entries.slice(1), written);
  }
});

t.test('a drain ends before a run that would exceed it, and takes whole what is longer', async (t) => {
  const memory = createRing(256);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  const columns = Float64Array.from({ length: 200 }, (_, i) => i);
  writer.writeSample(1, 0, 0);
  writer.writeColumns(2, columns, columns, 0, 100);
  writer.writeColumns(3, columns, columns, 100, 200);
  writer.publish();
  const drained = [];
  for (const slotsMax of [100, 100, 50]) {
    const read = new Collected();
    reader.drain(slotsMax, read);
    drained.push([read.entries.length, reader.drained]);
  }
  t.same(drained, [
    [1, 1],
    [100, 101],
    [100, 201],
  ]);
  const successor = new RingReader(memory, 101);
  const read = new Collected();
  successor.drain(1000, read);
  t.same(read.entries.at(0), { kind: 'sample', channel: 3, time: 100, value: 100 }, 'as does a new consumer behind it');
  t.equal(read.entries.length, 100);
});

t.test('a part of what waits ends where something was published', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 200 });
  // Positions less than 4 slots behind the last one are not remembered: a message and so many slots must fit.
  fc.assert(
    fc.property(sizes, fc.integer({ min: 60 + 4, max: 400 }), (messages, slotsMax) => {
      const memory = createRing(16 * 1024);
      const writer = new RingWriter(memory);
      const reader = new RingReader(memory);
      for (const [index, size] of messages.entries()) {
        for (let sample = 1; sample < size; sample += 1) writer.writeSample(1, index, sample);
        writer.writeReceipt(Buffer.alloc(16, index));
        writer.publish();
      }
      while (reader.available() > slotsMax) {
        const read = new Collected();
        const before = reader.drained;
        reader.drain(reader.whole(slotsMax), read);
        const taken = reader.drained - before;
        if (read.entries.at(-1)?.kind !== 'receipt' || taken > slotsMax || taken < slotsMax - 64) return false;
      }
      return true;
    }),
  );
});

t.test('of a message that is more than may be taken a part is taken', async (t) => {
  const memory = createRing(1024);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  for (let sample = 0; sample < 500; sample += 1) writer.writeSample(1, sample, sample);
  writer.publish();
  t.equal(reader.whole(100), 100);
  reader.drain(100, new Collected());
  t.equal(reader.whole(100), 100);
});

t.test('a long run is several entries, so that a commit can end between them', async (t) => {
  const memory = createRing(4 * RUN_SAMPLES_MAX);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  const columns = new Float64Array(3 * RUN_SAMPLES_MAX + 5);
  t.equal(writer.writeColumns(7, columns, columns, 0, columns.length), columns.length);
  writer.publish();
  reader.drain(RUN_SAMPLES_MAX + 1, new Collected());
  t.equal(reader.drained, RUN_SAMPLES_MAX);
});

t.test('counts positions on beyond 32 bits', async (t) => {
  const memory = createRing(4);
  const control = new Int32Array(memory.buffer, 0, 64);
  const start = 2 ** 32 - 2;
  control[0] = start | 0;
  control[16] = start | 0;
  const reader = new RingReader(memory, start);
  t.equal(reader.tail, start);
  control[0] = (start + 4) | 0;
  t.equal(reader.available(), 4);
  reader.drain(4, new Collected());
  reader.release();
  t.equal(reader.tail, start + 4);
});
