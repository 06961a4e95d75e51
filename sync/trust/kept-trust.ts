import { CaissonError } from '../../gateway/errors.ts';
import { IdentityFolder } from './identity-folder.ts';
import { type PeerName, peerText } from './peer-name.ts';
import { RefreshLoop } from './refresh-loop.ts';

/** An identity of a folder that is kept fresh until it is closed. */
export interface KeptTrust {
  readonly identity: IdentityFolder;
  close(): Promise<void>;
}

/**
 * Opens the identity in a folder, which must be that of `wanted`, and keeps it fresh.
 * @throws CaissonError `trust-unusable`
 */
export function openKeptTrust(dir: string, wanted: PeerName, onProblem: (text: string) => void): KeptTrust {
  const identity = IdentityFolder.open(dir, onProblem);
  const { own } = identity.credentials;
  if (own.role !== wanted.role || own.name !== wanted.name) {
    identity.close();
    throw new CaissonError(
      'trust-unusable',
      `the identity in ${dir} is of ${peerText(own)}, this is ${peerText(wanted)}`,
      {
        hint: `\`caisson invite ${wanted.name} --role ${wanted.role}\` at central, then \`caisson enroll\` here`,
      },
    );
  }
  const loop = new RefreshLoop({ identity, onProblem });
  loop.start();
  return {
    identity,
    close: async () => {
      await loop.stop();
      identity.close();
    },
  };
}
