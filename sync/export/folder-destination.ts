import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { syncPath } from '../../gateway/durable-files.ts';
import type { Destination } from './destination.ts';
import { attempt, failed } from './failed.ts';

/** Files that are being written stand in a folder of this name, which tools that read the export leave out. */
const WORK = '_writing';

/** An export in a folder: files are written beside it, made durable and renamed. */
export class FolderDestination implements Destination {
  readonly workFolder: string;
  readonly #root: string;

  /** @throws CaissonError `export-failed` */
  constructor(root: string) {
    this.#root = root;
    this.workFolder = join(root, WORK);
    attempt(() => {
      // What a run before left unfinished.
      rmSync(this.workFolder, { recursive: true, force: true });
      mkdirSync(this.workFolder, { recursive: true });
    });
  }

  async put(path: string, file: string): Promise<void> {
    attempt(() => {
      const place = join(this.#root, path);
      mkdirSync(dirname(place), { recursive: true });
      syncPath(file);
      renameSync(file, place);
      syncPath(dirname(place));
    });
  }

  async get(path: string): Promise<string | undefined> {
    try {
      return readFileSync(join(this.#root, path), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw failed(error);
    }
  }

  async list(): Promise<string[]> {
    return attempt(() =>
      readdirSync(this.#root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(this.#root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .filter((path) => !path.startsWith(`${WORK}/`)),
    );
  }

  async remove(path: string): Promise<void> {
    attempt(() => {
      rmSync(join(this.#root, path), { force: true });
      for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
        const place = join(this.#root, folder);
        if (!existsSync(place)) continue;
        if (readdirSync(place).length > 0) break;
        rmdirSync(place);
      }
    });
  }
}
