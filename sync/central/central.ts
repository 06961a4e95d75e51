import { join } from 'node:path';
import { CaissonError } from '../../gateway/errors.ts';
import type { Fleet } from '../../gateway/fleet.ts';
import type { ReachOf } from '../../gateway/query/coverage/coverage.ts';
import { NumberedTelemetry } from '../../gateway/query/numbered-telemetry.ts';
import type { AskedTelemetry, LiveBatch } from '../../gateway/query/telemetry.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { TelemetryClient, type TelemetryClientOptions } from '../api/client.ts';
import { startTelemetryServer } from '../api/server.ts';
import { CourierDesk } from '../courier/courier-desk.ts';
import { courierKey } from '../courier/courier-key.ts';
import { SpoolFolder } from '../courier/spool-folder.ts';
import { DrillWatch } from '../drill/drill-watch.ts';
import { Fanout } from '../fanout/fanout.ts';
import type { NatsOptions } from '../fanout/nats-options.ts';
import { NewsBell } from '../fanout/news-bell.ts';
import { Wanted } from '../fanout/wanted.ts';
import { WishBook } from '../fidelity/wish-book.ts';
import { BoxWatches, withheldFrom } from '../fleet/box-watches.ts';
import { FleetView } from '../fleet/fleet-view.ts';
import { Namesakes } from '../fleet/namesakes.ts';
import { OfferDesk } from '../fleet/offer-desk.ts';
import { OfferFolder } from '../fleet/offer-folder.ts';
import { Admission } from '../line/admission.ts';
import { LoopLag } from '../line/loop-lag.ts';
import { PullLine, type Way } from '../line/pull-line.ts';
import { publicKeyText, receiptKey } from '../receipts/receipt-key.ts';
import { ReceiptWriter } from '../receipts/receipt-writer.ts';
import { PickUp } from '../relay/pick-up.ts';
import { AcceptedLines } from '../reverse/accepted-lines.ts';
import { type CentralTrustOptions, openCentralTrust } from '../trust/central-trust.ts';
import { peerText } from '../trust/peer-name.ts';
import { secureClient } from '../trust/secure-client.ts';
import type { Peer } from '../trust/verify-peer.ts';
import type { OwnerRule } from '../usage/owners.ts';
import { storedBytes } from '../usage/stored-bytes.ts';
import { TrafficBook } from '../usage/traffic-book.ts';
import { UsageDb } from '../usage/usage-db.ts';
import { AskedDefinitions } from './asked-definitions.ts';
import { CentralMerging } from './central-merging.ts';
import { CentralStatus, ProblemList } from './central-status.ts';
import type { CentralStore } from './central-store.ts';
import type { PullAddress } from './configured-ways.ts';
import type { GatewaysConfig } from './gateways-config.ts';
import { heldHere } from './held-here.ts';
import { Keeper } from './keeper.ts';
import { lineReach, type SaidOfGateway } from './line-reach.ts';
import { type PulledGateway, PulledGateways } from './pulled-gateways.ts';
import { CentralRetention, type LimitedDaysOf } from './retention/central-retention.ts';
import type { CentralRetentionConfig } from './retention/central-retention-config.ts';
import { limitedDays } from './retention/retention-limits.ts';
import { retentionDays } from './retention/retention-rules.ts';
import { openSqliteCentral } from './sqlite-central.ts';
import { StoreWatch } from './store-watch.ts';

/** What lines carried, beside the store. */
const USAGE_FILE = 'usage.db';

/** How often rates are taken, milliseconds. */
const STATUS_INTERVAL_MS = 1_000;

/**
 * Where it keeps what it pulls: a folder, made if it is not there, or a database, `postgres://user@host:port/database`. Over
 * a database the folder holds the key of its receipts, the same for all of its processes; without it, it signs none.
 */
export type StorePlace =
  | { readonly dir: string; readonly url?: undefined }
  | {
      readonly dir?: string | undefined;
      readonly url: string;
      /** How long a gateway stays with a process that is gone, milliseconds. */
      readonly leaseMs?: number;
    };

export type { PullAddress } from './configured-ways.ts';

