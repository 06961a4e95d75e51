/*
 * Central over PostgreSQL against a row a sample in the same server.
 *
 * A store takes laps of the RAV4 in; its feed is what central is given, as a line would bring it. Central verifies every pack
 * wholly and commits batch after batch. The peer is the best case of a row a sample: the same samples as a binary file on the
 * server, read by one COPY into a table without any index. Each round fills an empty database. Those of the first are read back, and hold the same
 * samples bit for bit; it is not counted, on either side. The figure is the ratio of medians of the others.
 */
import { once } from 'node:events';
import { chmodSync, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { AskedTelemetry, Samples } from '../../gateway/query/telemetry.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import { Keeper } from '../../sync/central/keeper.ts';
import { openPostgresCentral } from '../../sync/central/postgres/postgres-central.ts';
import { PostgresServer } from '../sync/central/postgres-server.ts';
import { BENCH_GATEWAY, BenchStore } from './bench-store.ts';
import { DriveFeed } from './drive-feed.ts';
import { atLeast, type Figure, type Progress } from './figure.ts';
import { decodeRav4 } from './recorded-drive.ts';
import { median } from './statistics.ts';

const LAPS = 16;
const ROUNDS = 5;

/** Size of one batch: as much as a line that is fast gives at once. */
const BATCH_BYTES = 2 << 20;

/** PGCOPY, no flags, no extension. */
const COPY_HEAD = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const COPY_ROW_BYTES = 2 + (4 + 4) + (4 + 8) + (4 + 8);
const COPY_END = Buffer.from([0xff, 0xff]);

/** @returns samples/s of both, and their ratio */
export async function measureIngest(progress: Progress): Promise<readonly Figure[]> {
  const store = new BenchStore();
  const server = await PostgresServer.start();
  const folder = mkdtempSync(join(tmpdir(), 'caisson-copy-'));
  try {
    const samples = await fill(store, progress);
    const batches = store.ask((blocks) => batchesOf(blocks.feed(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)));
    const telemetry = store.telemetry();
    const file = join(folder, 'samples');
    // The server runs as another user.
    chmodSync(folder, 0o777);
    await writeRows(telemetry, file);
    const ours: number[] = [];
    const peer: number[] = [];
    await measureCentral(await server.database(), batches, telemetry);
    await measureCopy(await server.database(), file, samples, true);
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push(samples / (await measureCentral(await server.database(), batches, undefined)));
      peer.push(samples / (await measureCopy(await server.database(), file, samples, false)));
      progress(`${millions(ours)} M samples/s kept, ${millions(peer)} M copied`);
    }
    telemetry.close();
    return [
      {
        name: 'pg_ingest_samples_per_s',
        value: median(ours),
        unit: 'samples/s',
        meaning: 'packs verified wholly and committed, given in batches of 2 MiB as a line does',
      },
      {
        name: 'pg_copy_samples_per_s',
        value: median(peer),
        unit: 'samples/s',
        meaning: 'the same samples, a row each, by one binary COPY of a file on the server, without an index',
      },
      {
        name: 'pg_ingest_ratio',
        value: median(ours) / median(peer),
        unit: '',
        target: atLeast(10),
        meaning: 'the first over the second; both were read back and hold the same samples',
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
    await server.dispose();
    store.dispose();
  }
}

/** Takes laps in and seals everything. Returns the number of samples. */
async function fill(store: BenchStore, progress: Progress): Promise<number> {
  const drive = await decodeRav4();
  const host = await store.open();
  const feed = new DriveFeed(drive, host.intake);
  await feed.laps(LAPS);
  await host.stop();
  await store.sealRest();
  progress(`${feed.fed} samples of ${LAPS} laps`);
  return feed.fed;
}

function batchesOf(items: readonly FeedItem[]): FeedItem[][] {
  const batches: FeedItem[][] = [];
  let bytes = BATCH_BYTES;
  for (const item of items) {
    if (bytes >= BATCH_BYTES) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(item);
    if (item.kind === 'pack') bytes += item.bytes.length;
  }
  return batches;
}

/** Seconds until everything is committed. */
async function measureCentral(
  url: string,
  batches: readonly FeedItem[][],
  expected: AskedTelemetry | undefined,
): Promise<number> {
  const onProblem = (text: string) => {
    throw new Error(text);
  };
  const central = await openPostgresCentral({ url, name: 'bench', onProblem });
  try {
    const keeper = new Keeper(central.blocks, { onProblem });
    const started = performance.now();
    for (const [i, items] of batches.entries()) {
      const batch = { feed: 'f', items, complete: i === batches.length - 1 };
      await keeper.keep({ role: 'gateway', gateway: BENCH_GATEWAY }, batch);
    }
    const seconds = (performance.now() - started) / 1e3;
    if (expected !== undefined) await requireSameAs(expected, central.telemetry);
    return seconds;
  } finally {
    await central.close();
  }
}

/** Seconds until everything is committed. */
async function measureCopy(url: string, file: string, samples: number, isChecked: boolean): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      'CREATE TABLE samples (channel int NOT NULL, time bigint NOT NULL, value double precision NOT NULL)',
    );
    const started = performance.now();
    const { rowCount } = await client.query(`COPY samples FROM '${file}' WITH (FORMAT binary)`);
    const seconds = (performance.now() - started) / 1e3;
    if (rowCount !== samples) throw new Error(`${samples} samples fed, ${rowCount} rows copied`);
    if (isChecked) await requireRows(client, file);
    return seconds;
  } finally {
    await client.end();
  }
}

