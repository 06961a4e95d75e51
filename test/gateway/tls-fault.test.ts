import t from 'tap';
import { handshakeFault, opensslReason } from '../../gateway/tls-fault.ts';

const ROUTINES = 'SSL routines:ssl3_get_record';

t.test('what OpenSSL says is told in words, however Node.js hands it on', async (t) => {
  const inText = (reason: string) =>
    new Error(`write EPROTO 80CC0D:error:0A00010B:${ROUTINES}:${reason}:../ssl3_record.c:350:\n`);
  const asCode = (reason: string) => Object.assign(new Error('an error'), { code: `ERR_SSL_${reason}` });
  t.match(handshakeFault(inText('wrong version number')), /^it does not speak TLS on this port/);
  t.match(handshakeFault(asCode('WRONG_VERSION_NUMBER')), /^it does not speak TLS on this port/);
  t.match(handshakeFault(asCode('TLSV1_ALERT_PROTOCOL_VERSION')), /no version of TLS from 1\.2 on/);
  t.equal(handshakeFault(inText('bad signature')), 'the TLS handshake failed (bad signature)');
  t.equal(opensslReason(inText('sslv3 alert handshake failure')), 'SSLV3_ALERT_HANDSHAKE_FAILURE');
  t.equal(handshakeFault(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })), undefined);
});
