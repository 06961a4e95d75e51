import type { TLSSocket } from 'node:tls';

/** What the certificate of a client says: a common name, or why it says nothing; undefined where it has none. */
export type CertificateReading = { readonly name: string } | { readonly fault: string } | undefined;

/** Reads the certificate of a client whose handshake is done. */
export function readClientCertificate(socket: TLSSocket): CertificateReading {
  const { subject } = socket.getPeerCertificate();
  if (subject === undefined) return undefined;
  // One that names several names nobody.
  const name = typeof subject.CN === 'string' ? subject.CN : '';
  if (!socket.authorized) {
    // Declared as an error, and a code as text in truth.
    const reason: unknown = socket.authorizationError;
    return {
      fault: `certificate of ${JSON.stringify(name)}: ${reason instanceof Error ? reason.message : String(reason)}`,
    };
  }
  return name === '' ? { fault: 'certificate without a common name' } : { name };
}
