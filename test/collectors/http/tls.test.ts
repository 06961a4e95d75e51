import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { requireTools } from '../../debian.ts';
import { waitFor } from '../../wait-for.ts';
import { Certificates } from '../tls/certificates.ts';
import { runServer } from './running-server.ts';

t.test('takes lines over TLS, and nothing that is not', async (t) => {
  if (!requireTools(t, 'openssl', 'curl')) return;
  const made = new Certificates(t);
  const { collector, intake, url, send } = await runServer(t, { tls: made.issue('gateway') });
  const secure = url.replace('http:', 'https:');
  const curl = spawn('curl', ['-s', '--cacert', made.ca.cert, `${secure}/write`, '--data-binary', 'tank level=3.5']);
  const [code] = await once(curl, 'close');
  t.equal(code, 0);
  t.same(intake.values('tank/level'), [3.5]);
  await t.rejects(send('/write', 'tank level=4'));
  await waitFor('counted', () => collector.health().errors['http-tls'] === 1);
  t.same(intake.values('tank/level'), [3.5]);
});

t.test('a certificate that cannot serve is a state in health', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const { collector } = await runServer(t, { tls: made.issue('gateway', { days: -1 }) });
  t.match(collector.health(), { state: 'waiting', problem: /gateway\.crt holds a certificate that expired/ });
});
