import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PROJECT_ROOT } from '../../data-dir.ts';

const README = readFileSync(join(PROJECT_ROOT, 'collectors/can/README.md'), 'utf8');

t.test('README names every reason of an error, and no other', async (t) => {
  const table = README.slice(README.indexOf('## Errors by reason'));
  const rows = [...table.matchAll(/^\| (`.*?) +\|/gm)].flatMap((row) => [...(row[1] ?? '').matchAll(/`([\w-]+)`/g)]);
  const documented = new Set(rows.map((found) => found[1]));
  const sources = ['hardware/can', 'collectors/can'].flatMap((folder) =>
    readdirSync(join(PROJECT_ROOT, folder), { encoding: 'utf8', recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(PROJECT_ROOT, folder, name), 'utf8')),
  );
  const counting = /(?:\.add\(|\.error\(|[#.]fail\(|#leaveBlock\(|#lose\(|#giveUp\(|return ).*/g;
  const reasons = sources.flatMap((text) =>
    [...text.matchAll(counting)].flatMap(([line]) => [...line.matchAll(/'([a-z][a-z0-9]*(?:-[a-z]+)+|refused)'/g)]),
  );
  t.same([...documented].sort(), [...new Set(reasons.map((found) => found[1]))].sort());
});
