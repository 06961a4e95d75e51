import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { issueCertificate, makeAuthority, type Signer } from '../../../sync/trust/certificate.ts';
import { makeCertificateRequest, readCertificateRequest } from '../../../sync/trust/certificate-request.ts';
import { DER, DerReader, der, integer, integerHex, oid, time } from '../../../sync/trust/der.ts';
import type { PeerRole } from '../../../sync/trust/peer-name.ts';
import { makeRevocationList, readRevocationList } from '../../../sync/trust/revocation-list.ts';
import { peerOf } from '../../../sync/trust/verify-peer.ts';
import { folderOf } from './trusted.ts';

const DAY_MS = 86_400_000;
const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

function authority(name = 'Test authority'): Signer {
  const { privateKey, publicKey } = keyPair();
  const life = { nowMs: Date.now(), lifeMs: 100 * DAY_MS };
  return {
    key: privateKey,
    certificate: makeAuthority({ name, key: privateKey, publicKey, serial: Buffer.from([1]), ...life }),
  };
}

function issue(signer: Signer, role: PeerRole, name: string, hosts: readonly string[] = [], serial = [0x41, 2]) {
  const { publicKey } = keyPair();
  const life = { nowMs: Date.now(), lifeMs: 10 * DAY_MS };
  return issueCertificate(signer, { peer: { role, name }, hosts, publicKey, serial: Buffer.from(serial), ...life });
}

/** What openssl says, stdout and stderr; its failure as text. */
function openssl(...args: readonly string[]): string {
  try {
    return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    return `failed: ${stdout}${stderr}`;
  }
}

t.test('openssl takes the certificates for what they are', async (t) => {
  const dir = folderOf(t);
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  const signer = authority();
  const ca = file('ca.pem', signer.certificate.toString());
  const hosts = ['box.example', '10.1.2.3', 'fd00::12:0', '::1'];
  const leaf = issue(signer, 'gateway', 'car7', hosts);
  const leafFile = file('leaf.pem', leaf.toString());
  for (const purpose of ['sslserver', 'sslclient']) {
    t.match(openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, leafFile), /leaf\.pem: OK/, purpose);
  }
  t.match(openssl('verify', '-CAfile', ca, '-verify_ip', '10.1.2.3', leafFile), /OK/);
  t.match(openssl('verify', '-CAfile', ca, '-verify_hostname', 'box.example', leafFile), /OK/);
  t.match(
    openssl('verify', '-CAfile', ca, '-verify_hostname', 'other.example', leafFile),
    /failed:.*hostname mismatch/s,
  );
  const text = openssl('x509', '-in', leafFile, '-noout', '-text');
  t.match(text, /URI:caisson:\/\/gateway\/car7, DNS:box.example, IP Address:10.1.2.3/);
  t.match(text, /IP Address:FD00:0:0:0:0:0:12:0, IP Address:0:0:0:0:0:0:0:1/);
  const other = file('other.pem', authority().certificate.toString());
  t.match(openssl('verify', '-CAfile', other, leafFile), /failed:/, 'an authority of the same name with another key');
  const below = issueCertificate(
    { certificate: leaf, key: keyPair().privateKey },
    {
      ...{ peer: { role: 'gateway', name: 'x' }, hosts: [], publicKey: keyPair().publicKey, serial: Buffer.from([3]) },
      ...{ nowMs: Date.now(), lifeMs: DAY_MS },
    },
  );
  const chain = ['-CAfile', ca, '-untrusted', leafFile, file('below.pem', below.toString())];
  t.match(openssl('verify', ...chain), /failed:/, 'a gateway vouches for nobody');
});

t.test('openssl refuses what a revocation list names', async (t) => {
  const dir = folderOf(t);
  const signer = authority();
  const [ca, list] = [join(dir, 'ca.pem'), join(dir, 'list.crl')];
  writeFileSync(ca, signer.certificate.toString());
  const certificates = [[0x41], [0x42, 0x00], [0x7f, 0xff]].map((serial, i) => {
    const certificate = issue(signer, 'reader', `r${i}`, [], serial);
    writeFileSync(join(dir, `${i}.pem`), certificate.toString());
    return certificate;
  });
  for (const names of [[], [1], [0, 2]]) {
    const revoked = names.map((i) => ({ serial: certificates[i]?.serialNumber ?? '', atMs: Date.now() }));
    const bytes = makeRevocationList(signer, { number: 300 + names.length, revoked, nowMs: Date.now() });
    writeFileSync(list, bytes);
    t.match(openssl('crl', '-in', list, '-inform', 'DER', '-noout', '-text'), /X509v3 CRL Number/);
    const pem = join(dir, 'list.pem');
    openssl('crl', '-in', list, '-inform', 'DER', '-out', pem);
    for (const i of certificates.keys()) {
      const said = openssl('verify', '-crl_check', '-CAfile', ca, '-CRLfile', pem, join(dir, `${i}.pem`));
      t.match(said, names.includes(i) ? /certificate revoked/ : /OK/, `${names} says of ${i}`);
    }
    const read = readRevocationList(bytes, signer.certificate);
    t.equal(read.number, 300 + names.length);
    t.same(
      [...read.serials],
      revoked.map(({ serial }) => serial),
    );
    t.throws(() => readRevocationList(bytes, authority().certificate), { code: 'peer-invalid' });
  }
});

