import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { decodeBlock, encodeBlock } from '../../../../gateway/store/block/block.ts';
import { describeBlock } from '../../../../gateway/store/block/describe.ts';
import { NUMBER_ENCODINGS } from '../../../../gateway/store/block/number-column.ts';
import { TEXT_ENCODINGS } from '../../../../gateway/store/block/text-column.ts';
import { TIME_ENCODINGS } from '../../../../gateway/store/block/time-column.ts';
import { PROJECT_ROOT } from '../../../data-dir.ts';
import { blockVectors, describeContent } from './vectors.ts';

const VECTORS = join(PROJECT_ROOT, 'test/vectors/block');

/** CAISSON_WRITE_VECTORS=1 writes the files anew; without it they are only compared. */
if (process.env.CAISSON_WRITE_VECTORS === '1') {
  mkdirSync(VECTORS, { recursive: true });
  for (const { name, bytes, expected } of blockVectors()) {
    writeFileSync(join(VECTORS, `${name}.bin`), bytes);
    writeFileSync(join(VECTORS, `${name}.json`), `${JSON.stringify(expected, null, 2)}\n`);
  }
}

t.test('the vector files are what their generator makes', async (t) => {
  const names = blockVectors().flatMap(({ name }) => [`${name}.bin`, `${name}.json`]);
  t.same(readdirSync(VECTORS).sort(), names.sort());
  for (const { name, bytes, expected } of blockVectors()) {
    t.ok(readFileSync(join(VECTORS, `${name}.bin`)).equals(bytes), name);
    t.same(JSON.parse(readFileSync(join(VECTORS, `${name}.json`), 'utf8')), expected, name);
  }
});

for (const { name, expected } of blockVectors()) {
  const bytes = readFileSync(join(VECTORS, `${name}.bin`));
  if ('refused' in expected) {
    t.test(`refuses ${name} by ${expected.refused}`, async (t) => {
      t.throws(() => decodeBlock(bytes), { code: 'block-invalid', message: new RegExp(`^${expected.refused}: `) });
    });
  } else {
    t.test(`reads ${name} and writes the same bytes again`, async (t) => {
      const block = decodeBlock(bytes);
      t.same(describeContent(block, block), expected.block);
      t.ok(bytes.equals(encodeBlock(block, block)));
    });
  }
}

t.test('the vectors have every encoding', async (t) => {
  const met = { times: new Set<string>(), numbers: new Set<string>(), texts: new Set<string>() };
  for (const { bytes, expected } of blockVectors()) {
    if ('refused' in expected) continue;
    const { times, values } = describeBlock(bytes);
    met.times.add(times.encoding);
    (expected.block.type === 'text' ? met.texts : met.numbers).add(values.encoding);
  }
  const names = (encodings: readonly { name: string }[]) => encodings.map(({ name }) => name).sort();
  t.same([...met.times].sort(), names(TIME_ENCODINGS.encodings));
  t.same([...met.numbers].sort(), names(NUMBER_ENCODINGS.encodings));
  t.same([...met.texts].sort(), names(TEXT_ENCODINGS.encodings));
});

t.test('every clause by which the reader refuses has a vector', async (t) => {
  const refused = new Set(blockVectors().map(({ expected }) => ('refused' in expected ? expected.refused : undefined)));
  const folder = join(PROJECT_ROOT, 'gateway/store/block');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'));
  sources.push(readFileSync(join(PROJECT_ROOT, 'gateway/store/bytes.ts'), 'utf8'));
  const cited = sources.flatMap((source) => [...source.matchAll(/(?:fail|varintUpTo|utf8|text)\([^']*'(\d\.\d+)'/g)]);
  t.ok(cited.length > 20, 'clauses are found in the code');
  for (const [, clause] of cited) t.ok(refused.has(`BLOCK-${clause}`), `BLOCK-${clause}`);
});

t.test('the specification has every clause that the code cites', async (t) => {
  const page = readFileSync(join(PROJECT_ROOT, 'gateway/store/BLOCK_FORMAT.md'), 'utf8');
  const clauses = new Set([...page.matchAll(/^- \*\*(BLOCK-\d\.\d+)\*\*/gm)].map((match) => match[1]));
  for (const { name, expected } of blockVectors()) {
    if ('refused' in expected) t.ok(clauses.has(expected.refused), `${name}: ${expected.refused}`);
  }
});

t.test('the worked example of the specification is the vector', async (t) => {
  const page = readFileSync(join(PROJECT_ROOT, 'gateway/store/BLOCK_FORMAT.md'), 'utf8');
  const example = page.slice(page.indexOf('## Worked example'), page.indexOf('# Journal row'));
  const hex = [...example.matchAll(/^ {4}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2}|$)/gm)]
    .map((match) => match[1])
    .join('');
  t.equal(hex.replaceAll(' ', ''), readFileSync(join(VECTORS, 'worked-example.bin')).toString('hex'));
});
