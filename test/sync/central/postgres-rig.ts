import { Client } from 'pg';
import type { StoredChannel } from '../../../gateway/query/telemetry.ts';
import { derivationOf, type FeedItem, gapOf, type Row, readingOf } from '../../../gateway/store/block-rows.ts';
import { decodeDefinition } from '../../../gateway/store/definition-bytes.ts';
import type { SequenceAccount } from '../../../gateway/store/sequence-accounts.ts';
import { PostgresDatabase } from '../../../sync/central/postgres/database.ts';
import { PostgresBlocks } from '../../../sync/central/postgres/postgres-blocks.ts';

/** What a test sees of a database of blocks, read as anyone with `psql` would, and as queries do. */
export class PostgresLook {
  readonly #url: string;
  readonly #db: PostgresDatabase;
  readonly #blocks: PostgresBlocks;

  constructor(url: string) {
    this.#url = url;
    this.#db = new PostgresDatabase(url);
    this.#blocks = new PostgresBlocks(this.#db);
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  accounts(): Promise<SequenceAccount[]> {
    return this.#blocks.ask(() => this.#blocks.accounts());
  }

  /** The newest definition of every channel. */
  channels(): Promise<StoredChannel[]> {
    return this.#blocks.ask(() => {
      const { channels } = this.#blocks.channelsAfter(0);
      return [...new Map(channels.map((channel) => [channel.id, channel])).values()];
    });
  }

  /** Runs one statement. */
  async run(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const client = new Client({ connectionString: this.#url });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql, [...parameters])).rows as Row[];
    } finally {
      await client.end();
    }
  }

  /** What is kept of a gateway, in the order in which it came to be. */
  async feed(gateway: string): Promise<FeedItem[]> {
    const own = '(SELECT number FROM gateway_numbers WHERE name = $1)';
    const boots = new Map(
      (await this.run('SELECT id, boot FROM boots')).map(({ id, boot }) => [Number(id), String(boot)]),
    );
    const names = new Map(
      (await this.run('SELECT id, name FROM channels')).map(({ id, name }) => [Number(id), String(name)]),
    );
    const read = async (table: string, itemOf: (row: Row, at: { position: number; boot: string }) => FeedItem) => {
      const rows = await this.run(`SELECT * FROM ${table} WHERE gateway = ${own}`, [gateway]);
      return rows.map((row) =>
        itemOf(row, { position: Number(row.position), boot: boots.get(Number(row.boot)) ?? '' }),
      );
    };
    const items = await Promise.all([
      read('boots', (row, { position }) => {
        const origin = row.origin === null ? {} : { origin: boots.get(Number(row.origin)) ?? '' };
        return { kind: 'boot', position, gateway, boot: String(row.boot), started: Number(row.started), ...origin };
      }),
      read('channels', (row, { position }) => {
        return {
          kind: 'channel',
          position,
          gateway,
          definition: decodeDefinition(String(row.name), row.definition as Buffer),
        };
      }),
      read('clock', (row, at) => ({ kind: 'clock', ...at, gateway, reading: readingOf(row) })),
      read('packs', (row, { position }) => ({ kind: 'pack', position, bytes: row.bytes as Buffer })),
      read('gaps', (row, at) => {
        const { channel, boot: _, ...gap } = gapOf(row);
        return { kind: 'gap', ...at, gateway, channel: names.get(channel) ?? '', gap };
      }),
      read('derivations', (row, at) => {
        const { channels, version, made, spans, recipe } = derivationOf(row);
        const derivation = { version, made, spans, recipe };
        return { kind: 'derivation', ...at, gateway, channels: channels.map((id) => names.get(id) ?? ''), derivation };
      }),
    ]);
    return items.flat().sort((a, b) => a.position - b.position);
  }
}
