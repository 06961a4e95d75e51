import { type Address, parseAddress } from '../api/address.ts';
import type { TelemetryClient, TelemetryClientOptions } from '../api/client.ts';
import { DailyBudget } from '../line/daily-budget.ts';
import { TimeWindows } from '../line/time-windows.ts';
import type { Way } from '../line/way.ts';
import { WireMeter } from '../line/wire-meter.ts';
import type { DialledWay } from '../reverse/accepted-lines.ts';
import type { UsageDb } from '../usage/usage-db.ts';
import type { LineConfig, PulledGatewayConfig } from './gateways-config.ts';

/** A silent line where bytes cost money is asked for life after so long, milliseconds. */
const KEEPALIVE_METERED_MS = 120_000;

/** Whom to pull from; with a name, nobody else is taken for it. */
export interface PullAddress extends Address {
  readonly name?: string | undefined;
}

export interface WayParts {
  /** Makes a client that dials. */
  readonly connect: (address: PullAddress, options: TelemetryClientOptions) => TelemetryClient;
  /** Lines that a gateway hands over. */
  readonly expect: (gateway: string, line: string) => DialledWay;
  /** Where budgets are kept. */
  readonly usage: UsageDb | undefined;
}

/** The ways to a gateway as central's config has them, the best first. */
export function configuredWays(
  gateway: string,
  { lines }: PulledGatewayConfig,
  parts: WayParts,
): (Way<TelemetryClient> & { readonly meter: WireMeter })[] {
  return lines.map((line) => ({ ...limitsOf(gateway, line, parts.usage), ...reachOf(gateway, line, parts) }));
}

function reachOf(gateway: string, { name, address, metered }: LineConfig, { connect, expect }: WayParts) {
  if (address === undefined) return expect(gateway, name);
  const meter = new WireMeter();
  const options = { line: name, meter, ...(metered === true && { keepaliveMs: KEEPALIVE_METERED_MS }) };
  return { meter, connect: () => connect({ ...parseAddress(address), name: gateway }, options) };
}

function limitsOf(gateway: string, line: LineConfig, usage: UsageDb | undefined) {
  const { name, metered = false, capBytesPerS, budgetBytesPerDay: bytesPerDay, windows, zone } = line;
  const clocks = { utcMs: Date.now, steadyMs: () => performance.now() };
  const isBudgeted = bytesPerDay !== undefined && usage !== undefined;
  return {
    ...{ name, isMetered: metered, capBytesPerS },
    windows: windows && new TimeWindows(windows, zone),
    budget: isBudgeted ? new DailyBudget({ bytesPerDay, days: usage.spentDays(gateway, name), ...clocks }) : undefined,
  };
}
