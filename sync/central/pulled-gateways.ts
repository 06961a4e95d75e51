import { formatAddress } from '../api/address.ts';
import type { TelemetryClient } from '../api/client.ts';
import type { PullLine } from '../line/pull-line.ts';
import type { Way } from '../line/way.ts';
import { WireMeter } from '../line/wire-meter.ts';
import type { AcceptedLines } from '../reverse/accepted-lines.ts';
import type { TrafficBook } from '../usage/traffic-book.ts';
import { configuredWays, type PullAddress, type WayParts } from './configured-ways.ts';
import type { GatewaysConfig } from './gateways-config.ts';

/** What a central pulls from. */
export interface PulledGateway {
  /** As status has it: a name, or the address where only that is known. */
  readonly name: string;
  readonly kind: 'pull' | 'reverse';
  /** Whom it is for, where that is said before anybody answered. */
  readonly wanted: string | undefined;
  readonly line: PullLine<TelemetryClient>;
}

export interface PulledGatewaysParts extends Omit<WayParts, 'expect'> {
  /** @param wanted whom it is for; undefined: whoever answers */
  readonly pull: (ways: readonly Way<TelemetryClient>[], wanted?: string) => PullLine<TelemetryClient>;
  /** Counts what lines carry; undefined where nothing is kept of that. */
  readonly traffic: TrafficBook | undefined;
}

/** All that a central pulls from: addresses that it was given, gateways of its config, and those that dial in by themselves. */
export class PulledGateways {
  readonly accepted: AcceptedLines;
  readonly #dialled: readonly PulledGateway[];

  /** @param makeAccepted is told how to pull from a gateway that nobody expected */
  constructor(
    addresses: readonly PullAddress[],
    { gateways }: GatewaysConfig,
    parts: PulledGatewaysParts,
    makeAccepted: (
      pull: (gateway: string, way: Way<TelemetryClient> & Metered) => PullLine<TelemetryClient>,
    ) => AcceptedLines,
  ) {
    const { pull, connect, traffic } = parts;
    this.accepted = makeAccepted((gateway, way) => {
      traffic?.follow(() => gateway, way.name, way.meter);
      return pull([way]);
    });
    const given = addresses.map((address): PulledGateway => {
      const meter = new WireMeter();
      const name = formatAddress(address);
      const line = pull([{ name, meter, connect: () => connect(address, { meter }) }], address.name);
      traffic?.follow(() => line.health().peer?.gateway ?? address.name ?? '', name, meter);
      return { name, kind: 'pull', wanted: address.name, line };
    });
    const configured = Object.entries(gateways).map(([name, config]): PulledGateway => {
      const expect = (gateway: string, line: string) => this.accepted.expect(gateway, line);
      const ways = configuredWays(name, config, { ...parts, expect });
      for (const way of ways) traffic?.follow(() => name, way.name, way.meter);
      return { name, kind: 'pull', wanted: name, line: pull(ways, name) };
    });
    this.#dialled = [...given, ...configured];
  }

  get all(): readonly PulledGateway[] {
    return [
      ...this.#dialled,
      ...this.accepted.lines.map(({ gateway, line }) => ({
        ...{ name: `${gateway}, dialling in`, kind: 'reverse' as const, wanted: gateway },
        line,
      })),
    ];
  }

  start(): void {
    for (const { line } of this.#dialled) line.start();
  }

  /** Resolves when nothing is pulled any more. */
  async stop(): Promise<void> {
    await Promise.all([...this.#dialled.map(({ line }) => line.stop()), this.accepted.stop()]);
  }
}

interface Metered {
  readonly meter: WireMeter;
}
