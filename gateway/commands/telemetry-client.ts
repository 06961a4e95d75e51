import process from 'node:process';
import { type Command, Option } from 'commander';
import { TelemetryClient } from '../../sync/api/client.ts';
import { IdentityFolder } from '../../sync/trust/identity-folder.ts';
import { secureClient } from '../../sync/trust/secure-client.ts';
import { parseServer } from './server-address.ts';

/** Whom a command asks, and by what it is known there. */
export interface ServerOptions {
  readonly server: string;
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

/**
 * A client of the server that options name.
 * @param destination as which it asks where there are no certificates; undefined: as someone on the box
 * @throws UsageError, CaissonError `trust-unusable`
 */
export function openClient({ server, identity }: ServerOptions, destination?: string): TelemetryClient {
  const address = parseServer(server);
  if (identity === undefined) return new TelemetryClient(address, destination === undefined ? {} : { destination });
  const credentials = IdentityFolder.open(identity, (text) => process.stderr.write(`${text}\n`));
  return secureClient(address, credentials, { roles: ['gateway', 'central'] });
}
