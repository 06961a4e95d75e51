import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { readTlsFiles, versionOf } from '../../../collectors/tls/pem-files.ts';
import { requireTools } from '../../debian.ts';
import { Certificates } from './certificates.ts';

t.test('what no peer would take is refused, and its file named', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const good = made.issue('good');
  const expired = made.issue('expired', { days: -1 });
  const empty = made.path('empty.crt');
  writeFileSync(empty, 'no certificate\n');
  const broken = made.path('broken.crt');
  writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const now = Date.now();
  t.same(readTlsFiles({ ...good, ca: made.ca.cert }, now), {
    cert: readFileSync(good.cert, 'utf8'),
    key: readFileSync(good.key, 'utf8'),
    ca: readFileSync(made.ca.cert, 'utf8'),
  });
  t.same(readTlsFiles({}, now), {});
  const cases: [files: Parameters<typeof readTlsFiles>[0], message: RegExp][] = [
    [{ ...good, cert: made.path('missing.crt') }, /missing\.crt cannot be read: ENOENT/],
    [expired, /expired\.crt holds a certificate that expired /],
    [{ ...good, cert: empty }, /empty\.crt holds no certificate/],
    [{ ...good, cert: broken }, /broken\.crt holds as number 1 what is no certificate/],
    [
      { cert: good.cert, key: expired.key },
      /expired\.key holds the key of another certificate than that of .*good\.crt/,
    ],
    [{ cert: good.cert, key: good.cert }, /good\.crt holds no private key that can be used/],
    [{ ca: empty }, /empty\.crt holds no certificate/],
    [{ ca: expired.cert }, /expired\.crt holds an authority that expired/],
  ];
  for (const [files, message] of cases) {
    t.throws(() => readTlsFiles(files, now), { code: 'tls-unusable', message, retryable: true });
  }
  t.doesNotThrow(() => readTlsFiles(expired, 0), 'for a clock that was never set nothing has expired');
});

t.test('files that are others than they were have another version', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const files = { cert: made.path('x.crt'), key: made.ca.key };
  const missing = versionOf(files);
  copyFileSync(made.ca.cert, files.cert);
  const there = versionOf(files);
  t.not(there, missing);
  t.equal(versionOf(files), there);
});
