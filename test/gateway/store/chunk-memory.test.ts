import t from 'tap';
import { BLOCK_SAMPLES_MAX } from '../../../gateway/limits.ts';
import { Chunk } from '../../../gateway/store/chunk.ts';
import { CHUNK_ROOM_MIN, type ChunkColumns, ChunkMemory, roomFor } from '../../../gateway/store/chunk-memory.ts';

t.test('memory is given out again, as much of it as may be kept', async (t) => {
  const room = 512;
  const bytes = room * 16;
  const memory = new ChunkMemory(5 * bytes);
  const all = Array.from({ length: 7 }, () => memory.take(room));
  t.equal(memory.usedBytes, all.length * bytes);
  for (const columns of all) memory.giveBack(columns);
  t.same([memory.usedBytes, memory.spareBytes], [0, 5 * bytes]);
  const known = new Set(all);
  t.notOk(known.has(memory.take(BLOCK_SAMPLES_MAX)), 'none of another room');
  const again = Array.from(all, () => memory.take(room));
  t.equal(again.filter((columns) => known.has(columns)).length, 5);
  t.equal(new Set(again).size, all.length, 'each to one at a time');
  memory.giveBack(again[0] as ChunkColumns);
  t.equal(memory.spareBytes, 0, 'what is in use counts');
});

t.test('where all that may be kept is in use, what is given back is given out again all the same', async (t) => {
  const bytes = BLOCK_SAMPLES_MAX * 16;
  const memory = new ChunkMemory(64 * bytes);
  const all = Array.from({ length: 65 }, () => memory.take(BLOCK_SAMPLES_MAX));
  const few = all.splice(0, 8);
  for (const columns of few) memory.giveBack(columns);
  t.equal(memory.spareBytes, 8 * bytes);
  t.same(new Set(few.map(() => memory.take(BLOCK_SAMPLES_MAX))), new Set(few));
  for (const columns of [...few, ...all]) memory.giveBack(columns);
  t.equal(memory.spareBytes, 64 * bytes, 'no more than may be kept');
});

t.test('where no more may be kept, the room with the most spare gives way to others', async (t) => {
  const bytes = BLOCK_SAMPLES_MAX * 16;
  const memory = new ChunkMemory(64 * bytes);
  const large = Array.from({ length: 65 }, () => memory.take(BLOCK_SAMPLES_MAX));
  const small = Array.from({ length: 32 }, () => memory.take(BLOCK_SAMPLES_MAX / 4));
  for (const columns of large.slice(0, 8)) memory.giveBack(columns);
  for (const columns of small.slice(0, 16)) memory.giveBack(columns);
  t.ok(memory.spareBytes <= 8 * bytes);
  const again = small.slice(0, 16).map(() => memory.take(BLOCK_SAMPLES_MAX / 4));
  const known = new Set(small);
  t.ok(again.filter((columns) => known.has(columns)).length >= 12);
});

t.test('memory that is spare for long is let go of', async (t) => {
  const bytes = 512 * 16;
  const memory = new ChunkMemory();
  const flood = Array.from({ length: 6 }, () => memory.take(512));
  for (const columns of flood) memory.giveBack(columns);
  memory.dropUnused();
  t.equal(memory.spareBytes, 6 * bytes, 'it was in use since the last look');
  const used = [memory.take(512), memory.take(512)];
  for (const columns of used) memory.giveBack(columns);
  memory.dropUnused();
  t.equal(memory.spareBytes, 2 * bytes, 'as many stay as were needed');
  memory.dropUnused();
  t.equal(memory.spareBytes, 0);
});

t.test('memory that few would ask for is not kept', async (t) => {
  const memory = new ChunkMemory();
  for (const room of [CHUNK_ROOM_MIN, 100, 1000, BLOCK_SAMPLES_MAX + 1]) {
    const columns = memory.take(room);
    memory.giveBack(columns);
    t.not(memory.take(room), columns, `${room} samples`);
  }
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
