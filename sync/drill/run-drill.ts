import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { backupStore } from '../../gateway/store/backup/backup-store.ts';
import { restoreStore } from '../../gateway/store/backup/restore-store.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { gatewayIdOf } from '../../gateway/store/gateway-id.ts';
import { lockStore, storePaths } from '../../gateway/store/store-dir.ts';
import { claimStore } from '../../gateway/store/store-role.ts';
import type { ChannelAccount } from '../api/ledger-call.ts';
import type { PlaceMessage } from '../api/place-messages.ts';
import type { PullBatch } from '../api/pull-batch.ts';
import { Keeper } from '../central/keeper.ts';
import { SqliteStore } from '../central/sqlite-store.ts';
import type { Peer } from '../line/pull-line.ts';
import { SetBackWatch } from '../line/set-back.ts';
import { type CopiedStore, compareCopy } from './compare-copy.ts';
import type { DrillRecord } from './drill-record.ts';
import type { KeepRule } from './keep-rule.ts';
import { pullAll } from './pull-all.ts';
import type { Vault, VaultCopy } from './vault.ts';

/** What a drill asks of the store that is backed up; `TelemetryClient` has it. Nothing of it changes anything there. */
export interface DrilledStore extends CopiedStore {
  status(): Promise<Peer>;
  place(position: number): Promise<PlaceMessage>;
  pull(
    request: { readonly feed: string; readonly after: number; readonly follow: boolean },
    signal?: AbortSignal,
  ): AsyncIterable<PullBatch>;
  close(): void;
}

export interface DrillParts {
  readonly vault: Vault;
  /** Connects anew. */
  readonly connect: () => DrilledStore | Promise<DrilledStore>;
  readonly rule: KeepRule;
  readonly version: string;
  readonly signal: AbortSignal;
  readonly onStep?: (step: DrillStep) => void;
}

export type DrillStep = 'pulling' | 'copying' | 'restoring' | 'comparing';

/** Of a record, what is known as a drill goes on. */
type Draft = { -readonly [Field in keyof DrillRecord]: DrillRecord[Field] };

/**
 * Backs a store up and restores the backup: pulls what is new of its feed into the vault's mirror, makes a backup of that, restores it
 * into a scratch store and holds that against the store of which it is. What it found is on disk when the promise resolves; a backup counts
 * from then on, if it was right.
 * @throws CaissonError `store-unusable` where another drill is at it, or the vault is of another gateway
 */
export async function runDrill(parts: DrillParts): Promise<DrillRecord> {
  const { vault } = parts;
  const unlock = lockStore(vault.mirror);
  try {
    vault.open();
    const begun = new Date();
    const draft = emptyRecord(begun, vault);
    try {
      await drill(parts, draft, vault.nextCopy(begun));
    } catch (error) {
      if (error instanceof CaissonError && error.code === 'store-unusable' && draft.gateway === '') throw error;
      draft.ok = false;
      const hint = error instanceof CaissonError && error.hint !== undefined ? ` (${error.hint})` : '';
      draft.problem = messageOf(error) + hint;
    }
    vault.record(draft);
    vault.prune(parts.rule);
    return draft;
  } finally {
    vault.clearScratch();
    unlock();
  }
}

async function drill(parts: DrillParts, draft: Draft, copy: VaultCopy): Promise<void> {
  const { vault, version, onStep = () => {} } = parts;
  const store = await parts.connect();
  try {
    const peer = await store.status();
    draft.gateway = peer.gateway;
    // What has no feed to follow is refused before the mirror is of it.
    await store.place(0);
    const before: ChannelAccount[] = [];
    for await (const account of store.ledger()) before.push(account);

    onStep('pulling');
    draft.pullMs = await timed(() => pullMirror(parts, store, peer, draft));
    onStep('copying');
    draft.copyMs = await timed(async () => {
      const report = await backupStore(vault.mirror, copy.path, version, () => {});
      draft.copy = copy.name;
      if (!report.ok)
        throw new CaissonError('block-invalid', `the check of the backup found ${report.findingCount} faults`);
    });
    onStep('restoring');
    draft.restoreMs = await timed(async () => {
      await restoreStore(copy.path, vault.scratch, { damaged: false }, () => {});
    });
    onStep('comparing');
    draft.compareMs = await timed(async () => {
      Object.assign(draft, await compareCopy(vault.scratch, store, before));
    });
    draft.ok = draft.differenceCount === 0 && draft.problem === undefined;
    if (draft.ok) vault.markRestored(copy, draft);
  } finally {
    store.close();
  }
}

/** Brings the mirror up to the end of the feed. */
async function pullMirror({ vault, signal }: DrillParts, store: DrilledStore, peer: Peer, draft: Draft): Promise<void> {
  const db = BlockDb.open(storePaths(vault.mirror).blocks);
  try {
    // So that what is restored is a store of that gateway, or central.
    claimStore(db, peer.role);
    gatewayIdOf(db, peer.gateway);
    const keeper = new Keeper(new SqliteStore(db));
    await new SetBackWatch().standing({ peer, client: store, sink: keeper });
    const pull = (place: { feed: string; after: number }) => store.pull({ ...place, follow: false }, signal);
    draft.pulled = await pullAll({ peer, sink: keeper, pull, signal });
    const { conflicts } = keeper.counters;
    // The backup is made all the same, of what was there before; where the others are, the comparison says.
    if (conflicts > 0) draft.problem = `${conflicts} blocks are others than those that were pulled before`;
  } finally {
    db.close();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return Math.round(performance.now() - started);
}

function emptyRecord(begun: Date, vault: Vault): Draft {
  return {
    begun: begun.toISOString(),
    gateway: vault.records().at(-1)?.gateway ?? '',
    ok: false,
    ...{ pullMs: 0, copyMs: 0, restoreMs: 0, compareMs: 0 },
    ...{ pulled: 0, samples: 0, compared: 0, onlyHere: 0 },
    differences: [],
    differenceCount: 0,
  };
}
