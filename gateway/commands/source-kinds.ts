import { type TObject, type TSchema, Type } from '@sinclair/typebox';
import { CanConfig, canSettings, checkSettings } from '../../collectors/can/can-config.ts';
import { DeviceClockConfig } from '../../collectors/device-clock/device-clock-config.ts';
import { HealthConfig } from '../../collectors/health/health-config.ts';
import { HttpConfig, httpSettings } from '../../collectors/http/http-config.ts';
import { ChannelTemplate } from '../../collectors/line-protocol/channel-template.ts';
import { checkModbus, ModbusConfig, modbusSettings } from '../../collectors/modbus/modbus-config.ts';
import { checkMqtt } from '../../collectors/mqtt/check-mqtt.ts';
import { checkMqttClient, MqttClientConfig, mqttClientSettings } from '../../collectors/mqtt/client/client-config.ts';
import { MqttConfig, mqttSettings } from '../../collectors/mqtt/config.ts';
import { ReplayConfig } from '../../collectors/replay/replay-config.ts';
import { checkSerial, SerialConfig, serialSettings } from '../../collectors/serial/serial-config.ts';
import { ShapingConfig } from '../../collectors/shaping/shaping-config.ts';

/** Every kind of source: the word behind `type`, and the schema of the rest. */
export const SOURCE_KINDS = {
  can: CanConfig,
  health: HealthConfig,
  http: HttpConfig,
  modbus: ModbusConfig,
  mqtt: MqttConfig,
  'mqtt-client': MqttClientConfig,
  replay: ReplayConfig,
  serial: SerialConfig,
} as const;

/** Keys that a source of any kind may have. */
export const COMMON_KEYS = Type.Object(
  { ...ShapingConfig.properties, ...DeviceClockConfig.properties },
  { description: "what of its samples is kept, and what is done about its device's clock" },
);

export type SourceKind = keyof typeof SOURCE_KINDS;

interface Sections {
  can: CanConfig;
  health: HealthConfig;
  http: HttpConfig;
  modbus: ModbusConfig;
  mqtt: MqttConfig;
  'mqtt-client': MqttClientConfig;
  replay: ReplayConfig;
  serial: SerialConfig;
}

/** Section of one source, defaults filled in. */
export type SourceConfig = {
  [Kind in SourceKind]: { readonly type: Kind } & ShapingConfig & DeviceClockConfig & Sections[Kind];
}[SourceKind];

/** Schema of one kind of source, `type` included, without the keys that any source may have. */
export function sourceSchema(kind: SourceKind): TObject {
  const schema: TObject = SOURCE_KINDS[kind];
  const { additionalProperties: _, properties, required: __, type: ___, ...about } = schema;
  const type = Type.Literal(kind);
  return Type.Object({ type, ...properties }, { ...about, additionalProperties: false });
}

/** Schema of a source of any kind, told apart by `type`. */
export function anySourceSchema(): TSchema {
  const kinds = (Object.keys(SOURCE_KINDS) as SourceKind[]).map(sourceSchema);
  return Type.Union(
    kinds.map(({ properties, required: _, ...about }) =>
      Type.Object({ ...properties, ...COMMON_KEYS.properties }, { ...about, additionalProperties: false }),
    ),
  );
}

/**
 * What a schema cannot say of a source, as its collector would at its start.
 * @throws CaissonError `config-invalid`
 */
export function checkSource(name: string, source: SourceConfig): void {
  if (source.type === 'can') checkSettings(canSettings(source), name);
  if (source.type === 'serial') checkSerial(serialSettings(source));
  if (source.type === 'modbus') checkModbus(modbusSettings(source));
  if (source.type === 'http') new ChannelTemplate(httpSettings(source).channel);
  if (source.type === 'mqtt-client') checkMqttClient(mqttClientSettings(source));
  if (source.type === 'mqtt') checkMqtt(mqttSettings(source));
}
