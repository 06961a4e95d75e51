import { Buffer } from 'node:buffer';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncPath, writeWhole } from '../../gateway/durable-files.ts';
import { courierFolder, courierName, filesOn, parseCourierName } from '../courier/courier-files.ts';
import type { OfferedFile } from './carried-file.ts';

const PART = '.part';
const ANSWER = '.answer';
const DIGEST = /^[0-9a-f]{64}$/;

/** A file that lies there whole. */
export interface CarriedFile {
  readonly digest: string;
  readonly gateway: string;
  readonly central: string;
  readonly path: string;
  readonly bytes: number;
  readonly feed: string;
  readonly from: number;
  /** When it came, UTC in milliseconds. */
  readonly sinceMs: number;
}

/** What lies there besides: parts, and answers. */
export interface HeldBeside {
  readonly digest: string;
  readonly gateway: string;
  readonly path: string;
  readonly bytes: number;
  readonly sinceMs: number;
}

/** What a central said of a file. */
export interface CarriedAnswer {
  /** Sealed; empty: there is none. */
  readonly answer: Uint8Array;
  readonly problem: string;
}

/**
 * The folder of a depot. Files lie as on a medium (COURIER-5), `parts/GATEWAY/DIGEST.part` is what was not whole yet, and
 * `answers/GATEWAY/DIGEST.answer` what centrals said. Names tell all that is to be known at a start. Calls throw what the file system throws.
 */
export class DepotFolder {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Makes it where it is not there. */
  open(): void {
    for (const each of ['parts', 'answers']) mkdirSync(join(this.dir, each), { recursive: true, mode: 0o700 });
  }

  carried(): CarriedFile[] {
    return filesOn(this.dir).flatMap((path) => {
      const [name = '', central = '', gateway = ''] = path.split('/').reverse();
      const { digest, feed = '', from = 0 } = parseCourierName(name) ?? {};
      if (digest === undefined) return [];
      const { size: bytes, mtimeMs: sinceMs } = statSync(path);
      return [{ digest, gateway, central, path, bytes, feed, from, sinceMs }];
    });
  }

  parts(): HeldBeside[] {
    return this.#beside('parts', PART);
  }

  answers(): HeldBeside[] {
    return this.#beside('answers', ANSWER);
  }

  partPath(gateway: string, digest: string): string {
    return join(this.dir, 'parts', gateway, `${digest}${PART}`);
  }

  /** A part that is whole and on disk gets its name. */
  keep({ gateway, central, digest, name, bytes }: OfferedFile, sinceMs: number): CarriedFile {
    const folder = courierFolder(this.dir, gateway, central);
    mkdirSync(folder, { recursive: true });
    const path = join(folder, courierName({ ...name, digest }));
    renameSync(this.partPath(gateway, digest), path);
    syncPath(folder);
    return { digest, gateway, central, path, bytes, feed: name.feed, from: name.from, sinceMs };
  }

  keepAnswer(gateway: string, digest: string, { answer, problem }: CarriedAnswer, sinceMs: number): HeldBeside {
    const path = join(this.dir, 'answers', gateway, `${digest}${ANSWER}`);
    mkdirSync(dirname(path), { recursive: true });
    const content = JSON.stringify({ problem, answer: Buffer.from(answer).toString('base64') });
    writeWhole(path, content, 0o600);
    return { digest, gateway, path, bytes: content.length, sinceMs };
  }

  readAnswer({ path }: HeldBeside): CarriedAnswer {
    const { answer, problem } = JSON.parse(readFileSync(path, 'utf8')) as { answer: string; problem: string };
    return { answer: Buffer.from(answer, 'base64'), problem };
  }

  remove(path: string): void {
    rmSync(path, { force: true });
  }

  #beside(kind: 'parts' | 'answers', ending: string): HeldBeside[] {
    const top = join(this.dir, kind);
    return readdirSync(top).flatMap((gateway) =>
      readdirSync(join(top, gateway)).flatMap((name) => {
        const path = join(top, gateway, name);
        const digest = name.slice(0, -ending.length);
        if (!name.endsWith(ending) || !DIGEST.test(digest)) {
          rmSync(path, { force: true, recursive: true });
          return [];
        }
        const { size: bytes, mtimeMs: sinceMs } = statSync(path);
        return [{ digest, gateway, path, bytes, sinceMs }];
      }),
    );
  }
}
