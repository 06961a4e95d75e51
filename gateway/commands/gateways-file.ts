import { readFileSync } from 'node:fs';
import process from 'node:process';
import { type GatewaysConfig, gatewaysFaults, GatewaysConfig as SCHEMA } from '../../sync/central/gateways-config.ts';
import { renderIssues } from '../config/issue.ts';
import { loadConfig } from '../config/load-config.ts';
import { CaissonError, messageOf } from '../errors.ts';

/**
 * The file of `caisson central --gateways`.
 * @throws CaissonError `config-unreadable`, `config-invalid` with every issue in its message
 */
export function readGatewaysFile(path: string): GatewaysConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CaissonError('config-unreadable', messageOf(cause), { cause });
  }
  const { config, issues } = loadConfig(SCHEMA, text, {
    env: process.env,
    readFile: (named) => readFileSync(named, 'utf8'),
    resolvePath: (named) => named,
    rules: [gatewaysFaults],
  });
  if (config !== undefined) return config;
  throw new CaissonError('config-invalid', `${path} does not fit\n${renderIssues(text, issues)}`, {
    hint: 'sync/line/README.md lists every key',
  });
}
