import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { MAIN } from '../main-script.ts';

/** How long a gateway may take from its start until its ports are open, milliseconds. */
const START_LIMIT_MS = 240_000;

export interface GatewayChildOptions {
  /** Sections of caisson.yaml. */
  readonly config: object;
  /** Folder for the file. */
  readonly folder: string;
}

/** `caisson run` as a process of its own, to be asked, killed and started again. */
export class GatewayChild {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  private constructor(child: ChildProcess, exited: Promise<void>, httpPort: number, grpcPort: number) {
    this.#child = child;
    this.#exited = exited;
    this.httpPort = httpPort;
    this.grpcPort = grpcPort;
  }

  /** Resolves when the gateway says where its dashboard is. */
  static async start({ config, folder }: GatewayChildOptions): Promise<GatewayChild> {
    const path = join(folder, 'caisson.yaml');
    writeFileSync(path, stringify(config));
    const child = spawn(process.execPath, [MAIN, 'run', path], { stdio: ['ignore', 'inherit', 'pipe'] });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const lines: string[] = [];
    const ports = await new Promise<{ http: number; grpc: number }>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`gateway ${why}:\n${lines.join('\n')}`));
      const limit = setTimeout(() => fail(`not up within ${START_LIMIT_MS} ms`), START_LIMIT_MS);
      void exited.then(() => fail('ended at its start'));
      createInterface({ input: child.stderr }).on('line', (line) => {
        lines.push(line);
        const found = /dashboard http:\/\/[^:]+:(\d+) {2}gRPC [^:]+:(\d+)/.exec(line);
        if (found === null) return;
        clearTimeout(limit);
        resolve({ http: Number(found[1]), grpc: Number(found[2]) });
      });
    });
    return new GatewayChild(child, exited, ports.http, ports.grpc);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Exit code; null while it runs, and where a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** Ends the process as a power cut of the process would: nothing of it runs any more. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
  }
}