export type CentralOptions = StorePlace & {
  /** Loopback only, unless there is `trust`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Gateways, or other centrals, to pull from. */
  readonly pull: readonly PullAddress[];
  /** Gateways with their lines, as the file of `--gateways` has them. */
  readonly gateways?: GatewaysConfig | undefined;
  /** By what it is known and whom it trusts; undefined: nobody asks who anybody is. */
  readonly trust?: CentralTrustOptions | undefined;
  /**
   * Its own name. In a folder it is kept from then on; undefined: the name it has, made up at the first start. Over a database
   * it must be given.
   */
  readonly name?: string | undefined;
  /** Where its processes tell each other what they keep; undefined: it is the only one, or each is for itself. */
  readonly nats?: NatsOptions | undefined;
  /** What of the past it keeps; undefined: everything. */
  readonly retention?: CentralRetentionConfig | undefined;
  /** False where packs stay as they came; undefined: true. */
  readonly mergesBlocks?: boolean;
  readonly version: string;
  /** Folders with backups and what drills found of them, for the status. */
  readonly vaults?: readonly string[];
  /** Told of what a person should know, as it happens. */
  readonly onProblem?: (text: string) => void;
};

export interface Central {
  readonly port: number;
  readonly name: string;
  /** What its receipts are signed with, for the config of gateways; undefined where it signs none. */
  readonly receiptKey: string | undefined;
  /** What it has, for who serves it another way, with small numbers as ids of channels. */
  readonly telemetry: AskedTelemetry;
  status(): GatewayStatus;
  /** All boxes, those that need attention first. */
  fleet(): Promise<Fleet>;
  /** Resolves when every line, call and file is closed. */
  stop(): Promise<void>;
}

/**
 * Starts a central: one store for any number of gateways, a line to each, and the same service that a gateway has.
 * @throws CaissonError `store-unusable`, `store-failed`, `config-invalid`, `port-unavailable`, `tls-unusable` for the key of its
 *   receipts
 */
