import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';

const MODULE = pathToFileURL(join(import.meta.dirname, '../../gateway/temp-folder.js')).href;

/** Another process that makes a folder, and where. */
async function maker(t: Test, parent: string, kind: string) {
  const script = `import { makeTempFolder } from ${JSON.stringify(MODULE)};
    console.log(makeTempFolder(${JSON.stringify(kind)}, ${JSON.stringify(parent)}));
    setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [folder] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const kill = async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { folder, kill };
}

t.test('what killed processes left goes with the next one, what others have stays', async (t) => {
  const parent = t.testdir();
  const killed = await maker(t, parent, 'import');
  writeFileSync(join(killed.folder, 'spooled'), Buffer.alloc(1000));
  await killed.kill();
  t.ok(existsSync(killed.folder));
  const running = await maker(t, parent, 'import');
  t.notOk(existsSync(killed.folder));
  const otherKind = await maker(t, parent, 'export');
  await otherKind.kill();
  const space = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
  const strange = [
    `caisson-import-${Number(space) + 1}-999999999-abcdef`,
    `caisson-import-${space}-x-y`,
    'caisson-import-',
  ];
  for (const name of strange) mkdirSync(join(parent, name));
  const foreign = mkdtempSync(join(parent, 'tmp-'));
  const last = await maker(t, parent, 'import');
  for (const { folder } of [running, otherKind, last]) t.ok(existsSync(folder), folder);
  t.ok(existsSync(foreign));
  for (const name of strange) t.ok(existsSync(join(parent, name)), `${name}: who knows`);
  t.equal(readdirSync(parent).length, 3 + strange.length + 1);
});
