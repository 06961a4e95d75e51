import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FRAME_BYTES_MAX } from '../../../collectors/serial/framed/framed-config.ts';
import { TEXT_LINE_BYTES_MAX } from '../../../collectors/serial/lines/lines-config.ts';
import { SENTENCE_TYPES } from '../../../collectors/serial/nmea/decoder.ts';
import { SENTENCE_BYTES_MAX } from '../../../collectors/serial/nmea/framer.ts';
import { QUANTITIES } from '../../../collectors/serial/nmea/quantities.ts';
import { SATELLITES_MAX, USED_COUNTS, VIEW_COUNTS } from '../../../collectors/serial/nmea/satellites.ts';
import { UNKNOWN_TYPES_MAX } from '../../../collectors/serial/outlet.ts';
import { UBX_PAYLOAD_BYTES_MAX } from '../../../collectors/serial/ubx/gnss-stream.ts';
import { UBX_QUANTITIES } from '../../../collectors/serial/ubx/quantities.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';

const readme = readFileSync(join(PROJECT_ROOT, 'collectors/serial/README.md'), 'utf8');

/** Rows of the table under a heading, cells trimmed. */
function table(heading: string): string[][] {
  const section = readme.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

t.test('lists every sentence that is decoded, and no other', async (t) => {
  const listed = table('Sentences').flatMap(([sentences = '']) => sentences.split(', '));
  t.same(listed.sort(), [...SENTENCE_TYPES].sort());
});

t.test('names channels that exist', async (t) => {
  const paths = Object.values(QUANTITIES).map(({ path }) => path as string);
  const known = (name: string) =>
    /^(transducer|engine|shaft)\//.test(name) ||
    paths.some((path) => path === name || path.endsWith(`/${name}`)) ||
    (name.endsWith('/*') && paths.some((path) => path.startsWith(name.slice(0, -1))));
  const named = table('Sentences').flatMap(([, channels = '']) =>
    [...channels.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
  t.ok(named.length > 40);
  t.same(
    named.filter((name) => !known(name)),
    [],
  );
});

t.test('names channels of UBX that exist, and all of them', async (t) => {
  const paths = Object.values(UBX_QUANTITIES).map(({ path }) => path as string);
  const named = table('UBX messages').flatMap(([, channels = '']) =>
    [...channels.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
  const isNamed = (path: string) =>
    named.some((name) => name === path || (name.endsWith('/*') && path.startsWith(name.slice(0, -1))));
  t.same(
    paths.filter((path) => !isNamed(path)),
    [],
  );
  const counts = [...Object.values(VIEW_COUNTS), ...Object.values(USED_COUNTS)].map(({ path }) => path);
  t.same(
    counts.filter((path) => !isNamed(path)),
    [],
  );
  t.same(
    named.filter((name) => !name.endsWith('/*') && name !== 'satellites' && !paths.includes(name)),
    [],
  );
});

t.test('states the limits of the code', async (t) => {
  t.match(readme, `${SATELLITES_MAX} there can be at`);
  const reasons = new Map(table('Errors by reason').map(([reason = '', meaning = '']) => [reason, meaning]));
  t.match(reasons.get('`too-long`'), `more than ${SENTENCE_BYTES_MAX} bytes`);
  t.match(reasons.get('`too-long`'), `${TEXT_LINE_BYTES_MAX} of a line`);
  t.equal(TEXT_LINE_BYTES_MAX, FRAME_BYTES_MAX);
  t.match(reasons.get('`ubx-too-long`'), `more than ${UBX_PAYLOAD_BYTES_MAX} bytes`);
  t.match(reasons.get('`unknown TYPE`'), `beyond ${UNKNOWN_TYPES_MAX} types`);
});
