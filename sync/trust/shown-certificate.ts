import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/**
 * The certificate that the other end showed. `getPeerX509Certificate` of Node 20 takes it out of the chain when it is asked at
 * a client: the next call would give that of the authority.
 */
export function shownCertificate(socket: TLSSocket): X509Certificate | undefined {
  // Without a certificate it is an empty object, after the end null.
  const shown: Partial<ReturnType<TLSSocket['getPeerCertificate']>> | null = socket.getPeerCertificate();
  return shown?.raw === undefined ? undefined : new X509Certificate(shown.raw);
}
