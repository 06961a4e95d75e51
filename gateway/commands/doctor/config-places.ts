import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { escapeSegment, YamlSource } from '../../config/yaml-source.ts';
import type { LineOf } from './finding.ts';

/** A file that holds secrets, as the config names it. */
export interface SecretFile {
  /** Keys from the top to its name. */
  readonly path: readonly string[];
  readonly file: string;
  /** Permission bits; undefined where it cannot be looked at. */
  readonly mode: number | undefined;
}

/** The text of a config, for what its values alone do not say. */
export class ConfigPlaces {
  readonly #source: YamlSource;
  readonly #folder: string;

  /** @param file its name, which names in it are relative to */
  constructor(text: string, file: string) {
    // Keys of secrets are left as they are written, so that no secret is read.
    this.#source = new YamlSource(text, new Set(), { env: process.env, readFile: () => '' });
    this.#folder = dirname(resolve(file));
  }

  /** Line of a value, or of what is nearest around it where it is not there yet. */
  readonly lineOf: LineOf = (path) => {
    const pointer = path.map((segment) => `/${escapeSegment(String(segment))}`).join('');
    return this.#source.valuePlace(pointer).line;
  };

  /** Files that are named in place of secrets. */
  secretFiles(): SecretFile[] {
    return [...namedFiles(this.#source.value, [])].map(({ path, name }) => {
      const file = resolve(this.#folder, name);
      return { path, file, mode: modeOf(file) };
    });
  }

  /** Keys of secrets that stand in the text itself. */
  writtenSecrets(keys: ReadonlySet<string>): string[][] {
    return [...written(this.#source, keys, this.#source.value, [])];
  }
}

/** Permission bits of a file; undefined where it cannot be looked at. */
export function modeOf(file: string): number | undefined {
  try {
    return statSync(file).mode & 0o777;
  } catch {
    return undefined;
  }
}

function* namedFiles(value: unknown, path: readonly string[]): Generator<{ path: string[]; name: string }> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key.endsWith('_file') && typeof inner === 'string') yield { path: [...path, key], name: inner };
    else yield* namedFiles(inner, [...path, key]);
  }
}

function* written(
  source: YamlSource,
  keys: ReadonlySet<string>,
  value: unknown,
  path: readonly string[],
): Generator<string[]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const here = [...path, key];
    const pointer = here.map((segment) => `/${escapeSegment(segment)}`).join('');
    const isSecret = keys.has(key) && typeof inner === 'string' && source.originOf(pointer) === undefined;
    if (isSecret) yield here;
    else yield* written(source, keys, inner, here);
  }
}
