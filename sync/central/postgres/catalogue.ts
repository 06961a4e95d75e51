import type { Buffer } from 'node:buffer';
import type { ClockReading } from '../../../gateway/clock.ts';
import type { StoredChannel } from '../../../gateway/query/telemetry.ts';
import { derivationOf, type KeptBoot, type Row, readingOf } from '../../../gateway/store/block-rows.ts';
import { decodeDefinition } from '../../../gateway/store/definition-bytes.ts';
import type { Derivation } from '../../../gateway/store/derivation.ts';
import type { Series } from '../../../gateway/store/index-tree.ts';
import { decodeRoster } from '../../../gateway/store/roster.ts';
import type { Statements } from './database.ts';
import { gatewayOfId } from './ids.ts';

/** Channels whose packs form a series, and how many packs there are. */
export interface KeptRoster {
  readonly id: number;
  readonly channels: readonly number[];
  packs: number;
  /** The one whose packs go to this one when they are merged; undefined for one that takes those that come. */
  readonly source: number | undefined;
}

/** What a process knows of gateways beside their blocks; only ever grows. Lists are in the order in which it was learned. */
export class Catalogue {
  /** Names of gateways by number. */
  readonly names = new Map<number, string>();
  #version = 0;
  /** Last position known, by number of the gateway. */
  readonly #known = new Map<number, number>();
  readonly boots: KeptBoot[] = [];
  readonly #bootIds = new Set<number>();
  /** Every definition of a channel, the newest of each last. */
  readonly channels: StoredChannel[] = [];
  readonly #channelNames = new Map<number, string>();
  /** The newest definition of each channel as it is kept, by id. */
  readonly definitions = new Map<number, Buffer>();
  readonly clock: { readonly boot: number; readonly reading: ClockReading }[] = [];
  readonly derivations: Derivation[] = [];
  readonly rosters = new Map<number, KeptRoster>();
  /** By roster: its packs with lesser ordinals were retired. */
  readonly #retired = new Map<number, number>();
  /** By roster: its packs with lesser ordinals are in the one beside it. */
  readonly #moved = new Map<number, number>();
  /** By roster that takes packs, the one beside it. */
  readonly #beside = new Map<number, number>();
  readonly #series = new Map<number, Series[]>();

  /** Another one whenever something was learned. */
  get version(): number {
    return this.#version;
  }

  nameOf(channel: number): string {
    return this.#channelNames.get(channel) ?? '';
  }

  series(channel: number): readonly Series[] {
    return this.#series.get(channel) ?? [];
  }

