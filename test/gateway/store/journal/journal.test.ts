import { Buffer } from 'node:buffer';
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { RECEIPTS_MAX } from '../../../../gateway/limits.ts';
import { Journal } from '../../../../gateway/store/journal/journal.ts';
import { JournalReader } from '../../../../gateway/store/journal/journal-reader.ts';
import { PAGE_BYTES } from '../../../../gateway/store/journal/record.ts';
import { BOOT, digest, JournalRig, rowsFrom, SEGMENT_BYTES, type SeenRow, seenRows } from './journal-rig.ts';

t.test('rows come back in order, over segments and restarts', async (t) => {
  const rig = new JournalRig();
  t.same(rig.seen(), []);
  rig.commitMany(12);
  rig.reopen();
  rig.commitMany(13);
  rig.reopen();
  t.equal(rig.journal.nextRow, 26);
  t.equal(rig.journal.rowCount(), 25);
  t.same(rig.seen(), rowsFrom(1, 25));
  t.same(rig.read(), rowsFrom(1, 25));
  t.equal(rig.files(/^segment/).length, 4);
  t.same(rig.journal.damaged, []);
  rig.dispose();
});

t.test('a row has what was committed with it', async (t) => {
  const rig = new JournalRig();
  rig.journal.append({ boot: '00112233aabbccdd', ringEnd: 2 ** 40 + 7, bytes: Uint8Array.of(1, 2, 3) }, []);
  for (const rows of [rig.journal.rows(), JournalReader.open(rig.dir).rowsAfter(0)]) {
    t.same(
      Array.from(rows, (row) => ({ ...row, bytes: [...row.bytes] })),
      [{ id: 1, boot: '00112233aabbccdd', ringEnd: 2 ** 40 + 7, bytes: [1, 2, 3] }],
    );
  }
  rig.dispose();
});

