import { Buffer } from 'node:buffer';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PAGE_BYTES, RECORD_HEAD_BYTES } from '../../../../gateway/store/journal/record.ts';
import { BOOT, digest, JournalRig, rowsFrom, rowText, SEGMENT_BYTES } from './journal-rig.ts';

const ROW_BYTES = rowText(1, 1).length;

/** How a write may end that did not end well: what stands from a byte on instead. */
const TORN: Readonly<Record<string, (length: number) => Buffer>> = {
  zeroed: (length) => Buffer.alloc(length),
  'full of garbage': (length) => Buffer.from(Array.from({ length }, (_, i) => (i * 151 + 89) & 0xff)),
};

for (const [name, tail] of Object.entries(TORN)) {
  t.test(`a last record that is ${name} from any byte on is as if it was never written`, async (t) => {
    const rig = new JournalRig();
    rig.commitMany(3);
    rig.commit(rowText(4, 2), [digest(1)]);
    const length = RECORD_HEAD_BYTES + rowText(4, 2).length + 16;
    rig.journal.close();
    const whole = rig.bytesOf('segment-1');
    // Every byte of the head and where the row ends, and some in between.
    for (let at = 0; at < length; at += at < 70 || at > length - 40 ? 1 : 97) {
      const torn = Buffer.from(whole);
      torn.set(tail(2 * PAGE_BYTES - at), 3 * PAGE_BYTES + at);
      writeFileSync(join(rig.dir, 'segment-1'), torn);
      rig.publish(3);
      rig.journal = rig.open();
      expect(t, rig, at, 4);
      rig.journal.close();
    }
    rig.dispose();
  });
}

function expect(t: Test, rig: JournalRig, at: number, next: number): void {
  const problems: string[] = rig.journal.damaged.map(({ reason }) => reason);
  if (rig.journal.nextRow !== next) problems.push(`next row is ${rig.journal.nextRow}`);
  rig.commit('another');
  const rows = [...rowsFrom(1, next - 1), { id: next, text: 'another' }];
  if (JSON.stringify(rig.seen()) !== JSON.stringify(rows)) problems.push('other rows');
  if (JSON.stringify(rig.read()) !== JSON.stringify(rows)) problems.push('a reader sees other rows');
  if (rig.journal.receipts().length > 0) problems.push('receipts');
  if (problems.length > 0) t.fail(`torn at byte ${at}: ${problems.join(', ')}`);
}

t.test('a segment that ends in the middle of its last record is as good as it is long', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(3);
  rig.commitMany(1, 2);
  rig.journal.close();
  for (let size = 3 * PAGE_BYTES + 4150; size > 3 * PAGE_BYTES; size -= 311) {
    truncateSync(join(rig.dir, 'segment-1'), size);
    rig.publish(3);
    rig.journal = rig.open();
    t.equal(rig.journal.nextRow, 4, `${size} bytes`);
    t.same(rig.seen(), rowsFrom(1, 3));
    rig.journal.close();
  }
  rig.journal = rig.open();
  rig.commit('another');
  rig.reopen();
  t.same(rig.seen(), [...rowsFrom(1, 3), { id: 4, text: 'another' }]);
  rig.dispose();
});

t.test('a last record that is damaged after it was published is told, and never written over', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(4);
  rig.journal.close();
  rig.overwrite('segment-1', 3 * PAGE_BYTES + 60, Buffer.from('?'));
  rig.journal = rig.open();
  t.match(rig.journal.damaged, [{ row: 4, reason: /^row 4 cannot be read; the bytes are kept in .*damaged-4$/ }]);
  t.equal(rig.commit('another'), 5);
  rig.reopen();
  t.same(rig.journal.damaged, [], 'told once');
  const expected = [...rowsFrom(1, 3), { id: 5, text: 'another' }];
  t.same(rig.seen(), expected);
  t.same(rig.read(), expected);
  t.ok(rig.bytesOf('damaged-4').includes('row?4') || rig.bytesOf('damaged-4').length === PAGE_BYTES);
  rig.dispose();
});

const REGIONS: Readonly<Record<string, number>> = {
  magic: 1,
  version: 3,
  checksum: 5,
  'id of the segment': 8,
  'id of the row': 16,
  boot: 24,
  'end of the ring': 33,
  'number of the first receipt': 40,
  'length of the row': 49,
  'number of receipts': 53,
  row: RECORD_HEAD_BYTES + 3,
  receipts: RECORD_HEAD_BYTES + ROW_BYTES + 2,
};

for (const [region, offset] of Object.entries(REGIONS)) {
  t.test(`a bit turned in an older record's ${region} costs that row only`, async (t) => {
    for (let bit = 0; bit < 8; bit += 1) {
      const rig = new JournalRig();
      for (let row = 1; row <= 10; row += 1) rig.commit(rowText(row, 1), [digest(row)]);
      rig.journal.close();
      const at = 4 * PAGE_BYTES + offset;
      const bytes = rig.bytesOf('segment-1').subarray(4 * PAGE_BYTES, 5 * PAGE_BYTES);
      const turned = Buffer.from(bytes);
      turned[offset] = (turned[offset] ?? 0) ^ (1 << bit);
      rig.overwrite('segment-1', at, turned.subarray(offset, offset + 1));
      rig.journal = rig.open();
      t.match(rig.journal.damaged, [{ row: 5, reason: /^row 5 cannot be read; the bytes are kept in / }]);
      t.ok(turned.equals(rig.bytesOf('damaged-5')), 'the bytes are kept');
      const expected = [...rowsFrom(1, 4), ...rowsFrom(6, 10)];
      t.same(rig.seen(), expected);
      t.same(rig.read(), expected);
      t.equal(rig.journal.receipts().length, 9);
      rig.reopen();
      t.same(rig.journal.damaged, [], 'told once');
      rig.dispose();
    }
  });
}

