import t from 'tap';
import { BLOCK_TEXT_BYTES_MAX } from '../../../gateway/limits.ts';
import { Chunk } from '../../../gateway/store/chunk.ts';
import { ChunkMemory } from '../../../gateway/store/chunk-memory.ts';

t.test('a chunk that is emptied from the front as it fills does not grow', async (t) => {
  const chunk = new Chunk(1, 1, 0, 1, 'number');
  for (let i = 0; i < 100_000; i += 1) {
    chunk.append(i, -i);
    if (i % 20 === 0) chunk.dropBefore(i);
  }
  t.equal(chunk.firstSequence, 99_980);
  t.equal(chunk.endSequence, 100_000);
  t.same([...chunk.timesFrom(18)], [99_998, 99_999]);
  t.same([...(chunk.valuesFrom(18) as Float64Array)], [-99_998, -99_999]);
  t.ok(chunk.timesFrom(0).buffer.byteLength <= 64 * 8, `${chunk.timesFrom(0).buffer.byteLength} bytes`);
});

t.test('a chunk takes memory once for the samples that are known to come', async (t) => {
  const chunk = new Chunk(1, 1, 0, 1, 'number', { room: 100 });
  const numbers = Float64Array.from({ length: 300 }, (_, i) => i);
  t.equal(chunk.appendNumbers(numbers, 10, numbers, 50, 40), 40);
  t.equal(chunk.appendNumbers(numbers, 0, numbers, 200, 60), 60);
  t.equal(chunk.timesFrom(0).buffer.byteLength, 100 * 8);
  t.equal(chunk.appendNumbers(numbers, 0, numbers, 0, 300), 300, 'and more where more came');
  t.equal(chunk.count, 400);
  t.same([...chunk.timesFrom(38).subarray(0, 4)], [48, 49, 0, 1]);
  t.same([...(chunk.valuesFrom(38) as Float64Array).subarray(0, 4)], [88, 89, 200, 201]);
});

t.test('a chunk that expects samples takes memory for them when it may, and for more before it has to', async (t) => {
  const memory = new ChunkMemory();
  const chunk = new Chunk(1, 1, 0, 1, 'number', { room: 128, expected: 1024, memory });
  t.equal(memory.usedBytes, 128 * 16);
  t.ok(chunk.isCrowded);
  t.equal(chunk.makeRoom(), 1024);
  t.notOk(chunk.isCrowded);
  const numbers = Float64Array.from({ length: 1024 }, (_, i) => i / 8);
  chunk.appendNumbers(numbers, 0, numbers, 0, 767);
  t.notOk(chunk.isCrowded);
  chunk.appendNumbers(numbers, 767, numbers, 767, 1);
  t.ok(chunk.isCrowded, 'three quarters are taken');
  t.equal(chunk.makeRoom(), 2048);
  t.equal(memory.usedBytes, 2048 * 16);
  t.same([...chunk.timesFrom(0)], [...numbers.subarray(0, 768)]);
  t.same(chunk.valuesFrom(0), chunk.timesFrom(0));
  for (let i = 0; i < 8; i += 1) chunk.appendNumbers(numbers, 0, numbers, 0, 1024);
  t.ok(chunk.isFull);
  t.notOk(chunk.isCrowded, 'a whole block needs no more');
});

t.test('a chunk to which more comes than it has memory for takes what is expected', async (t) => {
  const memory = new ChunkMemory();
  const chunk = new Chunk(1, 1, 0, 1, 'number', { room: 32, expected: 512, memory });
  const numbers = new Float64Array(1024);
  chunk.appendNumbers(numbers, 0, numbers, 0, 33);
  t.equal(memory.usedBytes, 512 * 16);
});

t.test('a chunk of text counts the bytes it still holds', async (t) => {
  const chunk = new Chunk(1, 1, 0, 1, 'text');
  const piece = 'x'.repeat(BLOCK_TEXT_BYTES_MAX / 4);
  for (let i = 0; i < 40; i += 1) {
    chunk.appendText(i, piece);
    t.notOk(chunk.isFull);
    if (chunk.count === 3) chunk.dropBefore(i);
  }
  for (let i = 0; i < 4; i += 1) chunk.appendText(40 + i, `${i}`.concat(piece));
  t.ok(chunk.isFull);
  t.equal((chunk.valuesFrom(0) as string[]).length, chunk.count);
});