export async function startCentral(options: CentralOptions): Promise<Central> {
  const { host, port, version } = options;
  const closers: (() => void | Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const problems = new ProblemList();
    const onProblem = (text: string) => {
      problems.add(text);
      options.onProblem?.(text);
    };
    let pulling: () => readonly PulledGateway[] = () => [];
    let saidOf: (gateway: string) => SaidOfGateway = () => ({});
    const store = await openStore(options, onProblem, (gateway) => lineReach(pulling(), gateway, saidOf(gateway)));
    closers.push(() => store.close());
    const { name, telemetry } = store;
    const watch = new StoreWatch({ store, onProblem });
    closers.push(() => watch.stop());
    await watch.look();
    const { blocks } = watch;
    const key = options.dir === undefined ? undefined : receiptKey(options.dir);
    const now = () => Date.now() * 1e3;
    const receipts = key && new ReceiptWriter({ store: blocks, central: name, key, now });
    const wishes = new WishBook({ held: (gateway, names) => heldHere(store.telemetry, gateway, names), onProblem });
    const live = { news: store.news, bell: new NewsBell(), wanted: new Wanted() };
    const tell = (batch: LiveBatch) => store.tell(batch);
    const fanout = new Fanout({ ...live, central: name, nats: options.nats, tell, onProblem });
    closers.push(() => fanout.stop());
    const keeper = new Keeper(blocks, {
      onKept: (gateways) => fanout.kept(gateways),
      onHeld: (gateway) => fanout.held(gateway),
      onConflict: (conflict) => fanout.conflict(conflict),
      onBlock: (block) => store.announce(block),
      onUndefined: (peer, channels) => definitions.note(peer, channels),
      onProblem,
      wishes,
      ...(receipts === undefined ? {} : { receipts }),
    });
    const definitions = new AskedDefinitions((gateway, told) => keeper.define(gateway, told));
    await noteUndefined(store.telemetry, definitions);
    const trust = options.trust === undefined ? undefined : openCentralTrust(options.trust, name, onProblem);
    closers.push(() => trust?.close());
    const usage = options.dir === undefined ? undefined : UsageDb.open(join(options.dir, USAGE_FILE));
    closers.push(() => usage?.close());
    const traffic = usage && new TrafficBook({ db: usage, utcMs: Date.now });
    closers.push(() => traffic?.close());
    const cutSerials = new Set<string>();
    const onCut = (peer: Peer) => {
      // It may have connections that either end dialled.
      if (cutSerials.has(peer.serial)) return;
      cutSerials.add(peer.serial);
      onProblem(`the certificate of ${peerText(peer)} was taken back: what was connected with it is cut`);
    };
    const connect = (address: PullAddress, more: TelemetryClientOptions) =>
      trust === undefined
        ? new TelemetryClient(address, { destination: name, ...more })
        : secureClient(
            address,
            trust.identity,
            { roles: ['gateway', 'central'], name: address.name },
            { ...more, onCut },
          );
    const namesakes = new Namesakes({ now, steadyMs: () => performance.now(), onProblem });
    store.answers?.start((gateway, boot) => namesakes.note(gateway, boot, performance.now()));
    const noteAnswer = ({ role, gateway, boot }: GatewayStatus, askedMs: number) => {
      if (role !== 'gateway') return;
      namesakes.note(gateway, boot, askedMs);
      store.answers?.note(gateway, boot, askedMs);
    };
    const watches = new BoxWatches({
      now,
      onSeen: (status, before) => fanout.seen(status, before),
      onAnswer: noteAnswer,
      position: async (gateway) => (await blocks.progress(gateway)).after,
    });
    saidOf = (gateway) => {
      const seen = watches.of(gateway);
      return { settledUntil: seen?.settledUntil, withheld: withheldFrom(name, seen) };
    };
    const offers =
      options.dir === undefined ? undefined : new OfferDesk({ folder: new OfferFolder(options.dir), now, onProblem });
    closers.push(() => offers?.stop());
    const carried = new Map<string, number>();
    const onKept = (gateway: string) => carried.set(gateway, now());
    const couriers = options.dir === undefined ? undefined : { ...openCouriers(options.dir, name, keeper), onKept };
    const courier = couriers && new CourierDesk(couriers, couriers.spool);
    const pickUp = couriers && new PickUp({ ...couriers, onProblem });
    const lag = new LoopLag();
    const admission = new Admission({ lag });
    const pull = (ways: readonly Way<TelemetryClient>[], wanted?: string) =>
      new PullLine({
        ...{ ways, wanted, admission, lag },
        attend: (client, status, spare, askedMs) => {
          noteAnswer(status, askedMs);
          const ends = [
            watches.attend(client, status),
            fanout.attend(client, status),
            definitions.attend(client, status.gateway),
            offers?.attend(client, status.gateway),
            pickUp?.attend(client, status, spare),
          ];
          return () => {
            for (const end of ends) end?.();
          };
        },
        sink: keeper,
        ...{ follower: name, store: store.id },
        hasNamesake: (gateway) => namesakes.of(gateway) !== undefined,
        onProblem,
      });
    const pulled = new PulledGateways(
      options.pull,
      requireKept(options.gateways, usage),
      { pull, connect, usage, traffic },
      (pullOver) => new AcceptedLines({ name, pull: pullOver }),
    );
    pulling = () => pulled.all;
    const fleet = new FleetView({
      central: name,
      now,
      lines: () => pulled.all.map(({ line, ...each }) => ({ ...each, health: line.health() })),
      seen: (gateway) => watches.of(gateway),
      carried: (gateway) => carried.get(gateway),
      namesake: (gateway) => namesakes.of(gateway),
      holdings: (since) => store.holdings(since),
      certificates: trust?.authority && (() => trust.authority?.certificates() ?? []),
    });
    const retention =
      options.retention &&
      new CentralRetention({
        ...{ store: store.retiring, daysOf: retentionDays(options.retention), now: Date.now, onProblem },
        limited: limitsOf(store, options.retention),
      });
    closers.push(() => retention?.stop());
    const merger = options.mergesBlocks === false ? undefined : store.merger;
    const steps = merger ?? store.sweeper;
    const merging = steps && new CentralMerging(steps, onProblem);
    closers.push(() => merging?.stop());
    const { counters } = keeper;
    const status = new CentralStatus({
      name,
      version,
      watch,
      counters,
      lines: () => pulled.all,
      fanout: () => fanout.status(),
      retired: () => retention?.status(),
      merge: () => merger?.status(),
      problems,
    });
    const drillWatch = new DrillWatch(options.vaults ?? []);
    const timer = setInterval(() => status.takeRates(), STATUS_INTERVAL_MS);
    closers.push(() => clearInterval(timer));
    const server = await startTelemetryServer({
      host,
      port,
      status: () => snapshot(),
      readiness: watch,
      fleet: () => fleet.look(),
      usage: {
        owners: ownersOf(options.gateways),
        rows: (from: number, to: number) => traffic?.rows(from, to) ?? [],
        stored: async () => storedBytes(await store.gatewayBytes()),
      },
      wish: (wish) => wishes.add(wish),
      ...(store.files ?? { telemetry, statements: store.statements }),
      lost: store.gatewayFeeds,
      ...(courier !== undefined && { courier: (pieces) => courier.bring(pieces) }),
      live,
      secure: trust && { ...trust, onCut, onLine: (socket, caller, raw) => pulled.accepted.take(socket, caller, raw) },
    });
    const snapshot = (): GatewayStatus => {
      const security = server.secure?.status();
      const drills = drillWatch.status();
      return {
        ...status.snapshot(),
        ...(security !== undefined && { security }),
        ...(drills.length > 0 && { drills }),
      };
    };
    closers.push(() => server.stop());
    closers.push(() => pulled.stop());
    pulled.start();
    retention?.start();
    merging?.start();
    return {
      port: server.port,
      name,
      receiptKey: key && publicKeyText(key),
      // Ids of a database are of all of its gateways, and large.
      telemetry: store.files?.telemetry ?? new NumberedTelemetry(telemetry),
      status: snapshot,
      fleet: () => fleet.look(),
      stop: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What reads courier files that come over lines. */
function openCouriers(dir: string, central: string, sink: Keeper) {
  return { central, sink, key: courierKey(dir), spool: new SpoolFolder(dir) };
}

/** Of whole gateways. */
/** What may go nowhere did not come as such: it is here by its name alone, from an earlier run. */
async function noteUndefined(telemetry: AskedTelemetry, definitions: AskedDefinitions): Promise<void> {
  for (const channel of await telemetry.channels()) {
    if (channel.residency === 'local') definitions.note(channel.gateway, [channel]);
  }
}

function limitsOf(store: CentralStore, config: CentralRetentionConfig): LimitedDaysOf {
  const { retiring } = store;
  const limited = { held: (today: number) => retiring.held(today), gatewayBytes: () => store.gatewayBytes() };
  return (today, between) => limitedDays(limited, config, today, between);
}

function ownersOf({ gateways }: GatewaysConfig = { gateways: {} }): OwnerRule[] {
  return Object.entries(gateways).flatMap(([gateway, { owner }]) =>
    owner === undefined ? [] : [{ owner, gateway, channels: [] }],
  );
}

/** @throws CaissonError `config-invalid` for budgets that would be kept nowhere */
function requireKept(config: GatewaysConfig = { gateways: {} }, usage: UsageDb | undefined): GatewaysConfig {
  for (const [name, { lines }] of Object.entries(config.gateways)) {
    const line = lines.find(({ budgetBytesPerDay }) => budgetBytesPerDay !== undefined);
    if (line === undefined || usage !== undefined) continue;
    throw new CaissonError('config-invalid', `line ${line.name} of ${name} has a budget, which would be kept nowhere`, {
      hint: 'give --data as well: what was spent is kept there',
    });
  }
  return config;
}

async function openStore(
  options: CentralOptions,
  onProblem: (text: string) => void,
  reachOf: ReachOf,
): Promise<CentralStore> {
  const { name } = options;
  if (options.url === undefined) return openSqliteCentral(options.dir, name, onProblem, reachOf);
  // Loaded only by who has a database: it brings the database's client with it.
  const { openPostgresCentral } = await import('./postgres/postgres-central.ts');
  return openPostgresCentral({ ...options, name, onProblem, reachOf });
}
