import type { DestinationsConfig } from '../../sync/destinations/destination-config.ts';
import type { RelaySettings } from '../../sync/relay/relay-config.ts';
import type { UsageConfig } from '../../sync/usage/usage-config.ts';
import type { EarlierCycle, SumAnswer, SumQuestion } from '../analysis/cycles/cycle-settling.ts';
import type { CyclesConfig } from '../analysis/cycles/cycles-config.ts';
import type { SessionRecord } from '../analysis/sessions/session-records.ts';
import type { ChannelFreshness } from '../channel-freshness.ts';
import type { ClockOrigin } from '../clock.ts';
import type { ConfigAnswer, ConfigRequest } from '../config/offer/offer.ts';
import type { GatewayStatus } from '../status.ts';
import type { PassedOver } from '../store/passed-over.ts';
import type { Acknowledged } from '../store/retention/acknowledgements.ts';

/** What the serve thread is made with. */
export interface ServeThreadData {
  /** Undefined while the store is not open: the dashboard shows the status then, and nothing else is served. */
  readonly storeDir: string | undefined;
  /** Folder of the built web app. */
  readonly webRoot: string;
  readonly dashboard: { readonly host: string; readonly port: number };
  readonly destinations: DestinationsConfig;
  readonly usage: UsageConfig;
  /** Undefined: it carries for nobody. */
  readonly relay: RelaySettings | undefined;
  /** Whether main answers what centrals ask of the config. */
  readonly hasConfigFile: boolean;
  /** Centrals that are dialled, `HOST:PORT`. */
  readonly dial: readonly string[];
  readonly grpc: { readonly host: string; readonly port: number; readonly identity?: string };
  /** Box time of the boot. */
  readonly clock: ClockOrigin;
  /** Shared with main, which says it. */
  readonly freshness: ChannelFreshness;
  readonly status: GatewayStatus;
  /** UTC minus box time, microseconds. */
  readonly utcOffset: number;
}

/** What main asks of what is kept of cycles; `before` as stored. */
export type CyclesQuestion =
  | { readonly asks: 'earlier'; readonly cycles: CyclesConfig; readonly before: number }
  | { readonly asks: 'sums'; readonly of: SumQuestion };

export type CyclesAnswer =
  | { readonly earlier: readonly EarlierCycle[] }
  | { readonly sums: SumAnswer }
  | { readonly failed: string };

/** From main to the serve thread. */
export type ToServe =
  | { readonly kind: 'status'; readonly status: GatewayStatus; readonly utcOffset: number }
  | { readonly kind: 'config'; readonly id: number; readonly answer: ConfigAnswer }
  | { readonly kind: 'cycles'; readonly id: number; readonly question: CyclesQuestion }
  /** What became of records of sessions that were to be kept; `problem` where they were not. */
  | { readonly kind: 'sessions'; readonly id: number; readonly problem?: string }
  /** Die of an error that nobody catches. */
  | { readonly kind: 'crash' }
  | { readonly kind: 'stop' };

/** From the serve thread to main. */
export type FromServe =
  /** `grpcPort` 0 while the store is not open. */
  | { readonly kind: 'listening'; readonly httpPort: number; readonly grpcPort: number }
  /** How far the feed is durable with that central. */
  | { readonly kind: 'acknowledged'; readonly central: string; readonly acknowledged: Acknowledged }
  /** What did not go to destinations, whenever that changed. */
  | { readonly kind: 'passed-over'; readonly record: PassedOver }
  /** A central asked how this gateway does, or said what it has. */
  | { readonly kind: 'heard'; readonly central: string }
  /** What a central that may asks of the config. */
  | { readonly kind: 'config'; readonly id: number; readonly request: ConfigRequest }
  | { readonly kind: 'cycles'; readonly id: number; readonly answer: CyclesAnswer }
  /** Records of sessions that are to be kept. */
  | { readonly kind: 'sessions'; readonly id: number; readonly records: readonly SessionRecord[] }
  /** Something a person should know. */
  | { readonly kind: 'problem'; readonly text: string };
