import type { GatewayStatus } from '../../gateway/status.ts';
import type { PlaceMessage } from '../api/place-messages.ts';
import type { PullBatch } from '../api/pull-batch.ts';
import type { TransferRequest } from '../api/transfer-pull.ts';
import type { KeptAnswer, KeptWord } from './acknowledging.ts';
import type { DailyBudget } from './daily-budget.ts';
import type { TimeWindows } from './time-windows.ts';
import type { WireMeter } from './wire-meter.ts';

/** Who is at the other end. */
export type Peer = Pick<GatewayStatus, 'role' | 'gateway'>;

/** What a line needs of a client; `TelemetryClient` has it. One is made for each attempt. */
export interface PullClient {
  status(): Promise<GatewayStatus>;
  place(position: number): Promise<PlaceMessage>;
  transfer(request: TransferRequest, signal: AbortSignal): AsyncIterable<PullBatch>;
  acknowledge(word: KeptWord): Promise<KeptAnswer>;
  close(): void;
}

/** A way to a gateway, and what may be used of it. */
export interface Way<Client extends PullClient = PullClient> {
  /** Of the line, as people know it. */
  readonly name: string;
  /** Makes the client of one attempt. */
  connect(): Client;
  /** Counts what passes over its connections; missing where nobody asks. */
  readonly meter?: WireMeter;
  /** True where bytes cost money: it is seldom asked whether it is well. */
  readonly isMetered?: boolean;
  /** At most, bytes a second; undefined: what it gives. */
  readonly capBytesPerS?: number | undefined;
  readonly budget?: DailyBudget | undefined;
  /** When it may be used; undefined: at any time. */
  readonly windows?: TimeWindows | undefined;
  /** Of a way that the other end opens; undefined: it can be tried at any time. */
  readonly arrival?: Arrival | undefined;
}

/** A connection that the other end makes. */
export interface Arrival {
  readonly isThere: () => boolean;
  /** Tells when one comes; returns what ends it. */
  readonly onCome: (tell: () => void) => () => void;
}
