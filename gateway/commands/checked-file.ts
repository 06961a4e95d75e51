import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { Static, TObject } from '@sinclair/typebox';
import { renderIssues } from '../config/issue.ts';
import { loadConfig } from '../config/load-config.ts';
import { CaissonError, messageOf } from '../errors.ts';

/** What is wrong with a file that no schema says. */
export type Faults<Config> = (
  config: Config,
) => Iterable<{ readonly path: readonly (string | number)[]; readonly problem: string }>;

/**
 * A file of YAML beside the config, checked as the config is.
 * @param option of the command line that named it
 * @param hint where its keys are told
 * @throws CaissonError `config-unreadable`, `config-invalid` with every issue in its message
 */
export function readCheckedFile<Schema extends TObject>(
  path: string,
  schema: Schema,
  faults: Faults<Static<Schema>>,
  { option, hint }: { readonly option: string; readonly hint: string },
): Static<Schema> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CaissonError('config-unreadable', `${option} ${path}: ${messageOf(cause)}`, { cause });
  }
  const { config, issues } = loadConfig(schema, text, {
    env: process.env,
    readFile: (named) => readFileSync(named, 'utf8'),
    resolvePath: (named) => named,
    rules: [faults],
  });
  if (config !== undefined) return config;
  throw new CaissonError('config-invalid', `${path} does not fit\n${renderIssues(text, issues)}`, { hint });
}