  /**
   * Learns what was committed since the last time.
   * @param gateway number of the only one that matters; undefined: all
   */
  async learn(statements: Statements, gateway?: number): Promise<void> {
    const { rows } = await statements.query(
      `SELECT gateway, name, position FROM gateways JOIN gateway_numbers ON number = gateway
       WHERE $1::bigint IS NULL OR gateway = $1 ORDER BY gateway`,
      [gateway ?? null],
    );
    const news = (rows as { gateway: number; name: string; position: number }[]).filter(
      (each) => each.position > (this.#known.get(each.gateway) ?? -1),
    );
    if (news.length === 0) return;
    const after = news.map((each) => this.#known.get(each.gateway) ?? 0);
    const read = async (columns: string, table: string, more = '') => {
      const sql = `SELECT ${columns} FROM unnest($1::bigint[], $2::bigint[]) AS known (gateway, after)
        JOIN ${table} ON ${table}.gateway = known.gateway AND ${table}.position > known.after ${more} ORDER BY ${table}.position`;
      return (await statements.query(sql, [news.map((each) => each.gateway), after])).rows as Row[];
    };
    // All are read before any is taken in: a read that fails must leave nothing half known.
    const boots = await read('boots.*', 'boots');
    const channels = await read('channels.*', 'channels');
    const clock = await read('clock.*', 'clock');
    const rosters = await read('rosters.*', 'rosters');
    const origin = 'JOIN boots ON boots.gateway = derivations.gateway AND boots.id = derivations.boot';
    const derivations = await read('derivations.*, boots.origin', 'derivations', origin);
    // Meanwhile somebody else may have learned more.
    const before = new Map(this.#known);
    const isNew = (row: Row) => Number(row.position) > (before.get(Number(row.gateway)) ?? 0);
    this.#version += 1;
    for (const each of news) {
      this.names.set(each.gateway, each.name);
      this.#known.set(each.gateway, Math.max(each.position, before.get(each.gateway) ?? 0));
    }
    for (const row of boots.filter(isNew)) this.addBoot(this.#bootOf(row));
    for (const row of channels.filter(isNew)) this.addChannel(this.#channelOf(row), row.definition as Buffer);
    for (const row of clock.filter(isNew)) this.clock.push({ boot: Number(row.boot), reading: readingOf(row) });
    for (const row of rosters.filter(isNew)) {
      const [id, channels] = [Number(row.id), decodeRoster(row.channels as Buffer)];
      const source = row.source === null ? undefined : Number(row.source);
      this.addRoster({ id, channels, packs: Number(row.packs), source });
      this.retire(id, Number(row.retired));
      this.move(id, Number(row.moved));
    }
    for (const row of derivations.filter(isNew)) this.derivations.push(derivationOf(row));
  }

  addBoot(boot: KeptBoot): void {
    if (this.#bootIds.has(boot.id)) return;
    this.#bootIds.add(boot.id);
    this.boots.push(boot);
  }

  /** @param definition as it is kept */
  addChannel(channel: StoredChannel, definition: Buffer): void {
    this.channels.push(channel);
    this.definitions.set(channel.id, definition);
    this.#channelNames.set(channel.id, channel.name);
  }

  /** A roster, or another number of packs of one that is known. */
  addRoster({ id, channels, packs, source }: KeptRoster): void {
    const known = this.rosters.get(id);
    if (known !== undefined) {
      known.packs = packs;
      return;
    }
    this.rosters.set(id, { id, channels, packs, source });
    if (source !== undefined) this.#beside.set(source, id);
    for (const [member, channel] of channels.entries()) {
      const series = this.#series.get(channel);
      if (series === undefined) this.#series.set(channel, [{ roster: id, member }]);
      else series.push({ roster: id, member });
    }
  }

  /** The packs of a roster with ordinals below `end` are retired. */
  retire(roster: number, end: number): void {
    if (end > 0) this.#retired.set(roster, end);
  }

  /** One past the last ordinal of a roster that was retired; 0 where none was. */
  retiredOf(roster: number): number {
    return this.#retired.get(roster) ?? 0;
  }

  /** The packs of a roster with ordinals below `end` are in the one beside it. */
  move(roster: number, end: number): void {
    if (end > 0) this.#moved.set(roster, end);
  }

  /** One past the last ordinal of a roster whose pack is in the one beside it; 0 where none is. */
  movedOf(roster: number): number {
    return this.#moved.get(roster) ?? 0;
  }

  /** The roster with the packs that moved from this one; undefined where none has. */
  besideOf(roster: number): KeptRoster | undefined {
    return this.rosters.get(this.#beside.get(roster) ?? 0);
  }

  #bootOf(row: Row): KeptBoot {
    const id = Number(row.id);
    return {
      ...{ id, gateway: this.names.get(gatewayOfId(id)) ?? '', boot: String(row.boot), started: Number(row.started) },
      ended: undefined,
      origin: row.origin === null ? undefined : Number(row.origin),
    };
  }

  #channelOf(row: Row): StoredChannel {
    const id = Number(row.id);
    const definition = decodeDefinition(String(row.name), row.definition as Buffer);
    const gateway = this.names.get(gatewayOfId(id)) ?? '';
    return { id, gateway, ...definition };
  }
}
