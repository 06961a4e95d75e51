import t from 'tap';
import { OFFENDERS_PER_REASON_MAX, Offenders } from '../../collectors/offenders.ts';

t.test('of each reason the place that it was met at most often is told, and how many others there are', async (t) => {
  const offenders = new Offenders();
  t.same(offenders.places(), {});
  offenders.add('number-invalid', 'tank/mode', 'fill is no number');
  offenders.add('number-invalid', 'tank/level', 'none is no number');
  offenders.add('number-invalid', 'tank/level', 'full is no number');
  offenders.add('tls', '', 'the new files hold no certificate');
  t.same(offenders.places(), {
    'number-invalid': 'tank/level: full is no number; and 1 more',
    tls: 'the new files hold no certificate',
  });
});

t.test('what comes from outside starts no line of its own', async (t) => {
  const offenders = new Offenders();
  offenders.add('credentials', 'client a\nsource gps: all is well', 'user "x\u001b[2J\u2028"');
  t.same(offenders.places(), { credentials: 'client a?source gps: all is well: user "x?[2J\u2028"' });
});

t.test('places beyond the maximum are not remembered, and cost nobody else the place', async (t) => {
  const offenders = new Offenders();
  for (let at = 0; at < 2 * OFFENDERS_PER_REASON_MAX; at += 1) offenders.add('json-invalid', `t/${at}`, 'no JSON');
  t.equal(offenders.list().length, OFFENDERS_PER_REASON_MAX);
  offenders.add('json-invalid', 't/3', 'no JSON');
  t.match(offenders.places(), { 'json-invalid': /^t\/3: no JSON; and 31 more$/ });
});
