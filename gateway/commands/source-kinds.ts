import { type TObject, type TSchema, Type } from '@sinclair/typebox';
import { MqttConfig } from '../../collectors/mqtt/config.ts';
import { SerialConfig } from '../../collectors/serial/serial-config.ts';

/** Every kind of source: the word behind `type`, and the schema of the rest. */
export const SOURCE_KINDS = {
  mqtt: MqttConfig,
  serial: SerialConfig,
} as const;

export type SourceKind = keyof typeof SOURCE_KINDS;

interface Sections {
  mqtt: MqttConfig;
  serial: SerialConfig;
}

/** Section of one source, defaults filled in. */
export type SourceConfig = { [Kind in SourceKind]: { readonly type: Kind } & Sections[Kind] }[SourceKind];

/** Schema of one kind of source, `type` included. */
export function sourceSchema(kind: SourceKind): TObject {
  const schema: TObject = SOURCE_KINDS[kind];
  const { additionalProperties: _, properties, required: __, type: ___, ...about } = schema;
  const type = Type.Literal(kind);
  return Type.Object({ type, ...properties }, { ...about, additionalProperties: false });
}

/** Schema of a source of any kind, told apart by `type`. */
export function anySourceSchema(): TSchema {
  return Type.Union((Object.keys(SOURCE_KINDS) as SourceKind[]).map(sourceSchema));
}
