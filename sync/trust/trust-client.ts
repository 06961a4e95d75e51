import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { Client, credentials } from '@grpc/grpc-js';
import { CaissonError } from '../../gateway/errors.ts';
import { type Address, formatAddress } from '../api/address.ts';
import { loadProtos, serviceOf, TRUST_SERVICE } from '../api/descriptor.ts';
import { fromGrpcError } from '../api/grpc-status.ts';
import { SocketBridge } from '../api/socket-bridge.ts';
import type { Issued } from './authority.ts';
import { makeCertificateRequest } from './certificate-request.ts';
import { isRenewalDue } from './identity.ts';
import type { IdentityFolder } from './identity-folder.ts';
import { type DialOptions, dialSecure } from './secure-dial.ts';
import type { Token } from './token.ts';
import { peerOf, verifyPeer } from './verify-peer.ts';

/** Bytes of an answer: a revocation list and two certificates. */
const ANSWER_BYTES_MAX = 2 << 20;

/** How long an answer may take, milliseconds. */
const ANSWER_MS = 20_000;

/** How often a request is made whose answer was lost. */
const TRIES_MAX = 3;

/** What central issued to a key that was made here, and has not left. */
export interface NewIdentity {
  readonly issued: Issued;
  /** PEM. */
  readonly key: string;
}

/**
 * Makes a key, and gets a certificate for it with a token.
 * @param now UTC, milliseconds
 * @throws CaissonError `central-unreachable`, `peer-untrusted`, `invite-refused`
 */
export async function enroll(token: Token, now: () => number = Date.now): Promise<NewIdentity> {
  const { peer, central, fingerprint, secret, madeMs, expiresMs } = token;
  // A clock that is before the token was made cannot say when it expires; central can.
  if (now() >= expiresMs) {
    throw new CaissonError(
      'invite-refused',
      `the token expired ${new Date(expiresMs).toISOString()} by the clock here`,
      {
        hint: 'where that clock is right, ask for a new one: `caisson invite`',
      },
    );
  }
  const { key, request } = newKey(peer.name);
  const as = { fingerprint, floorMs: madeMs };
  const issued = await ask(central, { as, expected: { roles: ['central'] }, now }, 'Enroll', { secret, request });
  const authority = new X509Certificate(issued.authority);
  const certificate = new X509Certificate(issued.certificate);
  const isKnown = createHash('sha256').update(authority.raw).digest().equals(fingerprint);
  const own = verifyPeer(certificate, {
    ...{ authority, revoked: new Set<string>(), nowMs: now() },
    floorMs: Math.max(madeMs, Date.parse(certificate.validFrom)),
  });
  if (!isKnown || own.role !== peer.role || own.name !== peer.name) {
    throw new CaissonError('peer-invalid', `${formatAddress(central)} issued what the token does not say`);
  }
  return { issued, key };
}

/**
 * Asks central what was taken back, and for a new certificate where it is time, or `always`. Returns whether one came.
 * @throws CaissonError `central-unreachable`, `peer-untrusted`, `access-refused`
 */
export async function refresh(
  identity: IdentityFolder,
  now: () => number = Date.now,
  always = false,
): Promise<boolean> {
  const { own } = identity.credentials;
  const dial = { as: identity, expected: { roles: ['central'] }, now } as const;
  if (!always && !isRenewalDue(identity.credentials, now())) {
    const { revocations } = await ask(identity.central, dial, 'Refresh', { request: Buffer.alloc(0) });
    identity.keepRevocations(revocations);
    return false;
  }
  const { key, request } = newKey(own.name);
  const issued = await ask(identity.central, dial, 'Refresh', { request });
  const renewed = peerOf(new X509Certificate(issued.certificate));
  if (renewed?.role !== own.role || renewed.name !== own.name) {
    throw new CaissonError('peer-invalid', `${formatAddress(identity.central)} issued a certificate for somebody else`);
  }
  identity.renew(issued, key);
  return true;
}

function newKey(name: string): { key: string; request: Buffer } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { key, request: makeCertificateRequest(name, privateKey) };
}

/** One call over a connection of its own. The same request may go several times. */
async function ask(address: Address, dial: DialOptions, method: string, request: object): Promise<Issued> {
  for (let left = TRIES_MAX - 1; ; left -= 1) {
    try {
      return await askOnce(address, dial, method, request);
    } catch (error) {
      if (left === 0 || !(error instanceof CaissonError) || !error.retryable || error.code === 'peer-untrusted')
        throw error;
    }
  }
}

async function askOnce(address: Address, dial: DialOptions, method: string, request: object): Promise<Issued> {
  const definition = serviceOf(loadProtos(), TRUST_SERVICE)[method];
  if (definition === undefined) throw new Error(`no method ${method} in ${TRUST_SERVICE}`);
  const bridge = new SocketBridge(async () => (await dialSecure(address, dial)).socket);
  const client = new Client(bridge.target, credentials.createInsecure(), {
    'grpc.max_receive_message_length': ANSWER_BYTES_MAX,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
  });
  try {
    return await new Promise<Issued>((resolve, reject) => {
      client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize as (bytes: Buffer) => Issued,
        request,
        { deadline: Date.now() + ANSWER_MS },
        (error, answer) => {
          if (error === null && answer !== undefined) resolve(answer);
          else reject(bridge.failure ?? fromGrpcError(error, formatAddress(address)));
        },
      );
    });
  } finally {
    client.close();
    bridge.close();
  }
}
