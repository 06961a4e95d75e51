import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { PROJECT_ROOT } from '../data-dir.ts';

let made: Promise<string> | undefined;

/** Folder of the app, built from the sources as they are now; once a process. */
export function builtWeb(): Promise<string> {
  made ??= buildWeb();
  return made;
}

async function buildWeb(): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'caisson-web-'));
  const root = join(PROJECT_ROOT, 'dashboards/web');
  await build({ root, configFile: join(root, 'vite.config.ts'), logLevel: 'error', build: { outDir } });
  return outDir;
}

/** Every file below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

/** Debian's Chromium; undefined where it is not installed. */
export function chromiumPath(): string | undefined {
  return ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
}
