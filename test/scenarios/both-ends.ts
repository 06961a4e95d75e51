import { BlockReader } from '../../gateway/store/block-reader.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import type { ChannelAccount } from '../../sync/api/ledger-call.ts';
import { compareLedgers, type LedgerDifference } from '../../sync/ledger/compare-ledgers.ts';
import { PostgresLook } from '../sync/central/postgres-rig.ts';
import { feedOf } from '../sync/same-feed.ts';

/** Asks the server of a gateway or a central on this machine. */
export async function ask<Answer>(
  port: number,
  question: (client: TelemetryClient) => Promise<Answer>,
): Promise<Answer> {
  const client = new TelemetryClient({ host: '127.0.0.1', port });
  try {
    return await question(client);
  } finally {
    client.close();
  }
}

/** Every value of a channel, in its order. */
export async function valuesOf(client: TelemetryClient, gateway: string, channel: string): Promise<number[]> {
  const values: number[] = [];
  for await (const piece of client.query({ channels: [channel], gateway })) {
    if ('samples' in piece) for (const value of piece.samples.values) values.push(Number(value));
  }
  return values;
}

/** What the ledger of a gateway tells otherwise at one end than at the other. */
export async function ledgerDifferences(
  { here, there }: { readonly here: number; readonly there: number },
  gateway: string,
  names: readonly string[],
): Promise<LedgerDifference[]> {
  const read = async (client: TelemetryClient) => {
    const accounts: ChannelAccount[] = [];
    for await (const account of client.ledger({ gateway, names })) accounts.push(account);
    return accounts;
  };
  return compareLedgers(await ask(here, read), await ask(there, read));
}

/** What a central has of a gateway, read from its database as anyone with `psql` may. */
export async function feedInDatabase(databaseUrl: string, gateway: string): Promise<FeedItem[]> {
  const look = new PostgresLook(databaseUrl);
  try {
    return await look.feed(gateway);
  } finally {
    await look.close();
  }
}

/** What a gateway has, read from its store. */
export function feedInStore(storeDir: string, gateway: string): FeedItem[] {
  const db = BlockReader.openReadonly(storePaths(storeDir).blocks);
  try {
    return feedOf(db, gateway);
  } finally {
    db.close();
  }
}
