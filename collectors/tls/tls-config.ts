import { type Static, Type } from '@sinclair/typebox';

/** What is older is broken, and not spoken. */
export const MIN_TLS_VERSION = 'TLSv1.2';

const CertificateFile = Type.String({
  minLength: 1,
  'x-path': true,
  description: 'file with the certificate, and those between it and its authority behind it, as PEM',
  examples: ['tls/gateway.crt'],
});

const KeyFile = Type.String({
  minLength: 1,
  'x-path': true,
  description: 'file with its private key, as PEM without a passphrase',
  examples: ['tls/gateway.key'],
});

/** Section `tls` of a port that is listened on. */
export const ServerTls = Type.Object(
  { cert: CertificateFile, key: KeyFile },
  { additionalProperties: false, description: 'TLS 1.2 and 1.3 on the port; without it, what comes is read as it is' },
);

/** As {@link ServerTls}, where clients may have certificates. */
export const ServerTlsWithClients = Type.Object(
  {
    cert: CertificateFile,
    key: KeyFile,
    clientCa: Type.Optional(
      Type.String({
        minLength: 1,
        'x-path': true,
        description: 'file with the authorities of client certificates, as PEM; whoever has one needs no password',
        examples: ['tls/clients-ca.crt'],
      }),
    ),
    clients: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        description: 'common names of the certificates that may connect; empty: every one of those authorities',
      }),
    ),
  },
  { additionalProperties: false, description: 'TLS 1.2 and 1.3 on the port; without it, what comes is read as it is' },
);

/** Section `tls` of a connection that is made. */
export const ClientTls = Type.Object(
  {
    ca: Type.Optional(
      Type.String({
        minLength: 1,
        'x-path': true,
        description:
          'file with the authorities that the peer may have its certificate of, as PEM; without it, those that Node.js knows',
        examples: ['tls/plant-ca.crt'],
      }),
    ),
    cert: Type.Optional(CertificateFile),
    key: Type.Optional(KeyFile),
    serverName: Type.Optional(
      Type.String({ minLength: 1, description: 'name that the certificate must be for, where it is not `host`' }),
    ),
  },
  { additionalProperties: false, description: 'TLS 1.2 and 1.3; `{}` for it with what has a default' },
);

export type ServerTls = Static<typeof ServerTls>;
export type ServerTlsWithClients = Static<typeof ServerTlsWithClients>;
export type ClientTls = Static<typeof ClientTls>;
