import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import type { Authority } from '../../../sync/trust/authority.ts';
import type { Identity } from '../../../sync/trust/identity.ts';
import type { PeerName } from '../../../sync/trust/peer-name.ts';
import { peerOf } from '../../../sync/trust/verify-peer.ts';

/** An identity like that of who enrolled, in memory, which does not change. */
export function issuedIdentity(authority: Authority, peer: PeerName): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certificate = new X509Certificate(authority.issueTo(peer, ['127.0.0.1'], publicKey).certificate);
  const own = peerOf(certificate);
  if (own === undefined) throw new Error(`the certificate of ${peer.name} does not say whom it is of`);
  const key = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const credentials = { own, key, certificate, authority: authority.certificate, revoked: authority.revoked };
  return { credentials, onChange: () => () => {} };
}