/** Bytes that this thread has read so far, of whatever file. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)/m.exec(readFileSync('/proc/thread-self/io', 'latin1'))?.[1]);
}

t.test('a reader that follows a journal reads what is new, and not the rest of the segment', async (t) => {
  const dir = join(mkdtempSync(join(tmpdir(), 'caisson-journal-')), 'journal');
  const segmentBytes = 8 << 20;
  const journal = Journal.open(dir, { boots: new Set([BOOT]), segmentBytes });
  const append = () => journal.append({ boot: BOOT, ringEnd: 1, bytes: new Uint8Array(100) }, []);
  append();
  const reader = JournalReader.open(dir);
  let row = 0;
  const look = () => {
    const before = bytesRead();
    for (const { id } of reader.rowsAfter(row)) row = id;
    return bytesRead() - before;
  };
  // What one asking for the count of bytes reads is in all of them.
  t.ok(look() > segmentBytes / 2, 'the first look goes to the end, because the writer may be one that died');
  const [found, nothing] = [append, () => {}].map((happens) => {
    const reads = Array.from({ length: 50 }, () => {
      happens();
      return look();
    });
    return Math.max(...reads);
  });
  t.equal(row, 51);
  t.ok(Number(found) <= 80 * 1024, `a look that finds a record reads ${found} bytes`);
  t.ok(Number(nothing) <= 2 * PAGE_BYTES, `one that finds nothing ${nothing}`);
  reader.close();
  journal.close();
  rmSync(dirname(dir), { recursive: true });
});

t.test('a commit that is larger than a segment gets one of its own', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(2);
  rig.commitMany(1, 11);
  rig.commitMany(2);
  rig.reopen();
  const expected = [...rowsFrom(1, 2), ...rowsFrom(3, 3, 11), ...rowsFrom(4, 5)];
  t.same(rig.seen(), expected);
  t.same(rig.read(), expected);
  rig.journal.trimBefore(5);
  t.same(rig.files(/^spare/).length, 1, 'only those of the usual size are used again');
  rig.dispose();
});

t.test('segments are used again: the journal does not grow, and what they held is not seen', async (t) => {
  const rig = new JournalRig();
  for (let row = 1; row <= 200; row += 1) {
    rig.commitMany(1);
    if (row % 10 === 0) rig.journal.trimBefore(row - 5);
  }
  t.ok(rig.files(/^(segment|spare)/).length <= 6, rig.files(/./).join(' '));
  t.same(rig.seen().at(-1), rowsFrom(200, 200)[0]);
  rig.reopen();
  const rows = rig.seen();
  t.same(rows, rowsFrom(rows[0]?.id ?? 0, 200));
  t.ok((rows[0]?.id ?? 0) <= 195 && (rows[0]?.id ?? 0) > 180);
  t.same(rig.journal.damaged, []);
  rig.dispose();
});

t.test('the newest row stays, whatever is trimmed', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(8);
  rig.journal.trimBefore(100);
  t.same(rig.seen().at(-1), rowsFrom(8, 8)[0]);
  rig.commitMany(1);
  rig.journal.trimBefore(100);
  rig.reopen();
  t.same(rig.seen(), rowsFrom(9, 9));
  t.equal(rig.commit('next'), 10);
  rig.dispose();
});

t.test('the newest row stays where the segment after it was begun and nothing was written to it', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(8);
  rig.journal.close();
  writeFileSync(join(rig.dir, 'segment-2'), Buffer.alloc(SEGMENT_BYTES));
  rig.journal = rig.open();
  rig.journal.trimBefore(100);
  t.same(rig.seen().at(-1), rowsFrom(8, 8)[0]);
  t.equal(rig.commit('next'), 9);
  rig.reopen();
  t.same(rig.seen().at(-1), { id: 9, text: 'next' });
  rig.dispose();
});

t.test('spare segments are made in advance, a step at a time', async (t) => {
  const rig = new JournalRig();
  for (let step = 0; step < 10; step += 1) rig.journal.prepare();
  t.same(rig.files(/^spare|^making/), ['spare-1', 'spare-2']);
  const file = statSync(join(rig.dir, 'spare-1'));
  t.equal(file.size, SEGMENT_BYTES);
  t.ok(file.blocks * 512 >= SEGMENT_BYTES, 'it has its room on the disk');
  rig.commitMany(1);
  t.same(rig.files(/^spare|^segment/), ['segment-1', 'spare-2']);
  rig.dispose();
});

t.test('the newest record is written again when the journal is opened: its sync may have failed', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(3);
  rig.journal.close();
  const path = join(rig.dir, 'segment-1');
  utimesSync(path, 1, 1);
  rig.journal = rig.open();
  t.ok(statSync(path).mtimeMs > 1e6);
  t.same(rig.seen(), rowsFrom(1, 3));
  rig.dispose();
});

t.test('a reader sees a record when it is published, or another stands behind it', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(3);
  rig.publish(2);
  const reader = JournalReader.open(rig.dir);
  t.same(seenRows(reader.rowsAfter(0)), rowsFrom(1, 2));
  t.same(seenRows(reader.rowsAfter(2)), []);
  rig.publish(3);
  t.same(seenRows(reader.rowsAfter(2)), rowsFrom(3, 3));
  reader.close();
  rig.publish(0);
  t.same(rig.read(), rowsFrom(1, 2), 'as after a power cut, which the published row does not survive');
  rig.commitMany(20);
  rig.publish(0);
  t.same(rig.read(), rowsFrom(1, 22));
  rig.overwrite('published', 0, Buffer.alloc(12, 7));
  t.same(rig.read(), rowsFrom(1, 22), 'nor does it harm when it is broken');
  rig.dispose();
});

t.test('a reader that has read what is published looks behind it when nothing new is', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(1);
  const reader = JournalReader.open(rig.dir);
  t.same(seenRows(reader.rowsAfter(0)), rowsFrom(1, 1));
  rig.commitMany(3);
  rig.publish(2);
  t.same(seenRows(reader.rowsAfter(1)), rowsFrom(2, 2));
  t.same(seenRows(reader.rowsAfter(2)), rowsFrom(3, 3), 'another stands behind it');
  t.same(seenRows(reader.rowsAfter(3)), []);
  rig.publish(4);
  t.same(seenRows(reader.rowsAfter(3)), rowsFrom(4, 4));
  reader.close();
  rig.dispose();
});

t.test('a record that was never published and was replaced is not shown from memory', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(2);
  rig.publish(1);
  const reader = JournalReader.open(rig.dir);
  t.same(seenRows(reader.rowsAfter(0)), rowsFrom(1, 1));
  rig.journal.close();
  rig.overwrite('segment-1', 4096, Buffer.alloc(4096));
  rig.journal = rig.open();
  rig.commit('another');
  t.same(seenRows(reader.rowsAfter(1)), [{ id: 2, text: 'another' }]);
  reader.close();
  rig.dispose();
});

t.test('a reader that slept while segments were used again goes on with what there is', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(5);
  const reader = JournalReader.open(rig.dir);
  t.same(seenRows(reader.rowsAfter(0)), rowsFrom(1, 5));
  for (let row = 6; row <= 90; row += 1) {
    rig.commitMany(1);
    rig.journal.trimBefore(row);
  }
  const rows = seenRows(reader.rowsAfter(5));
  t.same(rows, rig.seen());
  t.ok((rows[0]?.id ?? 0) > 6, 'what is missing is told by the ids');
  rig.commitMany(1);
  t.same(seenRows(reader.rowsAfter(90)), rowsFrom(91, 91));
  reader.close();
  rig.dispose();
});

t.test('a reader takes as many rows as it is asked for', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(30);
  const reader = JournalReader.open(rig.dir);
  for (let row = 0; row < 28; row += 7) t.same(seenRows(reader.rowsAfter(row, 7)), rowsFrom(row + 1, row + 7));
  t.same(seenRows(reader.rowsAfter(28, 7)), rowsFrom(29, 30));
  t.same(seenRows(reader.rowsAfter(10, 2)), rowsFrom(11, 12), 'also from before');
  reader.close();
  rig.dispose();
});

t.test('receipts outlive the segments they came in, in their order, each once', async (t) => {
  const rig = new JournalRig();
  const expected: Uint8Array[] = [];
  for (let row = 1; row <= 150; row += 1) {
    const receipts = row % 3 === 0 ? [digest(row), digest(row + 1000)] : [];
    rig.commit('x', receipts);
    expected.push(...receipts);
    if (row % 7 === 0) rig.journal.trimBefore(rig.journal.nextRow);
    if (row % 40 === 0) rig.reopen();
  }
  t.same(rig.journal.receipts(), expected);
  rig.reopen();
  t.same(rig.journal.receipts(), expected);
  t.ok(rig.files(/^segment/).length < 6);
  rig.dispose();
});

t.test('the oldest receipts are forgotten', async (t) => {
  const rig = new JournalRig();
  const perRow = RECEIPTS_MAX / 4;
  let next = 0;
  for (let row = 1; row <= 6; row += 1) {
    rig.commit(
      'x',
      Array.from({ length: perRow }, () => digest(next++)),
    );
  }
  rig.commit('x', [digest(next++)]);
  rig.journal.trimBefore(7);
  const receipts = rig.journal.receipts();
  t.equal(receipts.length, RECEIPTS_MAX);
  t.same(receipts[0], digest(next - RECEIPTS_MAX));
  t.same(receipts.at(-1), digest(next - 1));
  rig.dispose();
});

type Step =
  | { readonly kind: 'commit'; readonly pages: number; readonly receipts: number }
  | { readonly kind: 'trim'; readonly share: number }
  | { readonly kind: 'reopen' | 'torn' | 'look' | 'prepare' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      pages: fc.integer({ min: 1, max: 10 }),
      receipts: fc.integer({ min: 0, max: 3 }),
    }),
  },
  fc.record({ kind: fc.constant('trim' as const), share: fc.double({ min: 0, max: 1.1, noNaN: true }) }),
  fc.constantFrom('reopen' as const, 'torn' as const, 'look' as const, 'prepare' as const).map((kind) => ({ kind })),
);

/** The commit in hand is cut off somewhere, and another writer goes on. */
function tear(rig: JournalRig, random: number): void {
  const before = rig.journal.nextRow - 1;
  rig.commitMany(1, 3);
  rig.journal.close();
  const name =
    rig
      .files(/^segment/)
      .sort((a, b) => Number(a.slice(8)) - Number(b.slice(8)))
      .at(-1) ?? '';
  const bytes = rig.bytesOf(name);
  const at = bytes.lastIndexOf(Buffer.from(`row ${before + 1} `)) - 56;
  rig.overwrite(name, at + (random % 8000), Buffer.alloc(200, random));
  rig.publish(before);
  rig.journal = rig.open();
}

