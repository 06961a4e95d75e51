import { randomBytes } from 'node:crypto';
import type { Telemetry } from '../../gateway/query/telemetry.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { lockStore, storePaths } from '../../gateway/store/store-dir.ts';
import { type Address, formatAddress } from '../api/address.ts';
import { TelemetryClient } from '../api/client.ts';
import { startTelemetryServer } from '../api/server.ts';
import { DestinationPolicy } from '../destinations/destination-policy.ts';
import { PullLine } from '../line/pull-line.ts';
import { publicKeyText, receiptKey } from '../receipts/receipt-key.ts';
import { ReceiptWriter } from '../receipts/receipt-writer.ts';
import { type CentralTrustOptions, openCentralTrust } from '../trust/central-trust.ts';
import { secureClient } from '../trust/secure-client.ts';
import { CentralStatus } from './central-status.ts';
import { CentralTelemetry } from './central-telemetry.ts';
import { Keeper } from './keeper.ts';
import { SqliteStore } from './sqlite-store.ts';

/** How often rates are taken, milliseconds. */
const STATUS_INTERVAL_MS = 1_000;

export interface CentralOptions {
  /** Directory of central's own store, made if it is not there. */
  readonly dir: string;
  /** Loopback only, unless there is `trust`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Gateways, or other centrals, to pull from. */
  readonly pull: readonly PullAddress[];
  /** By what it is known and whom it trusts; undefined: nobody asks who anybody is. */
  readonly trust?: CentralTrustOptions | undefined;
  /** Its own name, kept from then on; undefined: the name it has, made up at the first start. */
  readonly name?: string | undefined;
  readonly version: string;
  /** Told of what a person should know, as it happens. */
  readonly onProblem?: (text: string) => void;
}

/** Whom to pull from; with a name, nobody else is taken for it. */
export interface PullAddress extends Address {
  readonly name?: string | undefined;
}

export interface Central {
  readonly port: number;
  readonly name: string;
  /** What its receipts are signed with, for the config of gateways. */
  readonly receiptKey: string;
  /** What it has, for who serves it another way. */
  readonly telemetry: Telemetry;
  status(): GatewayStatus;
  /** Resolves when every line, call and file is closed. */
  stop(): Promise<void>;
}

/**
 * Starts a central: one store for any number of gateways, a line to each, and the same service that a gateway has.
 * @throws CaissonError `store-unusable`, `config-invalid`, `port-unavailable`, `tls-unusable` for the key of its receipts
 */
export async function startCentral(options: CentralOptions): Promise<Central> {
  const { dir, host, port, version } = options;
  const closers: (() => void | Promise<void>)[] = [lockStore(dir)];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const db = BlockDb.open(storePaths(dir).blocks);
    closers.push(() => db.close());
    const telemetry = new CentralTelemetry(dir, db);
    closers.push(() => telemetry.close());
    const onProblem = (text: string) => {
      status.problem(text);
      options.onProblem?.(text);
    };
    const name = nameOf(db, options.name);
    const store = new SqliteStore(db);
    const key = receiptKey(dir);
    const receipts = new ReceiptWriter({ store, central: name, key, now: () => Date.now() * 1e3 });
    const keeper = new Keeper(store, { onBlock: (block) => telemetry.announce(block), onProblem, receipts });
    const trust = options.trust === undefined ? undefined : openCentralTrust(options.trust, name, onProblem);
    closers.push(() => trust?.close());
    const connect = (address: PullAddress) =>
      trust === undefined
        ? new TelemetryClient(address, { destination: name })
        : secureClient(address, trust.identity, { roles: ['gateway', 'central'], name: address.name });
    const lines = options.pull.map((address) => ({
      name: formatAddress(address),
      line: new PullLine({ connect: () => connect(address), sink: keeper, follower: name, onProblem }),
    }));
    const status = new CentralStatus({ name, version, db, counters: keeper.counters, lines });
    const timer = setInterval(() => status.takeRates(), STATUS_INTERVAL_MS);
    closers.push(() => clearInterval(timer));
    const server = await startTelemetryServer({
      host,
      port,
      telemetry,
      feed: db,
      status: () => snapshot(),
      policy: new DestinationPolicy({}),
      storeDir: dir,
      secure: trust,
    });
    const snapshot = (): GatewayStatus => {
      const security = server.secure?.status();
      return { ...status.snapshot(), ...(security !== undefined && { security }) };
    };
    closers.push(() => server.stop());
    closers.push(async () => {
      await Promise.all(lines.map(({ line }) => line.stop()));
    });
    for (const { line } of lines) line.start();
    return {
      port: server.port,
      name,
      receiptKey: publicKeyText(key),
      telemetry,
      status: snapshot,
      stop: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Central's own name: the one it is given, or the one that it has, or one that is made up; kept. */
function nameOf(db: BlockDb, given: string | undefined): string {
  const kept = db.meta('gateway');
  if (kept !== undefined && (given === undefined || given === kept)) return kept;
  const name = given ?? `central-${randomBytes(4).toString('hex')}`;
  db.transaction(() => db.keepMeta('gateway', name));
  return name;
}
