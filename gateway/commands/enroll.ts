import process from 'node:process';
import { text as textOf } from 'node:stream/consumers';
import type { Command } from 'commander';
import { formatAddress } from '../../sync/api/address.ts';
import { hasIdentity, IdentityFolder, keepIdentity, makeIdentityFolder } from '../../sync/trust/identity-folder.ts';
import { peerText } from '../../sync/trust/peer-name.ts';
import { parseToken, type Token } from '../../sync/trust/token.ts';
import { enroll } from '../../sync/trust/trust-client.ts';
import { dateText } from '../../sync/trust/verify-peer.ts';
import { CaissonError } from '../errors.ts';
import { conclude, Output } from './outcome.ts';

interface Options {
  readonly identity: string;
  readonly json?: boolean;
}

export function registerEnroll(program: Command): void {
  program
    .command('enroll')
    .argument('[token]', 'the token; without it, or with -, it is read from stdin')
    .option('--identity <dir>', 'folder to keep key and certificate in, as `grpc.identity` has it', 'identity')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  caisson enroll caisson1.WyJnYXRld2F5Ii... --identity /etc/caisson/identity
  caisson enroll - < /media/usb/token.txt

The key is made here and does not leave. The certificate is renewed by itself while the gateway runs and central can be dialled.`,
    )
    .action((token: string | undefined, options: Options) => conclude(() => run(token, options)));
}

async function run(argument: string | undefined, { identity: dir, json }: Options): Promise<void> {
  const token = parseToken(argument === undefined || argument === '-' ? await textOf(process.stdin) : argument);
  refuseAnother(dir, token);
  if (Date.now() < token.madeMs) {
    process.stderr.write(
      `the clock of this machine says ${dateText(Date.now())}, but the token was made ${dateText(token.madeMs)}: set the clock\n`,
    );
  }
  makeIdentityFolder(dir);
  const { issued, key } = await enroll(token);
  keepIdentity(dir, issued, { key, central: token.central });
  const identity = IdentityFolder.open(dir);
  const { own } = identity.credentials;
  identity.close();
  const { role, name, expiresMs: expires } = own;
  const central = formatAddress(token.central);
  const said = `${peerText(own)} is enrolled at ${central} until ${dateText(expires)}; its identity is in ${dir}`;
  await new Output().write(`${json === true ? JSON.stringify({ role, name, central, expires, dir }) : said}\n`);
}

/** One folder is one identity: that of another is not written over. */
function refuseAnother(dir: string, { peer }: Token): void {
  if (!hasIdentity(dir)) return;
  const identity = IdentityFolder.open(dir);
  const { own } = identity.credentials;
  identity.close();
  if (own.role === peer.role && own.name === peer.name) return;
  throw new CaissonError(
    'trust-unusable',
    `${dir} has the identity of ${peerText(own)}, the token is for ${peerText(peer)}`,
    {
      hint: '--identity names another folder',
    },
  );
}
