import t from 'tap';
import { PackAssembly } from '../../../sync/line/pack-assembly.ts';

const PACK = Uint8Array.from({ length: 10 }, (_, i) => i);
const CHECK = PACK.subarray(6);

const piece = (offset: number, end: number, position = 7) => {
  return { position, size: PACK.length, offset, check: CHECK, bytes: PACK.subarray(offset, end), ahead: false };
};

/** One that says nothing of its pack. */
const more = (from: number, end: number) => {
  return { position: 0, size: 0, offset: 0, check: CHECK.subarray(4), bytes: PACK.subarray(from, end), ahead: false };
};

t.test('puts a pack together from its pieces, and says what there is of it', async (t) => {
  const assembly = new PackAssembly();
  t.same(assembly.parts, []);
  t.equal(assembly.add(piece(0, 4)), undefined);
  t.same(assembly.parts, [{ position: 7, check: CHECK, bytes: 4 }]);
  t.equal(assembly.add(piece(4, 9)), undefined);
  t.same(Uint8Array.from(assembly.add(piece(9, 10))?.bytes ?? []), PACK);
  t.same(assembly.parts, []);
});

t.test('a pack that comes between leaves the one before as it is', async (t) => {
  const assembly = new PackAssembly();
  assembly.add(piece(0, 4));
  const urgent = assembly.add({ ...piece(0, 10, 8), ahead: true });
  t.match([urgent?.position, urgent?.isAhead], [8, true]);
  t.throws(() => new PackAssembly().add(more(4, 9)), { code: 'peer-invalid' });
  const whole = assembly.add(piece(4, 10));
  t.same([whole?.position, whole?.isAhead, Uint8Array.from(whole?.bytes ?? [])], [7, false, PACK]);
});

t.test('a call that begins goes on with the three packs that got pieces last, and knows no other', async (t) => {
  const assembly = new PackAssembly();
  for (const position of [1, 2, 3, 4, 5]) assembly.add(piece(0, 4, position));
  assembly.add(piece(4, 5, 3));
  const told = assembly.reopen();
  t.same(
    told.map(({ position, bytes }) => [position, bytes]),
    [
      [4, 4],
      [5, 4],
      [3, 5],
    ],
  );
  t.throws(() => assembly.add(more(5, 9)), { code: 'peer-invalid' }, 'the first piece says of which it is');
  t.throws(() => assembly.add(piece(4, 5, 1)), { code: 'peer-invalid' });
  t.same(Uint8Array.from(assembly.add(piece(5, 10, 3))?.bytes ?? []), PACK);
});

t.test('refuses a seventh pack at a time', async (t) => {
  const assembly = new PackAssembly();
  for (const position of [1, 2, 3, 4, 5, 6]) assembly.add(piece(0, 4, position));
  t.throws(() => assembly.add(piece(0, 4, 7)), { code: 'peer-invalid' });
});

t.test('a piece that says nothing of its pack goes on with the one before', async (t) => {
  const assembly = new PackAssembly();
  assembly.add(piece(0, 4));
  t.equal(assembly.add(more(4, 9)), undefined);
  t.same(assembly.parts, [{ position: 7, check: CHECK, bytes: 9 }]);
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
