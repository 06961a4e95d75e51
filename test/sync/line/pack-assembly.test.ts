import t from 'tap';
import { PackAssembly } from '../../../sync/line/pack-assembly.ts';

const PACK = Uint8Array.from({ length: 10 }, (_, i) => i);
const CHECK = PACK.subarray(6);

const piece = (offset: number, end: number, position = 7) => {
  return { position, size: PACK.length, offset, check: CHECK, bytes: PACK.subarray(offset, end) };
};

/** One that says nothing of its pack. */
const more = (from: number, end: number) => {
  return { position: 0, size: 0, offset: 0, check: CHECK.subarray(4), bytes: PACK.subarray(from, end) };
};

t.test('puts a pack together from its pieces, and says what there is of it', async (t) => {
  const assembly = new PackAssembly();
  t.equal(assembly.part, undefined);
  t.equal(assembly.add(piece(0, 4)), undefined);
  t.same(assembly.part, { position: 7, check: CHECK, bytes: 4 });
  t.equal(assembly.add(piece(4, 9)), undefined);
  t.same(Uint8Array.from(assembly.add(piece(9, 10))?.bytes ?? []), PACK);
  t.equal(assembly.part, undefined);
});

t.test('begins anew with the first piece of another pack', async (t) => {
  const assembly = new PackAssembly();
  assembly.add(piece(0, 4));
  assembly.add(piece(0, 2, 8));
  t.equal(assembly.part?.position, 8);
  t.same(Uint8Array.from(assembly.add(piece(2, 10, 8))?.bytes ?? []), PACK);
});

t.test('a piece that says nothing of its pack goes on with the one before', async (t) => {
  const assembly = new PackAssembly();
  assembly.add(piece(0, 4));
  t.equal(assembly.add(more(4, 9)), undefined);
  t.same(assembly.part, { position: 7, check: CHECK, bytes: 9 });
  const whole = assembly.add(more(9, 10));
  t.same([whole?.position, Uint8Array.from(whole?.bytes ?? [])], [7, PACK]);
});

const MISPLACED = [
  { what: 'one that goes on where nothing began', pieces: [more(0, 4)] },
  { what: 'one that goes on beyond the pack', pieces: [piece(0, 9), more(2, 5)] },
  { what: 'a hole', pieces: [piece(0, 2), piece(4, 6)] },
  { what: 'an overlap', pieces: [piece(0, 4), piece(2, 6)] },
  { what: 'the middle of a pack that was not begun', pieces: [piece(4, 6)] },
  { what: 'the middle of another pack', pieces: [piece(0, 4), piece(4, 6, 9)] },
  { what: 'bytes beyond the pack', pieces: [{ ...piece(0, 4), size: 3 }] },
  { what: 'no bytes', pieces: [piece(0, 0)] },
  { what: 'more than a pack can have', pieces: [{ ...piece(0, 4), size: 2 ** 31 }] },
];

for (const { what, pieces } of MISPLACED) {
  t.test(`refuses ${what}, and forgets what came of it`, async (t) => {
    const assembly = new PackAssembly();
    for (const each of pieces.slice(0, -1)) assembly.add(each);
    t.throws(() => assembly.add(pieces.at(-1) ?? piece(0, 1)), { code: 'peer-invalid' });
  });
}
