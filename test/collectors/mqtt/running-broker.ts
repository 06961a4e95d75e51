import type { Test } from 'tap';
import type { MqttConfig } from '../../../collectors/mqtt/config.ts';
import { MqttCollector } from '../../../collectors/mqtt/mqtt-collector.ts';
import { FakeClock, FakeIntake } from './fake-intake.ts';

export interface RunningBroker {
  readonly collector: MqttCollector;
  readonly intake: FakeIntake;
  readonly clock: FakeClock;
  readonly port: number;
}

/** A broker on a free port of loopback that ends with the test. */
export async function runBroker(t: Test, config: MqttConfig = {}, intake = new FakeIntake()): Promise<RunningBroker> {
  const clock = new FakeClock();
  const collector = new MqttCollector({ port: 0, ...config }, { source: 'mqtt', intake, clock });
  await collector.start();
  t.teardown(async () => {
    intake.commit();
    await collector.stop();
  });
  return { collector, intake, clock, port: collector.port ?? 0 };
}
