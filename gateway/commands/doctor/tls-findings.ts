import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readTlsFiles, type TlsFiles } from '../../../collectors/tls/pem-files.ts';
import { messageOf } from '../../errors.ts';
import type { SourceConfig } from '../source-kinds.ts';
import { type Examined, type Finding, found, together, well } from './finding.ts';

export const DAY_MS = 86_400_000;

/** A certificate that is valid for less is to be renewed now. */
export const EXPIRY_SOON_MS = 14 * DAY_MS;

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The TLS section of a source, whichever kind it is. */
interface TlsSection extends TlsFiles {
  readonly clientCa?: string;
}

/** What the certificates and keys that sources name are found to be. @param nowMs UTC, milliseconds */
export function tlsFindings(sources: Readonly<Record<string, SourceConfig>>, nowMs: number): Examined {
  return together(
    Object.entries(sources).flatMap(([name, source]) => {
      const tls = 'tls' in source ? (source.tls as TlsSection | undefined) : undefined;
      return tls === undefined ? [] : [ofSource(name, tls, source.type !== 'mqtt-client', nowMs)];
    }),
  );
}

/** @param isServer clients come to it, and ask for it by name */
function ofSource(source: string, tls: TlsSection, isServer: boolean, nowMs: number): Examined {
  const about = `source ${source}, TLS`;
  const path = ['sources', source, 'tls'];
  const authorities = tls.ca ?? tls.clientCa;
  try {
    readTlsFiles({ cert: tls.cert, key: tls.key, ca: authorities }, nowMs);
  } catch (error) {
    return found(unusable(about, path, messageOf(error)));
  }
  const files = [tls.cert, authorities].filter((file) => file !== undefined);
  const parts = files.map((file) => ofFile(about, file, file === tls.cert, nowMs));
  const names = isServer && tls.cert !== undefined ? [nameFindings(about, tls.cert)] : [];
  return together([...parts, ...names]);
}

/** @param isOwn it is shown to peers, so that its chain matters */
function ofFile(about: string, file: string, isOwn: boolean, nowMs: number): Examined {
  const chain = certificatesOf(file);
  const soonest = Math.min(...chain.map(({ validTo }) => Date.parse(validTo)));
  const latestFrom = Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom)));
  const findings: Finding[] = [];
  if (soonest - nowMs < EXPIRY_SOON_MS) findings.push(expiring(about, file, soonest, nowMs));
  if (latestFrom > nowMs) findings.push(notYet(about, file, latestFrom));
  if (isOwn) findings.push(...chainFindings(about, file, chain));
  if (findings.length > 0) return found(...findings);
  const [first] = chain;
  const names = isOwn && first?.subjectAltName !== undefined ? `, for ${first.subjectAltName}` : '';
  return well(about, `${file} is valid for ${Math.floor((soonest - nowMs) / DAY_MS)} days${names}`);
}

function unusable(about: string, path: readonly string[], problem: string): Finding {
  const key = /key/.test(problem) ? 'key' : /authority/.test(problem) ? 'ca' : 'cert';
  return {
    code: 'tls-unusable',
    severity: 'broken',
    about,
    seen: problem,
    means: 'the source cannot open its connection or port',
    mend: { path: [...path, key], config: `${key}: FILE   # PEM that can be used` },
  };
}

function expiring(about: string, file: string, validTo: number, nowMs: number): Finding {
  return {
    code: 'certificate-expires',
    severity: 'risk',
    about,
    seen: `${file} is valid for ${Math.max(0, Math.floor((validTo - nowMs) / DAY_MS))} more days`,
    means: 'connections are refused after that; a new file counts as soon as it is there',
    mend: { command: `openssl x509 -enddate -noout -in ${file}` },
  };
}

function notYet(about: string, file: string, validFrom: number): Finding {
  return {
    code: 'certificate-not-yet-valid',
    severity: 'broken',
    about,
    seen: `${file} is valid from ${new Date(validFrom).toISOString()}`,
    means: 'peers refuse it until then, or the clock of this box is wrong',
    mend: { command: 'timedatectl' },
  };
}

/** Whether each certificate of a file is vouched for by the one behind it. */
function chainFindings(about: string, file: string, chain: readonly X509Certificate[]): Finding[] {
  const broken = chain.findIndex((one, index) => {
    const next = chain[index + 1];
    return next !== undefined && !(one.checkIssued(next) && one.verify(next.publicKey));
  });
  if (broken >= 0) {
    return [
      {
        code: 'certificate-chain',
        severity: 'broken',
        about,
        seen: `${file}: number ${broken + 2} is not the authority of number ${broken + 1}`,
        means: 'peers that know only the authority at the end cannot verify it',
        mend: { byHand: 'put the certificate first, and behind it, in order, those between it and its authority' },
      },
    ];
  }
  return [];
}

/** Whether the certificate of a server names it. */
function nameFindings(about: string, file: string): Examined {
  const [first] = certificatesOf(file);
  if (first?.subjectAltName !== undefined) return found();
  return found({
    code: 'certificate-nameless',
    severity: 'risk',
    about,
    seen: `${file} has a common name and no other`,
    means: 'clients that verify it refuse it',
    mend: { byHand: 'have it made anew with the names and addresses of this box (subjectAltName)' },
  });
}

function certificatesOf(file: string): X509Certificate[] {
  return [...readFileSync(file, 'utf8').matchAll(PEM_CERTIFICATE)].map(([pem]) => new X509Certificate(pem));
}
