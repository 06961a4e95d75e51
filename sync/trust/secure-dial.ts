import { createHash, X509Certificate } from 'node:crypto';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { handshakeFault } from '../../gateway/tls-fault.ts';
import { type Address, formatAddress } from '../api/address.ts';
import { type Identity, judgementOf, MIN_TLS_VERSION, secureContextOf } from './identity.ts';
import { shownCertificate } from './shown-certificate.ts';
import { dialTls } from './tls-over-tcp.ts';
import { type Expected, type Judgement, type Peer, requireExpected, verifyPeer } from './verify-peer.ts';

/** What is spoken after the handshake, as ALPN names it: gRPC, or a line that is handed over. */
export const GRPC_PROTOCOL = 'h2';
export const LINE_PROTOCOL = 'caisson-line';

/** How long connecting and the handshake may take, milliseconds. */
const DIAL_MS = 10_000;

/** What OpenSSL may object to where {@link verifyPeer} knows better: times. */
const JUDGED_HERE: ReadonlySet<string> = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);

export interface DialOptions {
  /** Who dials; or, before there is an identity, what the authority of the other end is known by. */
  readonly as: Identity | Introduction;
  readonly expected: Expected;
  readonly protocol?: typeof GRPC_PROTOCOL | typeof LINE_PROTOCOL;
  readonly signal?: AbortSignal;
  /** UTC, milliseconds. */
  readonly now?: () => number;
}

/** What a token tells of whom to trust. */
export interface Introduction {
  /** SHA-256 of the authority's certificate. */
  readonly fingerprint: Buffer;
  /** UTC that has passed for certain, milliseconds. */
  readonly floorMs: number;
}

/** A connection to a peer that was checked. */
export interface SecureConnection {
  readonly socket: TLSSocket;
  /** The connection of TCP below it: what counts bytes counts those. */
  readonly raw: Socket;
  readonly peer: Peer;
}

/**
 * Connects and shakes hands. Both ends prove who they are; what this end thinks of the other is known when it resolves, what the
 * other thinks of this one it says in answer to the first call.
 *
 * @throws CaissonError `central-unreachable`, `peer-untrusted`
 */
export async function dialSecure(address: Address, options: DialOptions): Promise<SecureConnection> {
  const { as, expected, protocol = GRPC_PROTOCOL, signal, now = Date.now } = options;
  const isKnown = 'credentials' in as;
  const where = formatAddress(address);
  const raw = connectPlain({ host: address.host, port: address.port, noDelay: true });
  const socket = dialTls(raw, {
    ...(isKnown ? { secureContext: secureContextOf(as.credentials) } : { minVersion: MIN_TLS_VERSION }),
    ...(isIP(address.host) === 0 && { servername: address.host }),
    ALPNProtocols: [protocol],
    // Who it is decides, not what it is called in some network: verifyPeer judges.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  try {
    await shaken(socket, where, signal);
    const judgement = isKnown ? judgementOf(as.credentials, now()) : introduced(socket, as, now());
    const certificate = shownCertificate(socket);
    const peer = verifyPeer(certificate, judgement);
    // The same chain once more, by those who have checked chains for longer.
    const objection = socket.authorized ? undefined : String(socket.authorizationError);
    if (isKnown && objection !== undefined && !JUDGED_HERE.has(objection)) {
      throw new CaissonError('peer-untrusted', `OpenSSL says ${objection}`, { retryable: true });
    }
    requireExpected(peer, expected);
    return { socket, raw, peer };
  } catch (error) {
    socket.destroy();
    if (!(error instanceof CaissonError) || error.code !== 'peer-untrusted') throw error;
    throw new CaissonError('peer-untrusted', `${where} is not trusted here: ${error.message}`, {
      cause: error,
      retryable: error.retryable,
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  }
}

function introduced(socket: TLSSocket, { fingerprint, floorMs }: Introduction, nowMs: number): Judgement {
  const authority = authorityShown(socket, fingerprint);
  if (authority === undefined) {
    throw new CaissonError('peer-untrusted', 'its authority is not the one that made the token', {
      hint: 'check the address in the token, and that nobody stands between',
    });
  }
  return { authority, revoked: new Set(), nowMs, floorMs };
}

function authorityShown(socket: TLSSocket, fingerprint: Buffer): X509Certificate | undefined {
  let shown: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  for (let step = 0; step < 4 && shown?.raw !== undefined; step += 1) {
    if (createHash('sha256').update(shown.raw).digest().equals(fingerprint)) return new X509Certificate(shown.raw);
    if (shown.issuerCertificate === shown) return undefined;
    shown = shown.issuerCertificate;
  }
  return undefined;
}

function shaken(socket: TLSSocket, where: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (problem: string, cause?: unknown) => {
      end();
      const hint = `is central, or a gateway, listening at ${where} with certificates?`;
      reject(new CaissonError('central-unreachable', `${where}: ${problem}`, { cause, hint, retryable: true }));
    };
    const onError = (error: Error) => fail(handshakeFault(error) ?? messageOf(error), error);
    const onClose = () => fail('the connection was closed during the handshake');
    const onAbort = () => fail('broken off');
    const timer = setTimeout(() => fail(`no answer in ${DIAL_MS / 1e3} s`), DIAL_MS);
    const end = () => {
      clearTimeout(timer);
      socket.off('error', onError);
      socket.off('close', onClose);
      signal?.removeEventListener('abort', onAbort);
      // What comes later, its owner sees at `close`.
      socket.on('error', () => {});
    };
    socket.once('error', onError);
    socket.once('close', onClose);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    socket.once('secureConnect', () => {
      end();
      resolve();
    });
  });
}
