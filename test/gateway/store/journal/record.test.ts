import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PROJECT_ROOT } from '../../../data-dir.ts';
import { describeRecord, recordVectors } from './record-vectors.ts';

const VECTORS = join(PROJECT_ROOT, 'test/vectors/journal-record');

/** CAISSON_WRITE_VECTORS=1 writes the files anew; without it they are only compared. */
if (process.env.CAISSON_WRITE_VECTORS === '1') {
  mkdirSync(VECTORS, { recursive: true });
  for (const { name, bytes, expected } of recordVectors()) {
    writeFileSync(join(VECTORS, `${name}.bin`), bytes);
    writeFileSync(join(VECTORS, `${name}.json`), `${JSON.stringify(expected, null, 2)}\n`);
  }
}

t.test('the vector files are what their generator makes', async (t) => {
  t.same(
    readdirSync(VECTORS).sort(),
    recordVectors()
      .flatMap(({ name }) => [`${name}.bin`, `${name}.json`])
      .sort(),
  );
  for (const { name, bytes, expected } of recordVectors()) {
    t.ok(readFileSync(join(VECTORS, `${name}.bin`)).equals(bytes), name);
    t.same(JSON.parse(readFileSync(join(VECTORS, `${name}.json`), 'utf8')), expected, name);
  }
});

for (const { name, expected } of recordVectors()) {
  const bytes = readFileSync(join(VECTORS, `${name}.bin`));
  t.test(`${'refused' in expected ? 'sees no record in' : 'reads'} ${name}`, async (t) => {
    t.same(describeRecord(bytes), 'refused' in expected ? undefined : expected.record);
  });
}

t.test('the worked example of the specification is the vector', async (t) => {
  const page = readFileSync(join(PROJECT_ROOT, 'gateway/store/JOURNAL_FORMAT.md'), 'utf8');
  const example = page.slice(page.indexOf('## Record example'), page.indexOf('# Journal row, version'));
  const hex = [...example.matchAll(/^ {4}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2}|$)/gm)]
    .map((match) => match[1])
    .join('');
  t.equal(hex.replaceAll(' ', ''), readFileSync(join(VECTORS, 'worked-example.bin')).toString('hex'));
});
