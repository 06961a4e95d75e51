import { type Command, Option } from 'commander';
import { inviteTo } from '../../sync/trust/authority.ts';
import { PEER_ROLES, requireHost, requirePeerName } from '../../sync/trust/peer-name.ts';
import { conclude, Output, UsageError } from './outcome.ts';
import { parseServer } from './server-address.ts';
import { parseDuration } from './time-text.ts';

/** Longest that an invitation may wait, milliseconds. */
const EXPIRES_MS_MAX = 30 * 86_400_000;

interface Options {
  readonly authority: string;
  readonly central: string;
  readonly role: string;
  readonly host?: readonly string[];
  readonly expires: string;
  readonly json?: boolean;
}

export function registerInvite(program: Command): void {
  program
    .command('invite')
    .argument('<name>', 'whom it is for: the id of a gateway, the name of a central or of a person')
    .requiredOption('--authority <dir>', 'folder of the authority, as `caisson central` has it')
    .requiredOption('--central <host:port>', 'where central is reached from there')
    .addOption(new Option('--role <role>', 'what it may be').choices(PEER_ROLES).default('gateway'))
    .option('--host <name...>', 'names and addresses by which it is dialled, for tools that check them')
    .option('--expires <duration>', 'how long the token is good', '24h')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  caisson invite car7 --authority ./authority --central central.example:7444
  caisson invite anna --role reader --authority ./authority --central central.example:7444 --expires 2h

The token lets in whoever has it first: give it to nobody else. It is printed once and kept nowhere.`,
    )
    .action((name: string, options: Options) => conclude(() => invite(name, options)));
}

async function invite(name: string, options: Options): Promise<void> {
  const lifeMs = parseDuration(options.expires) / 1e3;
  if (!(lifeMs > 0 && lifeMs <= EXPIRES_MS_MAX)) {
    throw new UsageError(`--expires is ${options.expires}, expected more than 0 and 30d at most`);
  }
  const peer = requirePeerName(options.role, name);
  const token = inviteTo(options.authority, {
    ...{ peer, lifeMs, nowMs: Date.now() },
    hosts: (options.host ?? []).map(requireHost),
    central: parseServer(options.central),
  });
  await new Output().write(`${options.json === true ? JSON.stringify({ ...peer, token }) : token}\n`);
}
