import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { freePort } from './free-port.ts';

/** So many that two would be the same by chance, nearly always. */
const PORTS = 300;

t.test('no port is handed out twice, and what is handed out can be listened on', async (t) => {
  const ports = new Set<number>();
  for (let i = 0; i < PORTS; i += 1) ports.add(await freePort());
  t.equal(ports.size, PORTS);
  const port = [...ports][0] ?? 0;
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.ok(server.listening);
  server.close();
});