t.test('holds what was committed and not trimmed, whatever happens in between', async () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), fc.nat(), (steps, seed) => {
      const rig = new JournalRig();
      const reader = JournalReader.open(rig.dir);
      try {
        const committed = new Map<number, string>();
        const receipts: Uint8Array[] = [];
        let kept = 1;
        let heard = 0;
        const look = () => {
          for (const { id, text } of seenRows(reader.rowsAfter(heard))) {
            if (id <= heard) throw new Error(`row ${id} after row ${heard}`);
            for (let missed = Math.max(heard + 1, kept); missed < id; missed += 1) {
              if (committed.has(missed)) throw new Error(`row ${missed} was not heard`);
            }
            if (committed.has(id) && committed.get(id) !== text) throw new Error(`row ${id} is another`);
            heard = id;
          }
        };
        for (const [index, step] of steps.entries()) {
          if (step.kind === 'commit') {
            const before = rig.journal.nextRow;
            const digests = Array.from({ length: step.receipts }, (_, i) => digest(before * 8 + i));
            const text = `commit ${before} `.padEnd(step.pages * 4000, 'x');
            committed.set(rig.commit(text, digests), text);
            receipts.push(...digests);
          } else if (step.kind === 'trim') {
            kept = Math.max(kept, Math.floor(step.share * rig.journal.nextRow));
            rig.journal.trimBefore(kept);
          } else if (step.kind === 'reopen') rig.reopen();
          else if (step.kind === 'torn') tear(rig, seed + index * 7919);
          else if (step.kind === 'prepare') rig.journal.prepare();
          else look();
        }
        look();
        rig.reopen();
        if (rig.journal.damaged.length > 0) throw new Error(rig.journal.damaged[0]?.reason);
        for (const rows of [rig.seen(), rig.read()]) expectRows(rows, committed, kept);
        const met = rig.journal.receipts().map((each) => Buffer.from(each).toString('hex'));
        const wanted = receipts.map((each) => Buffer.from(each).toString('hex'));
        if (met.join() !== wanted.join()) throw new Error(`receipts ${met.length}, expected ${wanted.length}`);
      } finally {
        reader.close();
        rig.dispose();
      }
    }),
    { numRuns: 150 },
  );
});

function expectRows(rows: readonly SeenRow[], committed: ReadonlyMap<number, string>, kept: number): void {
  const there = new Map(rows.map(({ id, text }) => [id, text]));
  if (there.size !== rows.length) throw new Error('a row is there twice');
  for (const [id, text] of committed) {
    if (id >= kept && there.get(id) !== text) throw new Error(`row ${id} is missing`);
    if (there.has(id) && there.get(id) !== text) throw new Error(`row ${id} is another`);
  }
}
