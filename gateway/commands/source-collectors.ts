import { createCanCollector } from '../../collectors/can/can-collector.ts';
import type { Collector, CollectorContext } from '../../collectors/collector.ts';
import { createHealthCollector } from '../../collectors/health/health-collector.ts';
import { createHttpCollector } from '../../collectors/http/http-collector.ts';
import { createModbusCollector } from '../../collectors/modbus/modbus-collector.ts';
import { createMqttClientCollector } from '../../collectors/mqtt/client/mqtt-client-collector.ts';
import { createMqttCollector } from '../../collectors/mqtt/mqtt-collector.ts';
import { createReplayCollector } from '../../collectors/replay/replay-collector.ts';
import { createSerialCollector } from '../../collectors/serial/serial-collector.ts';
import type { SourceConfig } from './source-kinds.ts';

/** The collector of a source of any kind. */
export function createCollector(config: SourceConfig, context: CollectorContext): Collector {
  switch (config.type) {
    case 'can':
      return createCanCollector(config, context);
    case 'health':
      return createHealthCollector(config, context);
    case 'modbus':
      return createModbusCollector(config, context);
    case 'http':
      return createHttpCollector(config, context);
    case 'mqtt':
      return createMqttCollector(config, context);
    case 'mqtt-client':
      return createMqttClientCollector(config, context);
    case 'replay':
      return createReplayCollector(config, context);
    case 'serial':
      return createSerialCollector(config, context);
  }
}
