import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { Type } from '@sinclair/typebox';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import { GrpcConfig, type GrpcSettings } from '../../sync/api/grpc-config.ts';
import { renderIssues } from '../config/issue.ts';
import { type ConfigRule, type LoadedConfig, loadConfig } from '../config/load-config.ts';
import { walkSchema } from '../config/schema-walk.ts';
import { CaissonError, messageOf } from '../errors.ts';
import { readConfigText } from './config-file.ts';
import { CONFIG_RULES } from './config-rules.ts';
import { type CaissonConfig, CONFIG_SCHEMA } from './config-schema.ts';

/** A config file as it was found: its text is what issues point into. */
export type ConfigFile = LoadedConfig<CaissonConfig> & { readonly path: string; readonly text: string };

/**
 * Reads and checks a config file, with this process's environment and the files it names, which are relative to it.
 * @throws CaissonError `config-unreadable`
 */
export function readConfigFile(path: string): ConfigFile {
  return checkConfigText(path, readConfigText(path));
}

/** As {@link readConfigFile}, of a text as if it stood in that file. */
export function checkConfigText(path: string, text: string): ConfigFile {
  const folder = dirname(resolve(path));
  const resolvePath = (named: string) => resolve(folder, named);
  const loaded = loadConfig(CONFIG_SCHEMA, text, {
    env: process.env,
    readFile: (named) => readConfigText(resolvePath(named)),
    resolvePath,
    rules: CONFIG_RULES as ConfigRule<unknown>[],
  });
  return { ...(loaded as LoadedConfig<CaissonConfig>), path, text };
}

/**
 * The config in a file.
 * @throws CaissonError `config-unreadable`, `config-invalid` with every issue in its message
 */
export function requireConfig(path: string): CaissonConfig {
  const { config, issues, text } = readConfigFile(path);
  if (config !== undefined) return config;
  throw new CaissonError('config-invalid', `${path} does not fit\n${renderIssues(text, issues)}`, {
    hint: '`caisson schema --markdown` lists every key',
  });
}

/**
 * Where the gateway of a config file serves gRPC. The other sections are not looked at: what they lack here, such as a secret in the
 * environment of the service, does not keep anybody from asking the gateway that runs.
 * @throws CaissonError `config-unreadable`, `config-invalid`
 */
export function grpcOf(path: string): GrpcSettings {
  const folder = dirname(resolve(path));
  const resolvePath = (named: string) => resolve(folder, named);
  const text = readConfigText(path);
  let grpc: unknown;
  try {
    grpc = (parseYaml(text) as { readonly grpc?: unknown } | null)?.grpc;
  } catch (cause) {
    throw new CaissonError('config-invalid', `${path} is no YAML: ${messageOf(cause)}`, { cause, hint: SERVER_HINT });
  }
  const section = stringifyYaml(grpc === undefined ? {} : { grpc });
  const readFile = (named: string) => readConfigText(resolvePath(named));
  const { config, issues } = loadConfig(GRPC_SCHEMA, section, { env: process.env, readFile, resolvePath });
  if (config !== undefined) return config.grpc as GrpcSettings;
  // The same, at their places in the file.
  const placed = checkConfigText(path, text).issues.filter((issue) => /^grpc\b/.test(issue.path));
  const rendered = placed.length > 0 ? renderIssues(text, placed) : issues.map(({ message }) => message).join('\n');
  throw new CaissonError('config-invalid', `${path} does not fit\n${rendered}`, { hint: SERVER_HINT });
}

const GRPC_SCHEMA = Type.Object({ grpc: Type.Optional(GrpcConfig) }, { additionalProperties: false });

const SERVER_HINT = '`caisson check` shows where; --server HOST:PORT asks a gateway without its config';

/** Every file and folder that a config names, absolute. */
export function filesNamedIn(config: CaissonConfig): string[] {
  const files: string[] = [];
  walkSchema(CONFIG_SCHEMA, config, (part, holder, key) => {
    const value = holder[key];
    if (part['x-path'] === true && typeof value === 'string') files.push(value);
  });
  return files;
}
