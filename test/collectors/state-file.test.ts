import { Buffer } from 'node:buffer';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { STATE_BYTES_PER_S, StateFile } from '../../collectors/state-file.ts';
import { waitFor } from '../wait-for.ts';

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'state-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A file and what its owner says. */
function stateOf(path: string, pauseMs = 0) {
  const says = new Map<string, Buffer>();
  const file = new StateFile(path, (key) => says.get(key), pauseMs);
  const set = (key: string, value: string | undefined) => {
    if (value === undefined) says.delete(key);
    else says.set(key, Buffer.from(value));
    file.touch(key);
  };
  return { file, set };
}

async function readBack(path: string): Promise<Record<string, string>> {
  const { file } = stateOf(path);
  const values = await file.open();
  await file.close();
  return Object.fromEntries([...values].map(([key, value]) => [key, value.toString()]));
}

t.test('what was set is there in the next process, what was deleted is not', async (t) => {
  const path = join(folder(t), 'x.state');
  const { file, set } = stateOf(path);
  t.equal((await file.open()).size, 0);
  set('a', 'one');
  set('b', 'two');
  await file.flush();
  set('a', 'three');
  set('b', undefined);
  set('\u00e9', '');
  set('never', undefined);
  await file.close();
  t.same(await readBack(path), { a: 'three', '\u00e9': '' });
  t.equal(file.problem, undefined);
});

t.test('a file that ends anywhere gives what was whole, and goes on from there', async (t) => {
  const dir = folder(t);
  const path = join(dir, 'x.state');
  const { file, set } = stateOf(path);
  await file.open();
  const sizes: number[] = [];
  for (const value of ['one', 'two', 'three']) {
    set('a', value);
    await file.flush();
    sizes.push(statSync(path).size);
  }
  await file.close();
  const whole = readFileSync(path);
  for (let end = 0; end <= whole.length; end++) {
    const cut = join(dir, `${end}.state`);
    writeFileSync(cut, whole.subarray(0, end));
    const last = ['one', 'two', 'three'].filter((_, index) => (sizes[index] ?? 0) <= end).at(-1);
    const { file, set } = stateOf(cut);
    const values = await file.open();
    if (values.get('a')?.toString() !== last) t.fail(`cut at ${end}`);
    set('b', 'more');
    await file.close();
    const back = await readBack(cut);
    if (back.b !== 'more') t.fail(`cut at ${end}: ${JSON.stringify(back)}`);
  }
});

t.test('a byte that flipped ends what is read, and is never taken for a value', async (t) => {
  const dir = folder(t);
  const path = join(dir, 'x.state');
  const { file, set } = stateOf(path);
  await file.open();
  set('a', 'one');
  set('b', 'two');
  await file.close();
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    writeFileSync(path, bytes);
    const back = JSON.stringify(await readBack(path));
    if (!['{}', '{"a":"one"}'].includes(back)) t.fail(`flipped at ${at}: ${back}`);
  }
});

t.test('what changes all the time is written as it stands now and then, and the file stays small', async (t) => {
  const path = join(folder(t), 'x.state');
  const { file, set } = stateOf(path);
  await file.open();
  const value = 'x'.repeat(10_000);
  for (let round = 0; round < 200; round++) {
    for (let n = 0; n < 50; n++) set('a', `${round} ${n} ${value}`);
    await file.flush();
  }
  t.ok(file.written < 200 * 10_100, `${file.written} bytes written for 10,000 changes`);
  t.ok(statSync(path).size < 600_000, `${statSync(path).size} bytes`);
  await file.close();
  t.match((await readBack(path)).a, /^199 49 x/);
});

t.test('after much was written the next write waits, so that the bytes a second stay within their bound', async (t) => {
  const path = join(folder(t), 'x.state');
  const { file, set } = stateOf(path);
  await file.open();
  const started = performance.now();
  set('a', 'x'.repeat(STATE_BYTES_PER_S / 4));
  await file.flush();
  const before = file.written;
  set('a', 'y');
  await waitFor('written again', () => file.written > before);
  t.ok(performance.now() - started > 150, `${performance.now() - started} ms`);
  await file.close();
});

t.test('what cannot be written is said, kept, and written when it can be', async (t) => {
  const dir = folder(t);
  const path = join(dir, 'not-yet', 'x.state');
  const { file, set } = stateOf(path);
  await file.open();
  set('a', 'one');
  await file.flush();
  t.match(file.problem, /cannot write .*ENOENT/);
  mkdirSync(join(dir, 'not-yet'));
  await file.flush();
  t.equal(file.problem, undefined);
  await file.close();
  t.same(await readBack(path), { a: 'one' });
});

t.test('a file that is none of ours is told by its problem, or begun anew', async (t) => {
  const dir = folder(t);
  const path = join(dir, 'x.state');
  writeFileSync(path, 'something else');
  t.same(await readBack(path), {});
  const { file, set } = stateOf(path);
  await file.open();
  set('a', 'one');
  await file.close();
  t.same(await readBack(path), { a: 'one' });
  t.notOk(existsSync(`${path}.new`));
});
