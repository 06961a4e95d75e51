import t from 'tap';
import { BLOCK_SAMPLES_MAX, CHUNKS_SPARE_MAX } from '../../../gateway/limits.ts';
import { Chunk } from '../../../gateway/store/chunk.ts';
import { CHUNK_ROOM_MIN, ChunkMemory, roomFor } from '../../../gateway/store/chunk-memory.ts';

t.test('memory of a whole block is given out again, as much of it as may be kept', async (t) => {
  const memory = new ChunkMemory();
  const all = Array.from({ length: CHUNKS_SPARE_MAX + 2 }, () => memory.take(BLOCK_SAMPLES_MAX));
  t.equal(memory.usedBytes, all.length * BLOCK_SAMPLES_MAX * 16);
  for (const columns of all) memory.giveBack(columns);
  t.equal(memory.usedBytes, 0);
  const known = new Set(all);
  const again = Array.from(all, () => memory.take(BLOCK_SAMPLES_MAX));
  t.equal(again.filter((columns) => known.has(columns)).length, CHUNKS_SPARE_MAX);
  t.equal(new Set(again).size, all.length, 'each to one at a time');
});

t.test('what a chunk holds is counted from its first sample until it is released', async (t) => {
  const memory = new ChunkMemory();
  const numbers = new Chunk(1, 1, 0, 1, 'number', { memory });
  t.equal(memory.usedBytes, CHUNK_ROOM_MIN * 16);
  for (let i = 0; i < BLOCK_SAMPLES_MAX; i += 1) numbers.append(i, i);
  t.equal(memory.usedBytes, BLOCK_SAMPLES_MAX * 16);
  const text = new Chunk(2, 1, 0, 1, 'text', { memory });
  text.appendText(0, 'x'.repeat(1000));
  t.equal(memory.usedBytes, BLOCK_SAMPLES_MAX * 16 + CHUNK_ROOM_MIN * 16 + 1000);
  numbers.release();
  text.release();
  t.equal(memory.usedBytes, 0);
  t.equal(numbers.count, BLOCK_SAMPLES_MAX, 'its place is known all the same');
});

t.test('room is a power of two, from what a slow channel needs to a block', async (t) => {
  t.same([0, 1, 32, 33, 1000, 2049, 4096, 9999].map(roomFor), [32, 32, 32, 64, 1024, 4096, 4096, 4096]);
});
