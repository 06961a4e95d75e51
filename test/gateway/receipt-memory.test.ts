import fc from 'fast-check';
import t from 'tap';
import { ReceiptMemory } from '../../gateway/receipt-memory.ts';

/** 16 bytes whose first say where in the table they stand: few values, so that they meet. */
function digestOf(home: number, rest: number): Uint8Array {
  const digest = new Uint8Array(16);
  digest[0] = home;
  digest[15] = rest;
  return digest;
}

t.test('knows just the newest digests, as many as it may, whatever places they share', async (t) => {
  const digests = fc.array(fc.tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 3 })), {
    maxLength: 200,
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9 }), digests, async (capacity, pushed) => {
      const memory = new ReceiptMemory(capacity);
      const expected: string[] = [];
      for (const [home, rest] of pushed) {
        memory.add(digestOf(home, rest));
        if (!expected.includes(`${home} ${rest}`)) expected.push(`${home} ${rest}`);
        if (expected.length > capacity) expected.shift();
        for (let other = 0; other < 64; other++) {
          const [at, of] = [other >> 2, other & 3];
          if (memory.has(digestOf(at, of)) !== expected.includes(`${at} ${of}`)) return false;
        }
        if (memory.size !== expected.length) return false;
      }
      return true;
    }),
    { numRuns: 200 },
  );
  t.pass();
});
