import { generateKeyPairSync, type X509Certificate } from 'node:crypto';
import t from 'tap';
import type { CaissonError } from '../../../gateway/errors.ts';
import { issueCertificate, makeAuthority, type Signer } from '../../../sync/trust/certificate.ts';
import { type Judgement, requireExpected, verifyPeer } from '../../../sync/trust/verify-peer.ts';

const NOW = Date.UTC(2026, 5, 1, 12);
const DAY_MS = 86_400_000;

function signer(): Signer {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const life = { nowMs: NOW - 100 * DAY_MS, lifeMs: 1000 * DAY_MS };
  return { key, certificate: makeAuthority({ name: 'A', key, publicKey, serial: Buffer.from([1]), ...life }) };
}

function certificateOf(by: Signer, nowMs = NOW): X509Certificate {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const peer = { role: 'gateway', name: 'car7' } as const;
  return issueCertificate(by, { peer, hosts: [], publicKey, serial: Buffer.from([0x4a]), nowMs, lifeMs: 10 * DAY_MS });
}

const ours = signer();
const good = certificateOf(ours);
const usual: Judgement = { authority: ours.certificate, revoked: new Set(), nowMs: NOW, floorMs: NOW - DAY_MS };

const REFUSED: readonly {
  readonly what: string;
  readonly certificate?: X509Certificate | undefined;
  readonly judgement?: Partial<Judgement>;
  readonly says: RegExp;
  readonly hint: RegExp;
  /** It is not to be tried again. */
  readonly isForGood?: boolean;
}[] = [
  { what: 'no certificate', certificate: undefined, says: /no certificate/, hint: /caisson enroll/ },
  {
    what: 'of another authority of the same name',
    certificate: certificateOf(signer()),
    says: /another authority than/,
    hint: /same central/,
  },
  {
    what: 'of the authority itself',
    certificate: ours.certificate,
    says: /of no gateway, central or reader/,
    hint: /^$/,
  },
  {
    what: 'revoked',
    judgement: { revoked: new Set(['4A']) },
    says: /gateway car7 was revoked/,
    isForGood: true,
    hint: /caisson invite car7/,
  },
  {
    what: 'expired',
    judgement: { nowMs: NOW + 11 * DAY_MS },
    says: /expired 2026-06-11 12:00:00, the clock here says 2026-06-12/,
    hint: /invite and enrol it again; otherwise set the clock/,
  },
  {
    what: 'expired for certain, whatever the clock says',
    judgement: { nowMs: 0, floorMs: NOW + 10 * DAY_MS },
    says: /expired .* says 1970-01-01/,
    hint: /set the clock/,
  },
  {
    what: 'not valid yet by a clock that may be right',
    judgement: { nowMs: NOW - 0.5 * DAY_MS },
    says: /valid from 2026-06-01 11:00:00, the clock here says 2026-06-01 00/,
    hint: /set the clock/,
  },
];

t.test('distrusts, and says why and what to do', async (t) => {
  for (const { what, judgement, says, hint, isForGood = false, ...rest } of REFUSED) {
    const certificate = 'certificate' in rest ? rest.certificate : good;
    try {
      verifyPeer(certificate, { ...usual, ...judgement });
      t.fail(`${what}: trusted`);
    } catch (error) {
      const { code, message, hint: said = '', retryable } = error as CaissonError;
      t.match(
        { code, message, said, retryable },
        { code: 'peer-untrusted', message: says, said: hint, retryable: !isForGood },
        what,
      );
    }
  }
});

t.test('trusts a certificate of its authority while it is good', async (t) => {
  const peer = { role: 'gateway', name: 'car7', serial: '4A', expiresMs: NOW + 10 * DAY_MS };
  t.same(verifyPeer(good, usual), peer);
  t.same(verifyPeer(good, { ...usual, nowMs: peer.expiresMs - 1 }), peer, 'to the last moment');
  t.same(verifyPeer(good, { ...usual, nowMs: 0 }), peer, 'a clock in 1970 is known to be wrong');
});

t.test('somebody else than expected is refused, by role and by name', async (t) => {
  const peer = verifyPeer(good, usual);
  requireExpected(peer, { roles: ['central', 'gateway'] });
  requireExpected(peer, { roles: ['gateway'], name: 'car7' });
  t.throws(() => requireExpected(peer, { roles: ['central'] }), { message: /it is gateway car7, expected a central/ });
  t.throws(() => requireExpected(peer, { roles: ['gateway'], name: 'car8' }), { message: /expected gateway car8/ });
});
