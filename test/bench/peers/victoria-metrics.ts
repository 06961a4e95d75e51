import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../free-port.ts';
import { folderBytes } from '../folder-bytes.ts';
import { cpuSeconds } from '../process-usage.ts';
import type { ImportBody } from './victoria-bodies.ts';

const START_TIMEOUT_MS = 20_000;
const LOOK_INTERVAL_MS = 50;
const STOP_TIMEOUT_MS = 60_000;

/** Merges are over when the process has used no more than this share of a core for so long. */
const QUIET_SHARE = 0.02;
const QUIET_MS = 1500;

/** A series as VictoriaMetrics tells it. */
export interface VictoriaSeries {
  readonly name: string;
  readonly values: readonly number[];
  /** Milliseconds. */
  readonly timestamps: readonly number[];
}

/** VictoriaMetrics of Debian, a process of its own with an empty store, its settings as it comes but for the retention. */
export class VictoriaMetrics {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #dir: string;
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess, url: string, dir: string) {
    this.#child = child;
    this.#url = url;
    this.#dir = dir;
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()));
  }

  static async start(): Promise<VictoriaMetrics> {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-bench-victoria-'));
    const port = await freePort();
    const child = spawn(
      'victoria-metrics',
      [`-storageDataPath=${dir}`, `-httpListenAddr=127.0.0.1:${port}`, '-retentionPeriod=100y', '-loggerLevel=ERROR'],
      { stdio: 'ignore' },
    );
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    const victoria = new VictoriaMetrics(child, `http://127.0.0.1:${port}`, dir);
    await Promise.race([victoria.#isUp(), failed]);
    return victoria;
  }

  async #isUp(): Promise<void> {
    const end = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < end) {
      const answer = await fetch(`${this.#url}/health`).catch(() => undefined);
      if (answer?.ok === true) return;
      await wait(LOOK_INTERVAL_MS);
    }
    throw new Error(`victoria-metrics was not up within ${START_TIMEOUT_MS / 1e3} s`);
  }

  /** CPU time used since its start, user and system, seconds. */
  cpuSeconds(): number {
    return cpuSeconds(this.#child.pid ?? 0);
  }

  async import({ path, headers, bytes }: ImportBody): Promise<void> {
    const answer = await fetch(this.#url + path, { method: 'POST', headers, body: bytes });
    if (!answer.ok) throw new Error(`victoria-metrics: ${path}: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
  }

  /** Writes what it holds in memory to disk; resolves when it is at rest. */
  async flush(): Promise<void> {
    await this.#get('/internal/force_flush');
    await this.#rest();
  }

  /** Merges all parts as far as it can; resolves when it is at rest. */
  async merge(): Promise<void> {
    await this.#get('/internal/force_merge');
    await this.#rest();
  }

  /** Every series, each as one or more pieces. */
  async *series(): AsyncGenerator<VictoriaSeries> {
    const answer = await this.#get(`/api/v1/export?match[]=${encodeURIComponent('{__name__!=""}')}`);
    if (answer.body === null) throw new Error('victoria-metrics: an export without a body');
    for await (const line of createInterface({ input: Readable.fromWeb(answer.body) })) {
      const { metric, values, timestamps } = JSON.parse(line) as {
        metric: { __name__: string };
        values: number[];
        timestamps: number[];
      };
      yield { name: metric.__name__, values, timestamps };
    }
  }

  /** All of it in the form in which it moves between instances. */
  async native(): Promise<Uint8Array> {
    const answer = await this.#get(`/api/v1/export/native?match[]=${encodeURIComponent('{__name__!=""}')}`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** Bytes of samples and index on disk; its caches, which it can make anew, are not counted. */
  dataBytes(): number {
    return ['data', 'indexdb', 'metadata'].reduce((sum, part) => sum + folderBytes(join(this.#dir, part)), 0);
  }

  /** Ends it in order; its files stay until {@link VictoriaMetrics.dispose}. */
  async stop(): Promise<void> {
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.#child.kill('SIGINT');
    await this.#ended;
    clearTimeout(force);
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #get(path: string): Promise<Response> {
    const answer = await fetch(this.#url + path);
    if (!answer.ok) throw new Error(`victoria-metrics: ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async #rest(): Promise<void> {
    let used = this.cpuSeconds();
    for (;;) {
      await wait(QUIET_MS);
      const now = this.cpuSeconds();
      if (now - used <= QUIET_SHARE * (QUIET_MS / 1e3)) return;
      used = now;
    }
  }
}
