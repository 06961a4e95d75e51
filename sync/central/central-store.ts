import type { SqlPlace } from '../../gateway/query/sql/sql-messages.ts';
import type { AskedTelemetry, LiveBatch } from '../../gateway/query/telemetry.ts';
import type { GatewayFeeds } from '../api/pull-gateway-call.ts';
import type { ServedFiles } from '../api/server.ts';
import type { NewsSource } from '../fanout/news.ts';
import type { NewBlock } from './batch-pass.ts';
import type { BlockStore } from './block-store.ts';
import type { CentralMerger, MergeSteps } from './central-merging.ts';
import type { HeldOfGateway } from './held-of-gateway.ts';
import type { RetiringStore } from './retention/retiring-store.ts';

/** Which boots of gateways answer to other processes of a central. */
export interface AnswersElsewhere {
  /** Begins. @param onAnswer told of a boot that answered another process after one of that gateway had answered this one, and may not be the same */
  start(onAnswer: (gateway: string, boot: string) => void): void;
  /** Lets the others know that a boot of a gateway answered. @param askedMs when it was asked, performance.now() */
  note(gateway: string, boot: string, askedMs: number): void;
}

/** Where a central keeps what it pulls, with all that is asked of it. */
export interface CentralStore {
  /** Central's own name, under which it tells gateways what it has. */
  readonly name: string;
  /** Of all processes over one database the same, and no other store has it: by it a gateway tells two centrals of one name apart. */
  readonly id: string;
  readonly blocks: BlockStore;
  readonly telemetry: AskedTelemetry;
  /** Gives up what its rules say. */
  readonly retiring: RetiringStore;
  /** Makes large packs of small ones. */
  readonly merger: CentralMerger;
  /** Takes away what merging has left, for who does not merge; undefined where it leaves nothing. */
  readonly sweeper: MergeSteps | undefined;
  /** Everything that it keeps, in the order of its commits. */
  readonly news: NewsSource;
  /** Where it is in files of this machine: what only those can be asked. */
  readonly files: ServedFiles | undefined;
  /** What statements of SQL read. */
  readonly statements: SqlPlace;
  /** Blocks kept and the bytes of their packs; over a database of the gateways that this process pulls from. @throws CaissonError `store-failed` */
  totals(): Promise<{ readonly blocks: number; readonly bytes: number }>;
  /** Makes TRIAL_BYTES durable and takes them back, to see whether it can. @throws what keeping fails with */
  tryKeeping(): Promise<void>;
  /** Bytes of the packs that have their samples, by gateway; of all processes. @throws CaissonError `store-failed` */
  gatewayBytes(): Promise<ReadonlyMap<string, number>>;
  /** What is here of each gateway, in sums. Losses since a stored time are counted once more. @throws CaissonError `store-failed` */
  holdings(since: number): Promise<readonly HeldOfGateway[]>;
  /** What boxes answer to other processes of this central; undefined where there are none. */
  readonly answers: AnswersElsewhere | undefined;
  /** What it has of each gateway, for a box that was lost and for backups. */
  readonly gatewayFeeds: GatewayFeeds;
  /** Tells those who follow of a block that was just kept by this process. */
  announce(block: NewBlock): void;
  /** Tells those who follow of values that came another way than by a block. */
  tell(batch: LiveBatch): void;
  close(): void | Promise<void>;
}
