import { CaissonError } from '../../gateway/errors.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { keptAcknowledged } from '../../gateway/store/retention/acknowledgements.ts';
import { lockStore, storePaths } from '../../gateway/store/store-dir.ts';
import { feedIdOf } from '../api/pull-call.ts';
import { requireCentralFolder } from '../central/central-folder.ts';
import { Keeper } from '../central/keeper.ts';
import { openPostgresCentral } from '../central/postgres/postgres-central.ts';
import { SqliteStore } from '../central/sqlite-store.ts';
import type { DestinationsConfig } from '../destinations/destination-config.ts';
import { DestinationPolicy } from '../destinations/destination-policy.ts';
import { ScopedFeed } from '../destinations/scoped-feed.ts';
import { keyOfText } from '../receipts/kept-key.ts';
import { courierKey } from './courier-key.ts';
import { type CourierRead, readCourier } from './courier-reader.ts';
import { type CourierWritten, writeCourier } from './courier-writer.ts';
import { knownBefore } from './known-before.ts';

export interface CarryOptions {
  /** Folder of the gateway's store; it may be running. */
  readonly dir: string;
  readonly destinations: DestinationsConfig;
  /** Name of the central. */
  readonly central: string;
  readonly medium: string;
  readonly fileBytes: number;
  /** True: from the beginning, also what the central has said it has. */
  readonly all: boolean;
}

/**
 * Writes what a central lacks of a gateway's store to a medium: what may go there, and nothing else.
 * @throws CaissonError `config-invalid` for a central without a key, `store-unusable`, `courier-failed`
 */
export function carry({ dir, destinations, central, medium, fileBytes, all }: CarryOptions): CourierWritten {
  const key = keyOfText(destinations[central]?.courierKey ?? '', 'x25519');
  if (key === undefined) {
    throw new CaissonError('config-invalid', `destinations.${central} has no courierKey`, {
      hint: '`caisson central` says the key at its start',
    });
  }
  const store = BlockReader.openReadonly(storePaths(dir).blocks);
  try {
    const scope = new DestinationPolicy(destinations).scopeOf(central);
    const feed = new ScopedFeed(store, scope);
    const acknowledged = keptAcknowledged((key) => store.meta(key)).get(central);
    const gateway = store.boots()[0]?.gateway;
    if (gateway === undefined) throw new CaissonError('store-unusable', `${dir} has nothing to carry yet`);
    return writeCourier({
      ...{ gateway, central, medium, fileBytes, key, feedId: feedIdOf(store) },
      from: all ? 0 : (acknowledged?.position ?? 0),
      bootAt: (position) => store.bootsUpTo(position).at(-1)?.boot ?? '',
      knownBefore: () => knownBefore(store, scope.allows),
      feed: {
        feed(after, itemsMax, bytesMax) {
          const items = feed.feed(after, itemsMax, bytesMax);
          for (const item of items) feed.requireAllowed(item);
          return items;
        },
      },
    });
  } finally {
    store.close();
  }
}

export interface BringOptions {
  /** Folder of the central's store, which no central may have open; with a database: of its key. */
  readonly dir: string;
  /** The database in which the central keeps what it has, and its name there. */
  readonly database?: { readonly url: string; readonly name: string };
  readonly medium: string;
  readonly onRead: (read: CourierRead) => void;
  readonly onProblem: (text: string) => void;
}

/**
 * Brings what a medium carries into a central's store.
 * @throws CaissonError `store-unusable` where a central has it open or none has run with that folder, `gateway-held` where a process of it pulls from that gateway,
 *   `store-failed`, `tls-unusable` for its key
 */
export async function bring(options: BringOptions): Promise<void> {
  const { dir, medium, database, onRead, onProblem } = options;
  requireCentralFolder(dir);
  if (database !== undefined) {
    const store = await openPostgresCentral({ ...database, onProblem });
    try {
      const sink = new Keeper(store.blocks, { onProblem });
      const reads = readCourier({ medium, central: database.name, key: courierKey(dir), sink });
      for await (const read of reads) onRead(read);
    } finally {
      await store.close();
    }
    return;
  }
  const unlock = lockStore(dir);
  try {
    const db = BlockDb.open(storePaths(dir).blocks);
    try {
      const central = db.meta('gateway') ?? '';
      const key = courierKey(dir);
      const sink = new Keeper(new SqliteStore(db), { onProblem });
      for await (const read of readCourier({ medium, central, key, sink })) onRead(read);
    } finally {
      db.close();
    }
  } finally {
    unlock();
  }
}
