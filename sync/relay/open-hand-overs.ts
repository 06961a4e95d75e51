import { join } from 'node:path';
import { CaissonError } from '../../gateway/errors.ts';
import type { BlockReader } from '../../gateway/store/block-reader.ts';
import { parseAddress } from '../api/address.ts';
import { TelemetryClient } from '../api/client.ts';
import type { DestinationsConfig } from '../destinations/destination-config.ts';
import { DestinationPolicy } from '../destinations/destination-policy.ts';
import type { PassedOverBook } from '../destinations/passed-over-book.ts';
import { DailyBudget, type SpentDays } from '../line/daily-budget.ts';
import { TimeWindows } from '../line/time-windows.ts';
import { WireMeter } from '../line/wire-meter.ts';
import { keyOfText } from '../receipts/kept-key.ts';
import type { ReceiptDesk } from '../receipts/receipt-desk.ts';
import type { Identity } from '../trust/identity.ts';
import { secureClient } from '../trust/secure-client.ts';
import { CarriedFeed, type CarriedFeedParts } from './carried-feed.ts';
import { HandOver } from './hand-over.ts';
import type { HandOverSettings } from './hand-over-config.ts';
import { Outbox } from './outbox.ts';

/** Under the store: a folder for each central. */
const FOLDER = 'relay';

/** Name of the line over which files are handed over, as bills and budgets have it. */
const LINE = 'relay';

export interface HandOversParts {
  readonly storeDir: string;
  readonly store: BlockReader;
  readonly receipts: ReceiptDesk;
  readonly passedOver?: PassedOverBook | undefined;
  readonly gateway: () => string;
  /** Undefined: without certificates, which a relay takes on its own machine only. */
  readonly identity: Identity | undefined;
  /** What budgets have spent, and who counts bytes. */
  readonly spentDays: (central: string, line: string) => SpentDays;
  readonly follow: (central: string, line: string, meter: WireMeter) => void;
  /** UTC, milliseconds. */
  readonly utcMs: () => number;
  readonly onProblem: (text: string) => void;
}

/**
 * What hands files to relays: one for each destination that names a relay, by name of the central.
 * @param destinations of a gateway's config, with its defaults
 */
export function openHandOvers(destinations: DestinationsConfig, parts: HandOversParts): ReadonlyMap<string, HandOver> {
  const policy = new DestinationPolicy(destinations);
  const opened = new Map<string, HandOver>();
  for (const [central, { relay, courierKey = '' }] of Object.entries(destinations)) {
    const key = keyOfText(courierKey, 'x25519');
    if (relay === undefined || key === undefined) continue;
    try {
      const scope = policy.scopeOf(central);
      opened.set(central, handOverOf(central, relay as HandOverSettings, { ...parts, key, scope }));
    } catch (error) {
      // The rest of the gateway serves on.
      if (!(error instanceof CaissonError)) throw error;
      parts.onProblem(`nothing is handed over for ${central}: ${error.message}`);
    }
  }
  return opened;
}

function handOverOf(
  central: string,
  relay: HandOverSettings,
  parts: HandOversParts & Pick<CarriedFeedParts, 'key' | 'scope'>,
): HandOver {
  const { store, receipts, passedOver, utcMs, onProblem, gateway, storeDir, key, scope } = parts;
  const meter = new WireMeter();
  parts.follow(central, LINE, meter);
  const { region, fileMb } = relay;
  return new HandOver({
    ...{ gateway, central, address: relay.to, meter, receipts, utcMs, onProblem },
    ...limitsOf(central, relay, parts),
    connect: () => connect(relay, parts.identity, meter),
    feed: new CarriedFeed({
      ...{ store, receipts, central, key, scope, region, fileBytes: fileMb * 1e6, utcMs },
      note: (after) => passedOver?.note(central, after),
    }),
    outbox: new Outbox(join(storeDir, FOLDER, central)),
  });
}

function limitsOf(central: string, relay: HandOverSettings, { spentDays, utcMs }: HandOversParts) {
  const { afterS, files: filesMax, againHours, capBytesPerS, budgetBytesPerDay: bytesPerDay, windows, zone } = relay;
  const steadyMs = () => performance.now();
  return {
    ...{ afterMs: afterS * 1e3, filesMax, againMs: againHours * 3_600_000, capBytesPerS, steadyMs },
    windows: windows && new TimeWindows(windows, zone),
    budget:
      bytesPerDay === undefined
        ? undefined
        : new DailyBudget({ bytesPerDay, days: spentDays(central, LINE), utcMs, steadyMs }),
  };
}

function connect({ to }: HandOverSettings, identity: Identity | undefined, meter: WireMeter): TelemetryClient {
  const address = parseAddress(to);
  if (identity === undefined) return new TelemetryClient(address, { line: LINE, meter });
  return secureClient(address, identity, { roles: ['gateway'] }, { line: LINE, meter });
}
