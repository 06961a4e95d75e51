import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/** Section `health` of a source: the box itself. */
export const HealthConfig = Type.Object(
  {
    intervalSeconds: Type.Optional(
      Type.Number({ minimum: 0.1, maximum: 3600, default: 1, description: 'time between two readings, s' }),
    ),
    disk: Type.Optional(
      Type.String({
        minLength: 1,
        default: '/',
        'x-path': true,
        description: 'folder whose disk is watched for room: where the store lies',
      }),
    ),
    prefix: Type.Optional(
      Type.String({ minLength: 1, description: 'first part of channel names; without it, the name of the source' }),
    ),
  },
  { additionalProperties: false, description: 'CPU, memory, disks, network and temperatures of the box' },
);

/** The section as it may be written. */
export type HealthConfig = Static<typeof HealthConfig>;

/** The section with every default filled in. */
export type HealthSettings = Required<Omit<HealthConfig, 'prefix'>> & Pick<HealthConfig, 'prefix'>;

/** Fills in the defaults of a section that fits {@link HealthConfig}. */
export function healthSettings(config: HealthConfig): HealthSettings {
  return Value.Default(HealthConfig, structuredClone(config)) as HealthSettings;
}