t.test('what stands behind a record up to the next page means nothing', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(10);
  rig.journal.close();
  rig.overwrite('segment-1', 4 * PAGE_BYTES + 1000, Buffer.alloc(3000, 0xff));
  rig.journal = rig.open();
  t.same(rig.journal.damaged, []);
  t.same(rig.seen(), rowsFrom(1, 10));
  rig.dispose();
});

const middle = 'segment-2';

const SEGMENTS: Readonly<Record<string, (path: string) => void>> = {
  missing: (path) => rmSync(path),
  empty: (path) => truncateSync(path, 0),
  'cut off': (path) => truncateSync(path, 80),
  'full of zeros': (path) => writeFileSync(path, Buffer.alloc(SEGMENT_BYTES)),
};

for (const [name, damage] of Object.entries(SEGMENTS)) {
  t.test(`a segment that is ${name} costs its rows only`, async (t) => {
    const rig = new JournalRig();
    rig.commitMany(28);
    rig.journal.close();
    damage(join(rig.dir, middle));
    rig.journal = rig.open();
    t.match(rig.journal.damaged, [{ row: 9, reason: /^rows 9 to 16 cannot be read/ }]);
    const expected = [...rowsFrom(1, 8), ...rowsFrom(17, 28)];
    t.same(rig.seen(), expected);
    t.same(rig.read(), expected);
    rig.journal.trimBefore(28);
    rig.commitMany(20);
    rig.reopen();
    t.same(rig.journal.damaged, []);
    t.same(rig.seen().at(-1), rowsFrom(48, 48)[0]);
    rig.dispose();
  });
}

t.test('a segment that is longer than usual is read, and not used again', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(20);
  rig.journal.close();
  writeFileSync(join(rig.dir, middle), Buffer.concat([rig.bytesOf(middle), Buffer.alloc(3 * PAGE_BYTES + 17, 0x43)]));
  rig.journal = rig.open();
  t.same(rig.journal.damaged, []);
  t.same(rig.seen(), rowsFrom(1, 20));
  rig.journal.trimBefore(20);
  t.same(rig.files(/^spare/).length, 1);
  rig.dispose();
});

t.test('a segment of another store is set aside', async (t) => {
  const rig = new JournalRig();
  const other = new JournalRig();
  other.journal.close();
  other.journal = other.open(['ffffffffffffffff']);
  for (let row = 1; row <= 20; row += 1) other.commit('not ours', [digest(row)], 'ffffffffffffffff');
  rig.commitMany(20);
  rig.journal.close();
  copyFileSync(join(other.dir, middle), join(rig.dir, middle));
  rig.journal = rig.open();
  t.match(rig.journal.damaged, [
    { row: 9, reason: /^rows 9 to 16 cannot be read/ },
    { reason: /^segment 2 is of boots that are not in blocks\.db, and is kept as .*foreign-2$/ },
  ]);
  const expected = [...rowsFrom(1, 8), ...rowsFrom(17, 20)];
  t.same(rig.seen(), expected);
  t.same(rig.read(), expected);
  t.same(rig.journal.receipts(), []);
  rig.dispose();
  other.dispose();
});

t.test('a record under another name of its segment is not believed', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(20);
  rig.journal.close();
  renameSync(join(rig.dir, middle), join(rig.dir, 'segment-7'));
  rig.publish(20);
  rig.journal = rig.open();
  t.match(rig.journal.damaged, [{ row: 9 }]);
  t.same(rig.seen(), [...rowsFrom(1, 8), ...rowsFrom(17, 20)]);
  t.equal(rig.commit('on'), 21);
  rig.reopen();
  t.same(rig.seen().at(-1), { id: 21, text: 'on' });
  rig.dispose();
});

t.test('files that are none of the journal, and what was left unfinished, disturb nothing', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(2);
  rig.journal.close();
  writeFileSync(join(rig.dir, 'making'), 'half of a segment');
  writeFileSync(join(rig.dir, 'spare-4'), 'too short');
  writeFileSync(join(rig.dir, 'notes.txt'), 'mine');
  mkdirSync(join(rig.dir, 'segment-x'));
  rig.journal = rig.open();
  t.same(rig.seen(), rowsFrom(1, 2));
  t.same(rig.files(/^(making|spare)/), []);
  t.equal(readFileSync(join(rig.dir, 'notes.txt'), 'utf8'), 'mine');
  rig.dispose();
});

t.test('a row that verifies and cannot be decoded is set aside once', async (t) => {
  const rig = new JournalRig();
  rig.commitMany(2);
  for (let again = 0; again < 2; again += 1) {
    for (const row of rig.journal.rows()) if (row.id === 1) rig.journal.setAside(row, 'it makes no sense');
  }
  t.match(rig.journal.damaged, [{ row: 1, reason: /^it makes no sense; the bytes are kept in / }]);
  t.equal(rig.bytesOf('damaged-1').toString(), rowText(1, 1));
  t.equal(BOOT.length, 16);
  rig.dispose();
});
