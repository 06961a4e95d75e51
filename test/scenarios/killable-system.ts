import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../hardware/simulated/random.ts';
import { freePort } from '../free-port.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { PostgresServer } from '../sync/central/postgres-server.ts';
import { NatsCluster } from '../sync/fanout/nats-cluster.ts';
import { GatewayChild } from './gateway-child.ts';

const HOST = '127.0.0.1';

/** Name of the gateway, and of the central. */
export const GATEWAY = 'killed';
export const CENTRAL = 'hq';

/** Processes of the central over one database; whichever has the lease pulls. */
const CENTRALS = 2;

/** How long what was killed stays away at most before it is started again, milliseconds. */
const AWAY_MS_MAX = 300;

/** What is killed; of NATS a node, now and then all, and now and then one is cut off from the others instead. */
export const VICTIMS = ['gateway', 'central', 'PostgreSQL', 'NATS'] as const;
export type Victim = (typeof VICTIMS)[number];

/** A gateway with a broker, two processes of a central, their PostgreSQL and three nodes of NATS, each to be killed and started again. */
export class KillableSystem {
  readonly mqttPort: number;
  readonly storeDir: string;
  readonly databaseUrl: string;
  readonly cluster: NatsCluster;
  readonly #random: Random;
  readonly #folder: string;
  readonly #grpcPort: number;
  readonly #postgres: PostgresServer;
  readonly #centrals: CaissonProcess[] = [];
  readonly #centralPorts: number[] = [];
  #gateway: GatewayChild | undefined;

  private constructor(
    random: Random,
    folder: string,
    { mqttPort, grpcPort }: { mqttPort: number; grpcPort: number },
    { postgres, databaseUrl, cluster }: { postgres: PostgresServer; databaseUrl: string; cluster: NatsCluster },
  ) {
    this.#random = random;
    this.#folder = folder;
    this.storeDir = join(folder, 'data');
    this.mqttPort = mqttPort;
    this.#grpcPort = grpcPort;
    this.#postgres = postgres;
    this.databaseUrl = databaseUrl;
    this.cluster = cluster;
  }

  /** Resolves when everything answers. */
  static async start(random: Random): Promise<KillableSystem> {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-killed-'));
    const ports = { mqttPort: await freePort(), grpcPort: await freePort() };
    const postgres = await PostgresServer.start();
    const cluster = await NatsCluster.start();
    const databaseUrl = await postgres.database();
    const system = new KillableSystem(random, folder, ports, { postgres, databaseUrl, cluster });
    try {
      await system.#startGateway();
      for (let i = 0; i < CENTRALS; i += 1) await system.#startCentral(i);
      return system;
    } catch (error) {
      await system.dispose();
      throw error;
    }
  }

  get grpcPort(): number {
    return this.#grpcPort;
  }

  /** Port of one of the central's processes, by chance. */
  anyCentralPort(): number {
    return this.#centralPorts[this.#random.below(CENTRALS)] ?? 0;
  }

  /** Kills and starts again; resolves when it answers. Returns what happened, for a person. */
  async kill(victim: Victim): Promise<string> {
    const awayMs = this.#random.below(AWAY_MS_MAX);
    switch (victim) {
      case 'gateway':
        await this.#gateway?.kill();
        await delay(awayMs);
        await this.#startGateway();
        return victim;
      case 'central': {
        const index = this.#random.below(CENTRALS);
        await this.#centrals[index]?.kill('SIGKILL');
        await delay(awayMs);
        await this.#startCentral(index);
        return victim;
      }
      case 'PostgreSQL':
        await this.#postgres.kill();
        await delay(awayMs);
        await this.#postgres.startAgain();
        return victim;
      case 'NATS':
        return this.#failNats(awayMs);
    }
  }

  /** @throws Error where a process of the central ended that nobody ended */
  requireRunning(): void {
    for (const [i, { child, stderr }] of this.#centrals.entries()) {
      if (child.exitCode !== null) throw new Error(`process ${i} of the central ended by itself: ${stderr}`);
    }
  }

  /** Asks the central's processes and the gateway to end, in that order. Returns the exit codes, and what those that failed said. */
  async stop(): Promise<{ readonly codes: readonly (number | null)[]; readonly said: readonly string[] }> {
    const ends = await Promise.all(this.#centrals.map((central) => central.kill('SIGTERM')));
    await this.#gateway?.stop();
    const codes = [...ends.map(({ code }) => code), this.#gateway?.exitCode ?? null];
    return { codes, said: ends.flatMap(({ code, stderr }) => (code === 0 ? [] : [stderr])) };
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#centrals.map((central) => central.kill('SIGKILL')));
    await this.#gateway?.kill();
    await this.cluster.dispose();
    await this.#postgres.dispose();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startGateway(): Promise<void> {
    const config = {
      gateway: { id: GATEWAY },
      // Packs stay as they were sealed, so that both ends can be held against each other pack by pack.
      store: { dir: this.storeDir, blockAgeSeconds: 1, mergeBlocks: false },
      dashboard: { port: 0 },
      grpc: { port: this.#grpcPort },
      sources: { load: { type: 'mqtt', port: this.mqttPort } },
    };
    this.#gateway = await GatewayChild.start({ config, folder: this.#folder });
  }

  async #startCentral(index: number): Promise<void> {
    const store = ['--store', this.databaseUrl, '--name', CENTRAL, '--lease', '1'];
    const nats = ['--nats', this.cluster.urls.join()];
    const pull = ['--listen', `${HOST}:0`, '--pull', `${HOST}:${this.#grpcPort}`];
    for (;;) {
      const central = new CaissonProcess(['central', ...store, ...nats, ...pull]);
      this.#centrals[index] = central;
      const line = await central.said('central answers on ').catch((error: Error) => error);
      if (typeof line === 'string') {
        this.#centralPorts[index] = Number(/:(\d+)/.exec(line)?.[1]);
        return;
      }
      // Whoever supervises it starts it again where its database was away when it started.
      if (!central.stderr.includes('PostgreSQL at ')) throw line;
    }
  }

  async #failNats(awayMs: number): Promise<string> {
    const { cluster } = this;
    const kind = this.#random.unit();
    const node = this.#random.below(cluster.size);
    if (kind < 0.2) {
      cluster.partition(node);
      await delay(awayMs);
      cluster.rejoin();
      return 'NATS node cut off';
    }
    const nodes = kind < 0.4 ? Array.from({ length: cluster.size }, (_, i) => i) : [node];
    for (const each of nodes) await cluster.killNode(each);
    await delay(awayMs);
    for (const each of nodes) cluster.startNode(each);
    return nodes.length === 1 ? 'NATS node' : 'NATS wholly';
  }
}
