import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { ERROR_CODES } from '../gateway/errors.ts';
import { PROJECT_ROOT } from './data-dir.ts';
import { brokenRule, findCycles, importsOf, sourceFiles } from './imports.ts';

const FOLDERS = ['collectors', 'dashboards', 'gateway', 'hardware', 'sync', 'test'];

/** Files of a Node project and its people that stand beside the folders. */
const TOP_FILES = [
  'ARCHITECTURE.md',
  'LICENSE',
  'README.md',
  'biome.json',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
];

/** Lines of one source file. Beyond: a second noun has appeared, and wants a file of its own. */
const FILE_LINES_MAX = 600;

const sources = sourceFiles(PROJECT_ROOT, FOLDERS, ['.ts', '.tsx']).filter((path) => !path.endsWith('.d.ts'));
const imports = importsOf(PROJECT_ROOT, sources);

/** Files that belong to the project: what git keeps, and what it would. */
const projectFiles = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
  cwd: PROJECT_ROOT,
  encoding: 'utf8',
})
  .stdout.split('\0')
  .filter((path) => path !== '' && existsSync(join(PROJECT_ROOT, path)));

function textOf(path: string): string {
  return readFileSync(join(PROJECT_ROOT, path), 'utf8');
}

t.test('every import goes along an arrow that is allowed', async (t) => {
  t.ok(imports.length > 0);
  for (const { from, to, line } of imports) {
    const rule = brokenRule({ from, to });
    if (rule !== undefined) t.fail(`${from}:${line} imports ${to}: ${rule}`);
  }
});

t.test('every import names a file that is there, with its ending', async (t) => {
  for (const { from, to, line } of imports) {
    if (!existsSync(join(PROJECT_ROOT, to))) t.fail(`${from}:${line} imports ${to}, which is not there`);
  }
});

t.test('no files import each other in a circle, type imports included', async (t) => {
  for (const cycle of findCycles(imports)) t.fail(`cycle: ${[...cycle, cycle[0]].join(' -> ')}`);
});

t.test('the house has six folders', async (t) => {
  const folders = projectFiles.filter((path) => path.includes('/')).map((path) => path.slice(0, path.indexOf('/')));
  const visible = new Set(folders.filter((folder) => !folder.startsWith('.')));
  t.same([...visible].sort(), FOLDERS);
});

t.test('beside the folders stand only the files that a Node project needs', async (t) => {
  const files = projectFiles.filter((path) => !path.includes('/') && !path.startsWith('.'));
  t.same(files.sort(), TOP_FILES);
});

t.test('files are named in kebab-case', async (t) => {
  for (const path of sources) {
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|long\.test|config))?\.tsx?$/.test(basename(path))) t.fail(path);
  }
});

t.test(`no source file has more than ${FILE_LINES_MAX} lines`, async (t) => {
  for (const path of sources) {
    const lines = textOf(path).split('\n').length;
    if (lines > FILE_LINES_MAX) t.fail(`${path} has ${lines} lines`);
  }
});

// Written in parts, so that this file does not find itself.
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'for' + ' now'].join('|')})\\b`);
const OF_ONE_MACHINE = new RegExp(`(^|[\\s'"\`(=])/(${['wo' + 'rk', 'ro' + 'ot', 'ho' + 'me'].join('|')})/`, 'm');

t.test('nothing is marked as unfinished, and no path is of one machine', async (t) => {
  const texts = projectFiles.filter((path) => /\.(ts|tsx|md|json|yaml|yml|css|html|proto|sh)$/.test(path));
  t.ok(texts.length > 0);
  for (const path of texts) {
    if (path === 'package-lock.json') continue;
    const text = textOf(path);
    // TAP has a directive of that name, and its reader must know it.
    const unfinished = path.startsWith('test/tap-output') ? null : UNFINISHED.exec(text);
    if (unfinished !== null) t.fail(`${path}: '${unfinished[0]}'`);
    const machine = OF_ONE_MACHINE.exec(text);
    if (machine !== null) t.fail(`${path}: '${machine[0].trim()}'`);
  }
});

t.test('every error code is raised somewhere', async (t) => {
  const texts = sources.filter((path) => !path.startsWith('test/') && path !== 'gateway/errors.ts').map(textOf);
  for (const code of Object.keys(ERROR_CODES)) {
    if (!texts.some((text) => text.includes(`'${code}'`))) t.fail(`'${code}' is never raised`);
  }
});
