import { type GatewaysConfig, gatewaysFaults, GatewaysConfig as SCHEMA } from '../../sync/central/gateways-config.ts';
import { readCheckedFile } from './checked-file.ts';

/**
 * The file of `caisson central --gateways`.
 * @param hasCertificates whether that central knows by certificates who dials in
 * @throws CaissonError `config-unreadable`, `config-invalid` with every issue in its message
 */
export function readGatewaysFile(path: string, hasCertificates: boolean): GatewaysConfig {
  return readCheckedFile(path, SCHEMA, (config) => gatewaysFaults(config, hasCertificates), {
    option: '--gateways',
    hint: 'sync/line/README.md lists every key',
  });
}
