import { type Command, Option } from 'commander';
import { withRegister } from '../../sync/trust/authority.ts';
import { PEER_ROLES, peerText, requirePeerName } from '../../sync/trust/peer-name.ts';
import { counted } from '../quantity-text.ts';
import { conclude, Output } from './outcome.ts';

interface Options {
  readonly authority: string;
  readonly role: string;
  readonly json?: boolean;
}

export function registerRevoke(program: Command): void {
  program
    .command('revoke')
    .argument('<name>', 'whose: as it was invited')
    .requiredOption('--authority <dir>', 'folder of the authority, as `caisson central` has it')
    .addOption(new Option('--role <role>', 'what it is').choices(PEER_ROLES).default('gateway'))
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  caisson revoke car7 --authority ./authority
  caisson revoke anna --role reader --authority ./authority

A central that runs cuts its connections within a second; gateways that it has opened learn of it within five minutes.
A new invitation lets it enrol again.`,
    )
    .action((name: string, options: Options) => conclude(() => revoke(name, options)));
}

async function revoke(name: string, options: Options): Promise<void> {
  const peer = requirePeerName(options.role, name);
  const revoked = withRegister(options.authority, (register) => {
    register.requireKnown(peer);
    return register.revoke(peer, 'revoked', Date.now());
  });
  const certificates = counted(revoked, 'certificate');
  const said =
    revoked === 0 ? `${peerText(peer)} has none that is good` : `${certificates} of ${peerText(peer)} revoked`;
  await new Output().write(`${options.json === true ? JSON.stringify({ ...peer, revoked }) : said}\n`);
}
