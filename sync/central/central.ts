import type { Fleet } from '../../gateway/fleet.ts';
import { NumberedTelemetry } from '../../gateway/query/numbered-telemetry.ts';
import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { type Address, formatAddress } from '../api/address.ts';
import { TelemetryClient } from '../api/client.ts';
import { startTelemetryServer } from '../api/server.ts';
import { DrillWatch } from '../drill/drill-watch.ts';
import { NewsBell } from '../fanout/news-bell.ts';
import { BoxWatches } from '../fleet/box-watches.ts';
import { FleetView } from '../fleet/fleet-view.ts';
import { PullLine, type Way } from '../line/pull-line.ts';
import { publicKeyText, receiptKey } from '../receipts/receipt-key.ts';
import { ReceiptWriter } from '../receipts/receipt-writer.ts';
import { AcceptedLines } from '../reverse/accepted-lines.ts';
import { type CentralTrustOptions, openCentralTrust } from '../trust/central-trust.ts';
import { secureClient } from '../trust/secure-client.ts';
import { CentralStatus, ProblemList } from './central-status.ts';
import type { CentralStore } from './central-store.ts';
import { Keeper } from './keeper.ts';
import { openPostgresCentral } from './postgres/postgres-central.ts';
import { openSqliteCentral } from './sqlite-central.ts';

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

export type CentralOptions = StorePlace & {
  /** Loopback only, unless there is `trust`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Gateways, or other centrals, to pull from. */
  readonly pull: readonly PullAddress[];
  /** By what it is known and whom it trusts; undefined: nobody asks who anybody is. */
  readonly trust?: CentralTrustOptions | undefined;
  /**
   * Its own name. In a folder it is kept from then on; undefined: the name it has, made up at the first start. Over a database
   * it must be given.
   */
  readonly name?: string | undefined;
  readonly version: string;
  /** Folders with backups and what drills found of them, for the status. */
  readonly vaults?: readonly string[];
  /** Told of what a person should know, as it happens. */
  readonly onProblem?: (text: string) => void;
};

/** Whom to pull from; with a name, nobody else is taken for it. */
export interface PullAddress extends Address {
  readonly name?: string | undefined;
}

export interface Central {
  readonly port: number;
  readonly name: string;
  /** What its receipts are signed with, for the config of gateways; undefined where it signs none. */
  readonly receiptKey: string | undefined;
  /** What it has, for who serves it another way, with small numbers as ids of channels. */
  readonly telemetry: AskedTelemetry;
  status(): GatewayStatus;
  /** All boxes, those that need attention first. */
  fleet(): Fleet;
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
    const store = await openStore(options, onProblem);
    closers.push(() => store.close());
    const { name, telemetry } = store;
    const key = options.dir === undefined ? undefined : receiptKey(options.dir);
    const now = () => Date.now() * 1e3;
    const receipts = key && new ReceiptWriter({ store: store.blocks, central: name, key, now });
    const bell = new NewsBell();
    const keeper = new Keeper(store.blocks, {
      onKept: (gateways) => {
        for (const gateway of gateways) bell.ring(gateway);
      },
      onBlock: (block) => store.announce(block),
      onProblem,
      ...(receipts === undefined ? {} : { receipts }),
    });
    const trust = options.trust === undefined ? undefined : openCentralTrust(options.trust, name, onProblem);
    closers.push(() => trust?.close());
    const connect = (address: PullAddress) =>
      trust === undefined
        ? new TelemetryClient(address, { destination: name })
        : secureClient(address, trust.identity, { roles: ['gateway', 'central'], name: address.name });
    const watches = new BoxWatches({ now, position: async (gateway) => (await store.blocks.progress(gateway)).after });
    const pull = (ways: readonly Way<TelemetryClient>[]) =>
      new PullLine({
        ways,
        attend: (client, status) => watches.attend(client, status),
        sink: keeper,
        follower: name,
        onProblem,
      });
    const lines = options.pull.map((address) => ({
      name: formatAddress(address),
      kind: 'pull' as const,
      wanted: address.name,
      line: pull([{ name: formatAddress(address), connect: () => connect(address) }]),
    }));
    const accepted = new AcceptedLines({ name, pull: (way) => pull([way]) });
    const allLines = () => [
      ...lines,
      ...accepted.lines.map(({ gateway, line }) => ({
        name: `${gateway}, dialling in`,
        kind: 'reverse' as const,
        wanted: gateway,
        line,
      })),
    ];
    const fleet = new FleetView({
      central: name,
      now,
      lines: () => allLines().map(({ line, ...each }) => ({ ...each, health: line.health() })),
      seen: (gateway) => watches.of(gateway),
      holdings: store.holdings,
      utcOf: store.utcOf,
      certificates: trust?.authority && (() => trust.authority?.certificates() ?? []),
    });
    const { counters } = keeper;
    const status = new CentralStatus({
      name,
      version,
      totals: () => store.totals(),
      counters,
      lines: allLines,
      problems,
    });
    const watch = new DrillWatch(options.vaults ?? []);
    const timer = setInterval(() => status.takeRates(), STATUS_INTERVAL_MS);
    closers.push(() => clearInterval(timer));
    const server = await startTelemetryServer({
      host,
      port,
      status: () => snapshot(),
      fleet: () => fleet.look(),
      ...(store.files ?? { telemetry, statements: store.statements }),
      lost: store.lost,
      every: { news: store.news, bell },
      secure: trust && { ...trust, onLine: (socket, caller, raw) => accepted.take(socket, caller, raw) },
    });
    const snapshot = (): GatewayStatus => {
      const security = server.secure?.status();
      const drills = watch.status();
      return {
        ...status.snapshot(),
        ...(security !== undefined && { security }),
        ...(drills.length > 0 && { drills }),
      };
    };
    closers.push(() => server.stop());
    closers.push(async () => {
      await Promise.all([...lines.map(({ line }) => line.stop()), accepted.stop()]);
    });
    for (const { line } of lines) line.start();
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

function openStore(options: CentralOptions, onProblem: (text: string) => void): CentralStore | Promise<CentralStore> {
  const { name } = options;
  return options.url === undefined
    ? openSqliteCentral(options.dir, name, onProblem)
    : openPostgresCentral({ ...options, name, onProblem });
}
