import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { PROJECT_ROOT } from './data-dir.ts';
import { GENERATED, regenerate } from './generated-docs.ts';
import { sourceFiles } from './imports.ts';

const FOLDERS = ['collectors', 'dashboards', 'gateway', 'hardware', 'sync', 'test'];
const documents = [
  ...['README.md', 'ARCHITECTURE.md'].filter((name) => existsSync(join(PROJECT_ROOT, name))),
  ...sourceFiles(PROJECT_ROOT, FOLDERS, ['.md']),
];

for (const document of documents) {
  const text = readFileSync(join(PROJECT_ROOT, document), 'utf8');

  t.test(`${document}: generated parts are as the code has them (npm run docs)`, async (t) => {
    t.equal(regenerate(text), text);
  });

  t.test(`${document}: links lead to files that are there`, async (t) => {
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)) {
      t.ok(existsSync(join(PROJECT_ROOT, dirname(document), target)), target);
    }
  });
}

t.test('every generated part stands in a document', async (t) => {
  const text = documents.map((document) => readFileSync(join(PROJECT_ROOT, document), 'utf8')).join('\n');
  for (const name of Object.keys(GENERATED)) t.match(text, `<!-- generated: ${name} -->`);
});

t.test('a stale part is made anew, all around it stays', async (t) => {
  const [start, end] = ['<!-- generated: errors -->', '<!-- end generated -->'];
  const fresh = regenerate(`before\n${start}\nstale\n${end}\nafter\n`);
  t.match(
    fresh,
    /^before\n<!-- generated: errors -->\n\n\| Code \| Meaning \|\n[\s\S]*<!-- end generated -->\nafter\n$/,
  );
  t.notMatch(fresh, 'stale');
  t.equal(regenerate(fresh), fresh);
});

t.test('a marker of an unknown part, or without an end, is refused', async (t) => {
  t.throws(() => regenerate('<!-- generated: nothing -->\n<!-- end generated -->'), /'nothing' is not generated/);
  t.throws(() => regenerate('<!-- generated: errors -->\n'), /1 generated parts begin, 0 end/);
});
