import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { freePort } from '../../free-port.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { CutProxy } from '../cut-proxy.ts';

const HOST = '127.0.0.1';
const SERVER = '/usr/sbin/nats-server';

interface Node {
  readonly port: number;
  /** Through which it reaches the others; undefined for itself. */
  readonly routes: readonly (CutProxy | undefined)[];
  readonly config: string;
  child: ChildProcess | undefined;
  ended: Promise<unknown>;
}

/** A cluster of `nats-server` with JetStream of its own for a test, of which every node can be killed and cut off from the others. */
export class NatsCluster {
  readonly #dir: string;
  readonly #nodes: Node[] = [];

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async start(size = 3): Promise<NatsCluster> {
    const cluster = new NatsCluster(mkdtempSync(join(tmpdir(), 'caisson-nats-')));
    const routePorts: number[] = [];
    for (let i = 0; i < size; i += 1) routePorts.push(await freePort());
    for (const [i, routePort] of routePorts.entries()) {
      const routes = await Promise.all(routePorts.map((to, j) => (i === j ? undefined : CutProxy.start(to))));
      const others = routes.flatMap((each) => (each === undefined ? [] : [`nats-route://${HOST}:${each.port}`]));
      const port = await freePort();
      const dir = join(cluster.#dir, `n${i}`);
      mkdirSync(dir);
      const config = join(dir, 'nats.conf');
      writeFileSync(
        config,
        `server_name: n${i}
listen: ${HOST}:${port}
jetstream { store_dir: "${dir}", max_mem: 64M, max_file: 4G }
cluster { name: test, listen: ${HOST}:${routePort}, no_advertise: true, routes: [${others.join(', ')}] }
`,
      );
      cluster.#nodes.push({ port, routes, config, child: undefined, ended: Promise.resolve() });
    }
    for (let i = 0; i < size; i += 1) cluster.startNode(i);
    return cluster;
  }

  get size(): number {
    return this.#nodes.length;
  }

  get urls(): string[] {
    return this.#nodes.map(({ port }) => `nats://${HOST}:${port}`);
  }

  /** Starts a node in the folder that it has. */
  startNode(index: number): void {
    const node = this.#node(index);
    const child = spawn(SERVER, ['-c', node.config], { stdio: 'ignore' });
    node.child = child;
    node.ended = new Promise((resolve) => child.once('close', resolve));
  }

  async killNode(index: number): Promise<void> {
    const node = this.#node(index);
    node.child?.kill('SIGKILL');
    await node.ended;
    node.child = undefined;
  }

  /** Cuts a node off from the others, but not from its clients, until {@link NatsCluster.rejoin}. */
  partition(index: number): void {
    for (const [i, { routes }] of this.#nodes.entries()) {
      for (const [j, route] of routes.entries()) if (i === index || j === index) route?.goDown();
    }
  }

  rejoin(): void {
    for (const { routes } of this.#nodes) for (const route of routes) route?.goUp();
  }

  /** A client of the kind that anyone has; closed by who asked for it. */
  async client(): Promise<NatsConnection> {
    return eventually('a node lets clients in', () =>
      connect({ servers: this.urls, maxReconnectAttempts: -1, reconnectTimeWait: 100 }).catch(() => undefined),
    );
  }

  async dispose(): Promise<void> {
    for (let i = 0; i < this.size; i += 1) await this.killNode(i);
    for (const { routes } of this.#nodes) for (const route of routes) await route?.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #node(index: number): Node {
    const node = this.#nodes[index];
    if (node === undefined) throw new RangeError(`no node ${index}`);
    return node;
  }
}
