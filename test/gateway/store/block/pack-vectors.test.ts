import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { NUMBER_ENCODINGS } from '../../../../gateway/store/block/number-column.ts';
import { TEXT_ENCODINGS } from '../../../../gateway/store/block/text-column.ts';
import { TIME_ENCODINGS } from '../../../../gateway/store/block/time-column.ts';
import { describePack } from '../../../../gateway/store/pack/describe-pack.ts';
import { encodePack } from '../../../../gateway/store/pack/encode-pack.ts';
import { PROJECT_ROOT } from '../../../data-dir.ts';
import { contentOf, describeContent, packVectors } from './vectors.ts';

const VECTORS = join(PROJECT_ROOT, 'test/vectors/pack');

/** CAISSON_WRITE_VECTORS=1 writes the files anew; without it they are only compared. */
if (process.env.CAISSON_WRITE_VECTORS === '1') {
  mkdirSync(VECTORS, { recursive: true });
  for (const { name, bytes, expected } of packVectors()) {
    writeFileSync(join(VECTORS, `${name}.bin`), bytes);
    writeFileSync(join(VECTORS, `${name}.json`), `${JSON.stringify(expected, null, 2)}\n`);
  }
}

t.test('the vector files are what their generator makes', async (t) => {
  const names = packVectors().flatMap(({ name }) => [`${name}.bin`, `${name}.json`]);
  t.same(readdirSync(VECTORS).sort(), names.sort());
  for (const { name, bytes, expected } of packVectors()) {
    t.ok(readFileSync(join(VECTORS, `${name}.bin`)).equals(bytes), name);
    t.same(JSON.parse(readFileSync(join(VECTORS, `${name}.json`), 'utf8')), expected, name);
  }
});

for (const { name, expected } of packVectors()) {
  const bytes = readFileSync(join(VECTORS, `${name}.bin`));
  if ('refused' in expected) {
    t.test(`refuses ${name} by ${expected.refused}`, async (t) => {
      t.throws(() => contentOf(bytes), { code: 'block-invalid', message: new RegExp(`^${expected.refused}: `) });
    });
  } else {
    t.test(`reads ${name} and writes the same bytes again`, async (t) => {
      const { header, blocks } = contentOf(bytes);
      t.same(describeContent(header, blocks), expected.pack);
      t.ok(bytes.equals(encodePack(header, blocks)));
    });
  }
}

t.test('the vectors have every encoding', async (t) => {
  const met = { times: new Set<string>(), numbers: new Set<string>(), texts: new Set<string>() };
  for (const { bytes, expected } of packVectors()) {
    if ('refused' in expected) continue;
    const { times, values } = describePack(bytes);
    for (const { encoding } of times) met.times.add(encoding);
    for (const [i, { encoding }] of values.entries()) {
      (expected.pack.blocks[i]?.type === 'text' ? met.texts : met.numbers).add(encoding);
    }
  }
  const names = (encodings: readonly { name: string }[]) => encodings.map(({ name }) => name).sort();
  t.same([...met.times].sort(), names(TIME_ENCODINGS.encodings));
  t.same([...met.numbers].sort(), names(NUMBER_ENCODINGS.encodings));
  t.same([...met.texts].sort(), names(TEXT_ENCODINGS.encodings));
});

t.test('every clause by which the reader refuses has a vector', async (t) => {
  const refused = new Set(packVectors().map(({ expected }) => ('refused' in expected ? expected.refused : undefined)));
  // 2 MiB are no file to keep; pack.test.ts has it.
  refused.add('PACK-1.5');
  const store = join(PROJECT_ROOT, 'gateway/store');
  const folders: readonly (readonly [string, string])[] = [
    ['BLOCK', 'block'],
    ['PACK', 'pack'],
  ];
  const files = folders.flatMap(([format, folder]) =>
    readdirSync(join(store, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => [format, join(folder, file)] as const),
  );
  let cited = 0;
  for (const [format, file] of [...files, ['BLOCK', 'bytes.ts'], ['PACK', 'bytes.ts']] as const) {
    const source = readFileSync(join(store, file), 'utf8');
    for (const [, reader, clause] of source.matchAll(/(\w+)\.(?:fail|varintUpTo|utf8|text)\([^']*'(\d\.\d+)'/g)) {
      cited += 1;
      const isColumn = format === 'PACK' && reader === 'content';
      t.ok(refused.has(`${isColumn ? 'BLOCK' : format}-${clause}`), `${format}-${clause} of ${file}`);
    }
  }
  t.ok(cited > 40, 'clauses are found in the code');
});

t.test('the specification has every clause that the code cites', async (t) => {
  const page = readFileSync(join(PROJECT_ROOT, 'gateway/store/BLOCK_FORMAT.md'), 'utf8');
  const clauses = new Set([...page.matchAll(/\*\*((?:BLOCK|PACK)-\d\.\d+)\*\*/gm)].map((match) => match[1]));
  for (const { name, expected } of packVectors()) {
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
