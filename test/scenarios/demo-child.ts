import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Address } from '../../sync/api/address.ts';
import { freePort } from '../free-port.ts';
import { CaissonProcess, type Outcome } from '../sync/caisson-process.ts';
import { eventually } from './eventually.ts';
import { type ProcessFacts, treeOf } from './process-tree.ts';

/** How long the demo may take until it says where everything is, milliseconds. */
const START_LIMIT_MS = 240_000;

const HOST = '127.0.0.1';

/** `caisson demo` as a process of its own, on free ports, as `npm start` runs it. */
export class DemoChild {
  readonly url: string;
  readonly gateway: Address;
  readonly central: Address;
  readonly mqttPort: number;
  /** Where it keeps its stores. */
  readonly folder: string;
  readonly #process: CaissonProcess;

  private constructor(process: CaissonProcess) {
    this.#process = process;
    const find = (pattern: RegExp) => pattern.exec(process.stdout)?.[1] ?? '';
    this.url = find(/(http:\/\/\S+)/);
    this.gateway = { host: HOST, port: Number(find(/^ +gateway .*--server \S+:(\d+)/m)) };
    this.central = { host: HOST, port: Number(find(/^ +central .*--server \S+:(\d+)/m)) };
    this.mqttPort = Number(find(/mosquitto_pub .*-p (\d+)/));
    this.folder = dirname(find(/(\S+caisson\.yaml)/));
  }

  /** Resolves when the demo says that all is up. */
  static async start(...options: readonly string[]): Promise<DemoChild> {
    const ports: string[] = [];
    // What is killed comes back on the port that it had.
    for (const option of ['--port', '--grpc-port', '--central-port', '--mqtt-port']) {
      ports.push(option, String(await freePort()));
    }
    const process = new CaissonProcess(['demo', ...ports, ...options]);
    try {
      await eventually(
        'the demo says where everything is',
        () => {
          if (process.child.exitCode !== null) throw new Error(`the demo ended: ${process.stderr}`);
          return process.stdout.includes('Ctrl-C ends it.');
        },
        START_LIMIT_MS,
      );
    } catch (error) {
      process.child.kill('SIGINT');
      throw error;
    }
    return new DemoChild(process);
  }

  get pid(): number {
    return this.#process.child.pid ?? 0;
  }

  /** What it and its children wrote for people so far. */
  get log(): string {
    return this.#process.stderr;
  }

  /** The process that runs the gateway now; undefined while there is none. */
  gatewayProcess(): ProcessFacts | undefined {
    return treeOf(this.pid).find(({ args }) => args.includes('run'));
  }

  /** Every process of the demo. */
  processes(): ProcessFacts[] {
    return treeOf(this.pid);
  }

  /** Ends it as Ctrl-C does. */
  interrupt(): Promise<Outcome> {
    return this.#process.kill('SIGINT');
  }

  /** True when its folder is there. */
  get hasFolder(): boolean {
    return existsSync(this.folder);
  }
}