t.test('a request is one that openssl makes, or takes', async (t) => {
  const dir = folderOf(t);
  const { privateKey, publicKey } = keyPair();
  const request = makeCertificateRequest('car7', privateKey);
  writeFileSync(join(dir, 'request.der'), request);
  t.match(
    openssl('req', '-in', join(dir, 'request.der'), '-inform', 'DER', '-noout', '-verify', '-subject'),
    /CN = car7/,
  );
  t.ok(readCertificateRequest(request).equals(publicKey));
  const [key, made] = [join(dir, 'key.pem'), join(dir, 'made.der')];
  const curve = (name: string) => ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${name}`, '-nodes', '-keyout', key];
  openssl('req', '-new', ...curve('prime256v1'), '-subj', '/CN=x/O=y', '-outform', 'DER', '-out', made);
  const { readFileSync } = await import('node:fs');
  t.ok(readCertificateRequest(readFileSync(made)));
  openssl('req', '-new', ...curve('secp384r1'), '-subj', '/CN=x', '-outform', 'DER', '-out', made);
  t.throws(() => readCertificateRequest(readFileSync(made)), { code: 'peer-invalid', message: /P-256/ });
});

t.test('a request that was changed anywhere, or cut, is refused', async (t) => {
  const request = makeCertificateRequest('car7', keyPair().privateKey);
  t.ok(readCertificateRequest(request));
  fc.assert(
    fc.property(fc.nat(request.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const other = Buffer.from(request);
      other[at] = (other[at] ?? 0) ^ change;
      try {
        readCertificateRequest(other);
        return false;
      } catch (error) {
        return (error as { code?: string }).code === 'peer-invalid';
      }
    }),
  );
  for (let length = 0; length < request.length; length += 1) {
    t.throws(() => readCertificateRequest(request.subarray(0, length)), { code: 'peer-invalid' });
  }
  t.throws(() => readCertificateRequest(Buffer.concat([request, Buffer.from([0])])), { code: 'peer-invalid' });
  t.throws(() => readCertificateRequest(Buffer.alloc(5000)), { code: 'peer-invalid', message: /4096/ });
});

t.test('whom a certificate is of is what its authority wrote, and one thing', async (t) => {
  const signer = authority();
  for (const role of ['gateway', 'central', 'reader'] as const) {
    t.match(peerOf(issue(signer, role, 'a.b-c_9')), { role, name: 'a.b-c_9', serial: '4102' });
  }
  t.equal(peerOf(signer.certificate), undefined);
});

t.test('integers, times and identifiers are the shortest DER', async (t) => {
  const cases: readonly (readonly [Buffer, string])[] = [
    [integer(0), '020100'],
    [integer(127), '02017f'],
    [integer(128), '02020080'],
    [integer(65_536), '0203010000'],
    [integer(Buffer.from([0, 0, 0x80])), '02020080'],
    [oid('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
    [time(Date.UTC(2049, 11, 31, 23, 59, 59)), `170d${Buffer.from('491231235959Z').toString('hex')}`],
    [time(Date.UTC(2050, 0, 1)), `180f${Buffer.from('20500101000000Z').toString('hex')}`],
    [der(DER.octetString, Buffer.alloc(200)).subarray(0, 4), '0481c800'],
  ];
  for (const [bytes, hex] of cases) t.equal(bytes.toString('hex'), hex);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (bytes) => {
      const least = Buffer.from(bytes)
        .toString('hex')
        .replace(/^(00)+(?=..)/, '')
        .toUpperCase();
      return integerHex(new DerReader(integer(bytes)).read(DER.integer)) === least;
    }),
  );
  for (const bad of ['0281', '02810100', '0280', '0285', '300502', '04820001ff']) {
    t.throws(() => new DerReader(Buffer.from(bad, 'hex')).read(Number.parseInt(bad.slice(0, 2), 16)), {
      code: 'peer-invalid',
    });
  }
});

t.test('what an authority outlives, it does not issue', async (t) => {
  const signer = authority();
  const { publicKey } = keyPair();
  const certificate = issueCertificate(signer, {
    ...{ peer: { role: 'gateway', name: 'x' }, hosts: [], publicKey, serial: Buffer.from([1]), nowMs: Date.now() },
    lifeMs: 1000 * DAY_MS,
  });
  t.equal(new X509Certificate(certificate.raw).validTo, signer.certificate.validTo);
});
