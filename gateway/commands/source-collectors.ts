import type { Collector, CollectorContext } from '../../collectors/collector.ts';
import type { SourceConfig } from './source-kinds.ts';

/** Makes the collector of one source. */
export type MakeCollector = (context: CollectorContext) => Collector;

/**
 * Loads what a source of this kind runs on, and nothing of the others: a box that only listens to CAN carries no code of
 * MQTT, and a box that comes back loads while its store recovers.
 */
export async function loadCollector(config: SourceConfig): Promise<MakeCollector> {
  switch (config.type) {
    case 'can': {
      const { createCanCollector } = await import('../../collectors/can/can-collector.ts');
      return (context) => createCanCollector(config, context);
    }
    case 'health': {
      const { createHealthCollector } = await import('../../collectors/health/health-collector.ts');
      return (context) => createHealthCollector(config, context);
    }
    case 'modbus': {
      const { createModbusCollector } = await import('../../collectors/modbus/modbus-collector.ts');
      return (context) => createModbusCollector(config, context);
    }
    case 'http': {
      const { createHttpCollector } = await import('../../collectors/http/http-collector.ts');
      return (context) => createHttpCollector(config, context);
    }
    case 'mqtt': {
      const { createMqttCollector } = await import('../../collectors/mqtt/mqtt-collector.ts');
      return (context) => createMqttCollector(config, context);
    }
    case 'mqtt-client': {
      const { createMqttClientCollector } = await import('../../collectors/mqtt/client/mqtt-client-collector.ts');
      return (context) => createMqttClientCollector(config, context);
    }
    case 'replay': {
      const { createReplayCollector } = await import('../../collectors/replay/replay-collector.ts');
      return (context) => createReplayCollector(config, context);
    }
    case 'serial': {
      const { createSerialCollector } = await import('../../collectors/serial/serial-collector.ts');
      return (context) => createSerialCollector(config, context);
    }
  }
}
