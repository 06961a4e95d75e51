import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { rawChannelName, undefinedChannelName } from '../../collectors/raw-channel.ts';
import type { ClockReading } from '../clock.ts';
import { CaissonError } from '../errors.ts';
import { JOURNAL_SEGMENT_BYTES } from '../limits.ts';
import { BlockContents } from '../query/block-contents.ts';
import { OPENED_BYTES_FEW } from '../query/opened-packs.ts';
import { TailReader } from '../query/tail-reader.ts';
import type { StoredChannel } from '../query/telemetry.ts';
import { BlockDb } from '../store/block-db.ts';
import type { Span } from '../store/derivation.ts';
import { gatewayIdOf } from '../store/gateway-id.ts';
import { Journal } from '../store/journal/journal.ts';
import { JournalReader } from '../store/journal/journal-reader.ts';
import { lockStore, storePaths } from '../store/store-dir.ts';
import { claimStore } from '../store/store-role.ts';
import { BootRedecoder, type RedecodedBoot } from './boot-redecoder.ts';
import type { CaissonConfig } from './config-schema.ts';
import { planRedecode } from './source-redecoders.ts';

export interface RedecodeRequest {
  readonly source: string;
  /** UTC, microseconds; either end may be infinite. */
  readonly span: Span;
  /** When it is asked for, UTC, microseconds. */
  readonly now: number;
  /** Told from time to time how many raw samples of a boot were decoded. */
  readonly onProgress: (boot: string, decoded: number) => void;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
}

/**
 * Decodes what a source kept raw once more, as the config says it is to be decoded, and keeps what comes out as the next
 * version of the past: all of it or, whatever happens meanwhile, nothing. No gateway may have the store open: it has one
 * writer.
 * @throws CaissonError `store-unusable`, `store-failed`, `derivation-refused`, and what the source refuses, as `dbc-invalid`
 */
export function redecodeStore(config: CaissonConfig, request: RedecodeRequest): RedecodedBoot[] {
  const { dir } = config.store;
  const paths = storePaths(dir);
  if (!existsSync(paths.blocks)) throw new CaissonError('store-unusable', `${dir}: there is no store`);
  const unlock = lockStore(dir);
  try {
    const blocks = BlockDb.open(paths.blocks);
    try {
      claimStore(blocks, 'gateway');
      // Opened for writing first, the journal makes sure that its last row is on disk, however its gateway ended.
      const boots = new Set(blocks.boots().map(({ boot }) => boot));
      Journal.open(paths.journal, { boots, segmentBytes: JOURNAL_SEGMENT_BYTES }).close();
      const journal = JournalReader.open(paths.journal);
      try {
        return redecodeAll(config, request, blocks, journal);
      } catch (cause) {
        if (!(cause instanceof Database.SqliteError)) throw cause;
        throw new CaissonError('store-failed', `${paths.blocks}: ${cause.message}; nothing of it was kept`, { cause });
      } finally {
        journal.close();
      }
    } finally {
      blocks.close();
    }
  } finally {
    unlock();
  }
}

function redecodeAll(
  config: CaissonConfig,
  request: RedecodeRequest,
  blocks: BlockDb,
  journal: JournalReader,
): RedecodedBoot[] {
  const { source, span, now, onProgress, onProblem } = request;
  const gateway = gatewayIdOf(blocks, config.gateway.id);
  const plan = planRedecode(sourceOf(config, source), source);
  const raw = rawChannelsOf(blocks, gateway, source);
  const tail = new TailReader(journal, blocks, onProblem);
  for (let more = true; more; ) {
    const { rows, hasMore } = tail.read();
    tail.take(rows);
    more = hasMore;
  }
  const contents = new BlockContents(blocks, onProblem, OPENED_BYTES_FEW);
  const clocks = new Map<number, ClockReading[]>();
  for (const { boot, reading } of blocks.clockAfter(0).rows) {
    clocks.set(boot, [...(clocks.get(boot) ?? []), reading]);
  }
  const boots = blocks.boots().filter((boot) => boot.gateway === gateway && boot.origin === undefined);
  return blocks.transaction(() => {
    const version = blocks.newestVersion(gateway) + 1;
    const parts = { blocks, contents, tail, plan, span, made: now, version, onProgress };
    const redecoders = raw.map((each) => new BootRedecoder({ ...parts, ...each }));
    return boots.flatMap((boot) => {
      for (const redecoder of redecoders) {
        const made = redecoder.redecode(boot, clocks.get(boot.id) ?? []);
        if (made !== undefined) return made;
      }
      return [];
    });
  });
}

function sourceOf({ sources }: CaissonConfig, name: string) {
  const source = sources[name];
  if (source !== undefined) return source;
  throw new CaissonError('derivation-refused', `no source is named ${name}`, {
    hint: `the config has ${Object.keys(sources).join(', ') || 'none'}`,
  });
}

/** The channels that hold what a source kept raw: where a boot has both, the one that holds everything counts. */
function rawChannelsOf(blocks: BlockDb, gateway: string, source: string): { raw: StoredChannel; isPart: boolean }[] {
  const { channels } = blocks.channelsAfter(0);
  const names = [
    { name: rawChannelName(source), isPart: false },
    { name: undefinedChannelName(source), isPart: true },
  ];
  const found = names.flatMap(({ name, isPart }) => {
    const raw = channels.find((each) => each.name === name && each.gateway === gateway);
    return raw === undefined ? [] : [{ raw, isPart }];
  });
  if (found.length > 0) return found;
  const missing = names.map(({ name }) => name).join(' or ');
  throw new CaissonError('derivation-refused', `source ${source} has kept nothing raw: there is no ${missing}`, {
    hint: '`raw: true` in its config keeps what comes from now on',
  });
}
