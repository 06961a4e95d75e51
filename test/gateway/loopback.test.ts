import t from 'tap';
import { isLoopback } from '../../gateway/loopback.ts';

const loopback = ['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost', 'LocalHost'];
const wider = [
  '0.0.0.0',
  '::',
  '192.168.1.2',
  '128.0.0.1',
  '127.example.org',
  '127.0.0.1.example.org',
  '127.0.0.256',
  '127',
  '',
];

for (const host of loopback) t.ok(isLoopback(host), `only this machine reaches '${host}'`);
for (const host of wider) t.notOk(isLoopback(host), `'${host}' is not known to be this machine`);
