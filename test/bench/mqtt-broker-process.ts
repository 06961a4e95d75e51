/*
 * A process that is a gateway's way from MQTT to the disk and nothing else: the broker on the main thread, the store on its own.
 * Started by `BrokerProcess`; ends, with everything on disk, when its parent disconnects.
 */
import process from 'node:process';
import { MqttCollector } from '../../collectors/mqtt/mqtt-collector.ts';
import { BenchStore } from './bench-store.ts';

async function serve(dir: string): Promise<void> {
  const store = new BenchStore(undefined, dir);
  await store.holdReserve();
  const host = await store.open();
  const context = { source: 'mqtt', intake: host.intake, clock: host.clockOf('mqtt') };
  const collector = new MqttCollector({ port: 0, limits: { inflightMax: 65_535 } }, context);
  await collector.start();
  process.once('disconnect', () => {
    void collector.stop().then(() => host.stop());
  });
  process.send?.(collector.port);
}

process.once('message', (dir: string) => void serve(dir));
