import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LINE_FAULTS_MAX } from '../../../collectors/line-protocol/line-body.ts';
import { LINE_REASONS } from '../../../collectors/line-protocol/line-fault.ts';
import { LINE_BYTES_MAX } from '../../../collectors/line-protocol/line-reader.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { readLines } from './read-lines.ts';

const page = readFileSync(join(PROJECT_ROOT, 'collectors/line-protocol/LINE_PROTOCOL.md'), 'utf8');

t.test('LINE_PROTOCOL.md names every reason with its meaning, and every bound', async (t) => {
  t.strictSame(
    page.match(/^\| `line-.*$/gm),
    Object.entries(LINE_REASONS).map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |`),
  );
  for (const bound of [LINE_BYTES_MAX, LINE_FAULTS_MAX]) t.match(page, ` ${bound.toLocaleString('en')} `);
});

t.test('the line that LINE_PROTOCOL.md begins with gives what it says', async (t) => {
  const [line = ''] = page.match(/^ {4}weather.*$/m) ?? [];
  const { samples, faults } = readLines(line.trim());
  t.strictSame(faults, []);
  t.strictSame(samples, [
    ['weather/location=us-midwest/station=A/temperature', 1465839830100400, 82.5],
    ['weather/location=us-midwest/station=A/humidity', 1465839830100400, 71],
    ['weather/location=us-midwest/station=A/open', 1465839830100400, true],
    ['weather/location=us-midwest/station=A/note', 1465839830100400, 'dry'],
  ]);
});
