import { Type } from '@sinclair/typebox';
import { RedundancyConfig } from '../../collectors/redundancy/redundancy-config.ts';
import { DashboardConfig } from '../../dashboards/server/dashboard-config.ts';
import { GrpcConfig, type GrpcSettings } from '../../sync/api/grpc-config.ts';
import { DestinationsConfig } from '../../sync/destinations/destination-config.ts';
import { RelayConfig, type RelaySettings } from '../../sync/relay/relay-config.ts';
import { CentralConfig } from '../../sync/reverse/central-config.ts';
import { UsageConfig } from '../../sync/usage/usage-config.ts';
import { CyclesConfig } from '../analysis/cycles/cycles-config.ts';
import { GatewayConfig } from '../config/gateway-config.ts';
import { StoreConfig, type StoreSettings } from '../store/store-config.ts';
import { anySourceSchema, type SourceConfig } from './source-kinds.ts';

/** Name of a source: it begins the names of its channels. */
const SOURCE_NAME = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$';

/** The one schema of `caisson.yaml`, composed of the sections that stand beside their owners. */
export const CONFIG_SCHEMA = Type.Object(
  {
    gateway: Type.Optional(GatewayConfig),
    store: Type.Optional(StoreConfig),
    dashboard: Type.Optional(DashboardConfig),
    grpc: Type.Optional(GrpcConfig),
    central: Type.Optional(CentralConfig),
    relay: Type.Optional(RelayConfig),
    destinations: Type.Optional(DestinationsConfig),
    usage: Type.Optional(UsageConfig),
    redundancy: Type.Optional(RedundancyConfig),
    cycles: Type.Optional(CyclesConfig),
    sources: Type.Optional(
      Type.Record(Type.String({ pattern: SOURCE_NAME }), anySourceSchema(), {
        additionalProperties: false,
        'x-pattern': 'letters, digits, `-` and `_`, first a letter or digit, 63 at most',
        default: {},
        description: 'where samples come from, each under the name that begins its channels',
      }),
    ),
  },
  { additionalProperties: false },
);

/** A whole config: checked, defaults filled in, paths absolute, frozen. */
export interface CaissonConfig {
  readonly gateway: GatewayConfig;
  readonly store: StoreSettings;
  readonly dashboard: Required<DashboardConfig>;
  readonly central?: CentralConfig;
  readonly relay?: RelaySettings;
  readonly destinations?: DestinationsConfig;
  readonly usage?: UsageConfig;
  readonly grpc: GrpcSettings;
  readonly redundancy?: RedundancyConfig;
  readonly cycles?: CyclesConfig;
  readonly sources: Readonly<Record<string, SourceConfig>>;
}
