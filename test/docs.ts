import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { PROJECT_ROOT } from './data-dir.ts';
import { regenerate } from './generated-docs.ts';

// Writes the generated parts of the documents that are named, README.md if none is: `npm run docs`.
for (const name of process.argv.length > 2 ? process.argv.slice(2) : ['README.md']) {
  const path = join(PROJECT_ROOT, name);
  const before = readFileSync(path, 'utf8');
  const after = regenerate(before);
  if (after !== before) writeFileSync(path, after);
  process.stderr.write(`${name}: ${after === before ? 'as it was' : 'rewritten'}\n`);
}