async function writeRows(telemetry: AskedTelemetry, file: string): Promise<void> {
  const out = createWriteStream(file, { mode: 0o644 });
  out.write(COPY_HEAD);
  for (const { id } of await telemetry.channels()) {
    for await (const { times, values } of all(telemetry, id)) {
      const rows = Buffer.alloc(times.length * COPY_ROW_BYTES);
      for (let i = 0, at = 0; i < times.length; i += 1) {
        at = rows.writeInt16BE(3, at);
        at = rows.writeInt32BE(id, rows.writeInt32BE(4, at));
        at = rows.writeBigInt64BE(BigInt(times[i] as number), rows.writeInt32BE(8, at));
        at = rows.writeDoubleBE(values[i] as number, rows.writeInt32BE(8, at));
      }
      if (!out.write(rows)) await once(out, 'drain');
    }
  }
  out.end(COPY_END);
  await once(out, 'finish');
}

/** Throws unless central holds what the store does: each sample, bit by bit, and no other. */
async function requireSameAs(expected: AskedTelemetry, central: AskedTelemetry): Promise<void> {
  for (const { id, name } of await expected.channels()) {
    const channel = await central.channel(name);
    const [fed, kept] = [await columnsOf(expected, id), await columnsOf(central, channel.id)];
    if (!fed.times.equals(kept.times) || !fed.values.equals(kept.values))
      throw new Error(`${name} is not what was fed`);
  }
}

/** Throws unless what was copied in comes out as the same bytes. */
async function requireRows(client: Client, file: string): Promise<void> {
  await client.query('SET synchronize_seqscans = off');
  await client.query(`COPY samples TO '${file}.read' WITH (FORMAT binary)`);
  if (!readFileSync(file).equals(readFileSync(`${file}.read`))) throw new Error('what was copied is not what was fed');
}

/** All samples of a channel, as bytes. */
async function columnsOf(telemetry: AskedTelemetry, channel: number): Promise<{ times: Buffer; values: Buffer }> {
  const times: Buffer[] = [];
  const values: Buffer[] = [];
  for await (const piece of all(telemetry, channel)) {
    if (!(piece.values instanceof Float64Array)) throw new Error('text among the samples of a drive');
    times.push(Buffer.from(bytesOf(piece.times)));
    values.push(Buffer.from(bytesOf(piece.values)));
  }
  return { times: Buffer.concat(times), values: Buffer.concat(values) };
}

function all(telemetry: AskedTelemetry, channel: number): Iterable<Samples> | AsyncIterable<Samples> {
  return telemetry.raw(channel, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function millions(rates: readonly number[]): string {
  return ((rates.at(-1) ?? 0) / 1e6).toFixed(2);
}
