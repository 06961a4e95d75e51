import { Buffer } from 'node:buffer';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { connectPacket, field, idBytes, packet, publishPacket, RawClient } from '../collectors/mqtt/raw-client.ts';
import { freePort } from '../free-port.ts';
import { waitFor } from '../wait-for.ts';
import { GatewayChild } from './gateway-child.ts';

const ROUNDS = 3;

const subscribe = (filter: string, qos: number) => packet(0x82, idBytes(1), field(filter), Buffer.of(qos));

/** Connects to a kept session; true when there was one. */
async function resume(port: number): Promise<{ client: RawClient; isPresent: boolean }> {
  const client = await RawClient.open(port);
  client.send(connectPacket('watcher', { clean: false }));
  await waitFor('CONNACK', () => client.packets.length > 0);
  return { client, isPresent: client.packets.shift()?.bytes.toString('hex') === '20020100' };
}

t.test('a gateway that is killed has its sessions, their messages and what is retained', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-killed-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const store = join(folder, 'store');
  const config = {
    store: { dir: store },
    dashboard: { port: 0 },
    grpc: { port: 0 },
    sources: { devices: { type: 'mqtt', port } },
  };
  /** True when the file of the broker's state has those words. */
  const isWritten = (words: string) => {
    try {
      return readFileSync(join(store, 'source-devices.state')).includes(words);
    } catch {
      return false;
    }
  };
  let gateway = await GatewayChild.start({ config, folder });
  t.teardown(() => gateway.kill());
  const first = await resume(port);
  first.client.send(subscribe('a/#', 1));
  await waitFor('SUBACK', () => first.client.packets.length === 1);
  await first.client.cut();

  for (let round = 1; round <= ROUNDS; round++) {
    const sender = await RawClient.connect(port, 'sender');
    const words = (what: string) => `${what} of round ${round}`;
    sender.send(
      publishPacket('r', words('last'), { qos: 1, id: 1, retain: true }),
      publishPacket('a/1', words('first'), { qos: 1, id: 2 }),
      publishPacket('a/1', words('second'), { qos: 2, id: 3 }),
    );
    await waitFor('acknowledged', () => sender.packets.length === 3);
    await waitFor('written', () => isWritten(words('second')) && isWritten(words('last')));
    await gateway.kill();
    gateway = await GatewayChild.start({ config, folder });

    const late = await RawClient.connect(port, 'late');
    late.send(subscribe('r', 0));
    await waitFor('retained', () => late.packets.length === 2);
    t.equal(late.packets[1]?.bytes.toString('latin1', 5), words('last'));
    const { client, isPresent } = await resume(port);
    t.ok(isPresent);
    await waitFor('what was held', () => client.packets.length >= 2);
    const met = client.packets.map(({ bytes }) => bytes.toString('latin1', 9));
    t.same(met, [words('first'), words('second')]);
    client.send(...client.packets.map(({ bytes }) => packet(0x40, bytes.subarray(7, 9))));
    client.packets.length = 0;
    client.send(packet(0xc0));
    await waitFor('PINGRESP', () => client.packets.length === 1);
    await client.cut();
  }
});
