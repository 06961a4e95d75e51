import type { Test } from 'tap';
import type { MqttClientConfig } from '../../../../collectors/mqtt/client/client-config.ts';
import { MqttClientCollector } from '../../../../collectors/mqtt/client/mqtt-client-collector.ts';
import { waitFor } from '../../../wait-for.ts';
import { FakeClock, FakeIntake } from '../fake-intake.ts';

export interface RunningClient {
  readonly collector: MqttClientCollector;
  readonly intake: FakeIntake;
  readonly clock: FakeClock;
}

export type PartOfConfig = Partial<MqttClientConfig> & { readonly port: number };

/** A client of a broker on loopback that asks for everything and ends with the test. */
export async function startClient(t: Test, config: PartOfConfig, intake = new FakeIntake()): Promise<RunningClient> {
  const clock = new FakeClock();
  const asked = config.sparkplug === undefined && config.topics === undefined ? { subscribe: ['#'] } : {};
  const whole = { host: '127.0.0.1', clientId: 'caisson', ...asked, ...config };
  const collector = new MqttClientCollector(whole, { source: 'plant', intake, clock });
  await collector.start();
  t.teardown(async () => {
    intake.commit();
    await collector.stop();
  });
  return { collector, intake, clock };
}

/** As {@link startClient}; resolves when the client has subscribed. */
export async function runClient(t: Test, config: PartOfConfig, intake = new FakeIntake()): Promise<RunningClient> {
  const connections = () => intake.values('plant/state').filter((state) => state === 'online').length;
  const before = connections();
  const client = await startClient(t, config, intake);
  await waitFor('subscribed', () => connections() > before);
  return client;
}
