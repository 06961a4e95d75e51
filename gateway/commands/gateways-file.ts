import { type GatewaysConfig, gatewaysFaults, GatewaysConfig as SCHEMA } from '../../sync/central/gateways-config.ts';
import { readCheckedFile } from './checked-file.ts';

/**
 * The file of `caisson central --gateways`.
 * @throws CaissonError `config-unreadable`, `config-invalid` with every issue in its message
 */
export function readGatewaysFile(path: string): GatewaysConfig {
  return readCheckedFile(path, SCHEMA, gatewaysFaults, {
    option: '--gateways',
    hint: 'sync/line/README.md lists every key',
  });
}
