import { existsSync } from 'node:fs';
import process from 'node:process';
import { type Command, Option } from 'commander';
import type { Address } from '../../sync/api/address.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import type { GrpcSettings } from '../../sync/api/grpc-config.ts';
import { IdentityFolder } from '../../sync/trust/identity-folder.ts';
import { secureClient } from '../../sync/trust/secure-client.ts';
import { CONFIG_FILE } from './config-file.ts';
import { parseServer } from './server-address.ts';

/** A gateway whose config says nothing else. */
const SERVER_DEFAULT = '127.0.0.1:7443';

/** Whom a command asks, and by what it is known there. */
export interface ServerOptions {
  /** Undefined: the gateway of the config. */
  readonly server?: string;
  /** File of the config of the gateway to ask; undefined: CONFIG_FILE, where it is. */
  readonly config?: string;
  /** Folder of the identity; undefined: the server asks for none. */
  readonly identity?: string;
}

/** Adds `--identity` to a command that asks a server. */
export function identityOption(command: Command): Command {
  return command.addOption(
    new Option('--identity <dir>', 'folder of `caisson enroll`, where the server asks for certificates').env(
      'CAISSON_IDENTITY',
    ),
  );
}

/** Adds to a command that asks a server what says which one, and as whom. */
export function serverOptions(command: Command, whom = 'gateway or central to ask'): Command {
  return identityOption(command)
    .option(
      '--server <host:port>',
      `${whom} (default: where the config says that its gateway serves, or ${SERVER_DEFAULT})`,
    )
    .option('--config <file>', `config of the gateway, without --server (default: ${CONFIG_FILE}, where it is here)`);
}

/**
 * A client of the server that options name, or of the gateway of a config, which is asked by its own certificate.
 * @param destination as which it asks where there are no certificates; undefined: as someone on the box
 * @throws UsageError, CaissonError `trust-unusable`, `config-unreadable`, `config-invalid`
 */
export async function openClient(options: ServerOptions, destination?: string): Promise<TelemetryClient> {
  const grpc = await configured(options);
  if (grpc !== undefined) return gatewayClient(grpc, options.identity, destination);
  return clientAt(parseServer(options.server ?? SERVER_DEFAULT), options.identity, ['gateway', 'central'], destination);
}

/** Whom options mean. @throws UsageError, CaissonError `config-unreadable`, `config-invalid` */
export async function addressOf(options: ServerOptions): Promise<Address> {
  const grpc = await configured(options);
  return grpc === undefined ? parseServer(options.server ?? SERVER_DEFAULT) : onBox(grpc);
}

/** A client of the gateway of a config, on its box. @param identity undefined: its own, where it has one */
export function gatewayClient(grpc: GrpcSettings, identity = grpc.identity, destination?: string): TelemetryClient {
  return clientAt(onBox(grpc), identity, ['gateway'], destination);
}

/** One that listens everywhere is asked here. */
function onBox({ host, port }: GrpcSettings): Address {
  return { host: host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host, port };
}

/** Who says which server needs no config, nor the code that reads it: most of what a command would load. */
async function configured({ server, config }: ServerOptions): Promise<GrpcSettings | undefined> {
  if (server !== undefined) return undefined;
  const path = config ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
  return path === undefined ? undefined : (await import('./config.ts')).grpcOf(path);
}

function clientAt(
  address: Address,
  identity: string | undefined,
  roles: readonly ('gateway' | 'central')[],
  destination: string | undefined,
): TelemetryClient {
  if (identity === undefined) return new TelemetryClient(address, destination === undefined ? {} : { destination });
  const credentials = IdentityFolder.open(identity, (text) => process.stderr.write(`${text}\n`));
  return secureClient(address, credentials, { roles });
}
